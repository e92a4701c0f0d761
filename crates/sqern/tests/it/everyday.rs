//! Distributions, kernels, patterns, generations, the schema and exit statuses.

use sqern_testkit::TestServer;

use crate::program::{Program, Ran, field};

#[tokio::test]
async fn import_adds_sp_variant_and_all_distributions_with_sources() {
    let program = Program::on(TestServer::shared().await.database("import").await);
    program.done(&["db", "migrate"]);
    program.done(&["distro", "import"]);
    let list = program.json(&["distro", "list"]);
    assert_eq!(list["schema"], "sqern.distro.list/1");
    let names = field(&list, "name");
    let supported = field(&list, "supported");
    for variant in sp_variant::get_all_variants_in_order() {
        let index = names
            .iter()
            .position(|name| *name == variant.builder.alias)
            .expect("each variant is imported");
        assert_eq!(
            supported[index],
            variant.supported.repo.to_string(),
            "{}",
            variant.builder.alias
        );
    }
    for (name, def) in sqern_upstream::sources::builtin().unwrap().distros {
        assert!(names.contains(&name.to_string()), "{name} has a source");
        let known = sp_variant::get_all_variants_in_order()
            .find(|variant| variant.builder.alias == name.as_str());
        if let Some(known) = known {
            assert_eq!(known.kind.as_ref(), def.variant, "{name}");
        }
    }
    assert_eq!(
        names
            .iter()
            .filter(|name| name.starts_with("alma") || name.starts_with("rocky"))
            .count(),
        6,
        "alma10 and rocky10 by their sources"
    );

    let journal = program.journal().await;
    let again = program.done(&["distro", "import"]);
    assert_eq!(
        (again.stdout.as_str(), again.stderr.trim()),
        ("", "nothing to change")
    );
    assert_eq!(
        program.journal().await,
        journal,
        "a second import records nothing"
    );
}

#[tokio::test]
async fn distro_changes_are_recorded_with_their_command_lines() {
    let program = Program::new().await;
    program.done(&["distro", "add", "fedora42", "FEDORA42"]);
    program.done(&[
        "distro",
        "set",
        "fedora42",
        "--supported",
        "--comment",
        "requested by customers",
    ]);
    let list = program.done(&["distro", "list", "--csv"]);
    assert!(
        list.stdout
            .starts_with("name,variant,supported,kernels,upstream,checked_at\n"),
        "{list:?}"
    );
    assert!(
        list.stdout
            .contains("fedora42,FEDORA42,true,0,not checked,\n"),
        "{list:?}"
    );
    let generations = program.json(&["generation", "list", "--limit", "2"]);
    assert_eq!(
        field(&generations, "comment"),
        [
            "requested by customers",
            "sqern distro add fedora42 FEDORA42"
        ]
    );

    program.done(&["distro", "set", "fedora42", "--unsupported"]);
    assert_eq!(
        program
            .value("SELECT supported FROM distro WHERE name = 'fedora42'")
            .await,
        "false"
    );
    assert_eq!(program.run(&["distro", "set", "fedora42"]).status, 2);
    let twice = program.run(&["distro", "add", "fedora42", "FEDORA42"]);
    assert_eq!(
        (twice.status, twice.stderr.trim()),
        (1, "error: distribution \"fedora42\" already exists")
    );
}

#[tokio::test]
async fn output_that_cannot_be_written_is_an_error() {
    let program = Program::new().await;
    for args in [
        &["distro", "list"][..],
        &["distro", "list", "--json"],
        &["--version"],
        &["--help"],
        &["completions", "bash"],
    ] {
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let read_only = std::fs::File::open("/dev/null").unwrap();
        for (output, reason) in [
            (full, "No space left on device"),
            (read_only, "Bad file descriptor"),
        ] {
            let ran = Ran::from(program.command(args).stdout(output).output().unwrap());
            let message = format!("could not write to standard output: {reason}");
            let start = if args.contains(&"--json") {
                format!(r#"{{"schema":"sqern.error/1","error":{{"code":"io","message":"{message}"#)
            } else {
                format!("error: {message}")
            };
            assert!(
                ran.status == 1 && ran.stderr.starts_with(&start),
                "{args:?}: {ran:?}"
            );
        }
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ran = Ran::from(program.command(args).stdout(writer).output().unwrap());
        assert_eq!(
            (ran.status, ran.stderr.as_str()),
            (0, ""),
            "a closed pipe is not an error: {args:?}"
        );
    }
}

#[tokio::test]
async fn an_unknown_distribution_is_reported_with_similar_names() {
    let program = Program::new().await;
    for arguments in [
        &["kver", "add", "--distro", "debain12", "6.1.0-25-amd64"][..],
        &["kver", "list", "--distro", "debain12"],
        &["ignore", "add", "debain12", "*"],
        &["distro", "set", "debain12", "--supported"],
        &["check", "--distro", "debain12"],
    ] {
        let ran = program.run(arguments);
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(
            ran.stderr.contains(
                "distribution \"debain12\" does not exist\n hint: Did you mean debian12?"
            ),
            "{ran:?}"
        );
        assert!(ran.stderr.contains("hint: sqern distro list"), "{ran:?}");
    }
    assert_eq!(
        program
            .value("SELECT count(*) FROM generation WHERE comment IS NOT NULL")
            .await,
        "0"
    );
}

#[tokio::test]
async fn kernels_are_added_listed_newest_first_archived_and_shown() {
    let program = Program::new().await;
    program.done(&[
        "kver",
        "add",
        "--distro",
        "debian12",
        "6.1.0-9-amd64",
        "6.1.0-25-amd64",
        "6.1.0-25-cloud-amd64",
    ]);
    let versions = |arguments: &[&str]| field(&program.json(arguments), "version");
    assert_eq!(
        versions(&["kver", "list"]),
        ["6.1.0-25-cloud-amd64", "6.1.0-25-amd64", "6.1.0-9-amd64"]
    );
    assert_eq!(
        versions(&["kver", "list", "--like", "*-25-amd64"]),
        ["6.1.0-25-amd64"]
    );

    program.done(&["kver", "archive", "--distro", "debian12", "6.1.0-9-amd64"]);
    assert_eq!(
        versions(&["kver", "list"]),
        ["6.1.0-25-cloud-amd64", "6.1.0-25-amd64"]
    );
    assert_eq!(versions(&["kver", "list", "--all"]).len(), 3);
    assert!(
        program
            .done(&["kver", "show", "6.1.0-9-amd64"])
            .stdout
            .contains("archived")
    );
    program.done(&["kver", "unarchive", "--distro", "debian12", "6.1.0-9-amd64"]);
    assert_eq!(versions(&["kver", "list"]).len(), 3);

    let unknown = program.run(&["kver", "show", "6.1.0-99-amd64"]);
    assert!(
        unknown.stderr.contains("Did you mean 6.1.0-9-amd64"),
        "{unknown:?}"
    );
    assert_eq!(
        program
            .run(&["kver", "add", "--distro", "debian12", " x"])
            .status,
        2,
        "a version with a blank"
    );
    let limited = program.done(&["kver", "list", "--limit", "1"]);
    assert_eq!(
        (
            limited.stdout.lines().count(),
            limited.stderr.lines().next().unwrap()
        ),
        (2, "1 of 3 shown; --limit 0 prints all")
    );
}

#[tokio::test]
async fn patterns_are_previewed_stored_as_like_and_removed_as_glob() {
    let program = Program::new().await;
    program.done(&[
        "kver",
        "add",
        "--distro",
        "debian12",
        "6.1.0-25-amd64",
        "6.1.0-25-cloud-amd64",
    ]);
    let journal = program.journal().await;

    let dry_run = program.done(&["ignore", "add", "debian12", "*-cloud-amd64", "--dry-run"]);
    assert_eq!(dry_run.stdout, "ignored: 6.1.0-25-cloud-amd64\n");
    assert_eq!(
        program.journal().await,
        journal,
        "a dry run records nothing"
    );

    program.done(&[
        "ignore",
        "add",
        "debian12",
        "*-cloud_amd?4",
        "--reason",
        "no customer runs it",
    ]);
    program.done(&["ignore", "add", "debian12", "*-cloud-amd64"]);
    let list = program.json(&["ignore", "list"]);
    assert_eq!(
        field(&list, "pattern"),
        ["%-cloud-amd64", r"%-cloud\_amd_4"]
    );
    assert_eq!(field(&list, "matches"), ["1", "0"]);
    assert_eq!(
        field(&program.json(&["kver", "list"]), "version"),
        ["6.1.0-25-amd64"]
    );

    assert_eq!(
        program
            .done(&["ignore", "remove", "debian12", "*-cloud-amd64"])
            .stdout,
        "no longer ignored: 6.1.0-25-cloud-amd64\n"
    );
    assert_eq!(field(&program.json(&["kver", "list"]), "version").len(), 2);
    let unknown = program.run(&["ignore", "remove", "debian12", "*-cloud-amd64"]);
    assert_eq!(unknown.status, 1, "{unknown:?}");
    let bracket = program.run(&["ignore", "add", "debian12", "6.[12].*"]);
    assert_eq!(bracket.status, 2, "{bracket:?}");
    assert!(
        bracket
            .stderr
            .contains("bracket expressions are not supported in pattern"),
        "{bracket:?}"
    );
}

#[tokio::test]
async fn generation_show_and_event_list_print_changes() {
    let program = Program::new().await;
    program.done(&[
        "kver",
        "add",
        "--distro",
        "debian12",
        "6.1.0-25-amd64",
        "--comment",
        "by hand",
    ]);
    program.done(&["kver", "archive", "--distro", "debian12", "6.1.0-25-amd64"]);
    let id = program.value("SELECT max(id) FROM generation").await;
    let shown = program.done(&["generation", "show", &id]).stdout;
    assert!(
        shown.contains("kver               0 inserted, 1 updated, 0 deleted"),
        "{shown}"
    );
    assert!(
        shown.contains("update kver debian12 6.1.0-25-amd64  archived: false → true"),
        "{shown}"
    );

    let events = program.json(&["event", "list", "--kernel", "6.1.0-25-amd64"]);
    assert_eq!(field(&events, "action"), ["update", "insert"]);
    assert_eq!(
        field(
            &program.json(&["event", "list", "--table", "distro"]),
            "action"
        ),
        ["insert", "insert"]
    );
    assert_eq!(
        field(
            &program.json(&["event", "list", "--generation", &id]),
            "generation"
        ),
        [id.as_str()]
    );
    assert_eq!(program.run(&["generation", "show", "999"]).status, 1);
}

#[tokio::test]
async fn an_incompatible_schema_is_reported_and_not_changed() {
    let program = Program::on(TestServer::shared().await.database("schema").await);
    let missing = program.run(&["kver", "list"]);
    assert_eq!(missing.status, 1);
    assert!(
        missing.stderr.contains("database has no sqern schema")
            && missing.stderr.contains("hint: sqern db migrate"),
        "{missing:?}"
    );
    assert_eq!(program.run(&["db", "status"]).status, 1);
    assert!(
        program
            .done(&["db", "migrate", "--dry-run"])
            .stdout
            .contains("would be applied")
    );
    program.done(&["db", "migrate"]);
    program.done(&["db", "status"]);
    program.done(&["db", "check"]);
    assert_eq!(
        program.done(&["db", "migrate"]).stdout,
        "schema is up to date\n"
    );

    let back = program.run(&["db", "migrate", "--to", "0"]);
    assert_eq!(back.status, 1, "{back:?}");
    assert!(
        back.stderr
            .contains("a downgrade deletes data and requires --yes"),
        "{back:?}"
    );
    program.done(&["db", "status"]);

    let client = program.database.client().await;
    client
        .batch_execute("INSERT INTO schema_migration VALUES (999, 'upheaval', true, 'x')")
        .await
        .unwrap();
    for arguments in [&["check"][..], &["kver", "list"], &["db", "migrate"]] {
        let ran = program.run(arguments);
        assert_eq!(ran.status, 1, "{ran:?}");
        assert!(
            ran.stderr
                .contains("database schema version 999 (upheaval) is newer than version "),
            "{ran:?}"
        );
        assert!(
            ran.stderr.contains("; older programs must not use it\n"),
            "{ran:?}"
        );
        assert!(ran.stderr.contains("Nothing was changed."), "{ran:?}");
    }
}

#[tokio::test]
async fn usage_errors_exit_with_2_and_a_missing_server_with_1() {
    let program = Program::new().await;
    assert_eq!(program.run(&["kver", "lst"]).status, 2);
    assert_eq!(program.run(&["kver", "list", "--json", "--csv"]).status, 2);
    let journal = program.journal().await;
    for arguments in [
        &["db", "status", "--csv"][..],
        &[
            "kver",
            "add",
            "--distro",
            "debian12",
            "6.1.0-25-amd64",
            "--csv",
        ],
    ] {
        assert_eq!(program.run(arguments).status, 2);
    }
    assert_eq!(
        program.journal().await,
        journal,
        "a rejected command changes nothing"
    );
    let nowhere = program
        .bare_command(&["kver", "list", "--dsn", "host=/nonexistent"])
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(1), "{nowhere:?}");
    let help = program.bare_command(&["--help"]).output().unwrap();
    assert_eq!(help.status.code(), Some(0));
}

#[tokio::test]
async fn control_characters_are_not_printed() {
    let program = Program::new().await;
    let client = program.database.client().await;
    client
        .batch_execute("BEGIN; SELECT generation_start(E'red \\x1b[31m \\x1b[2J'); UPDATE distro SET supported = false; COMMIT")
        .await
        .unwrap();
    let list = program.done(&["generation", "list"]);
    assert!(
        !list.stdout.contains('\u{1b}') && list.stdout.contains(r"red \u{1b}[31m \u{1b}[2J"),
        "{list:?}"
    );
}
