//! Names in arguments: unknown names are errors before anything is done, and kernels are written as
//! VERSION or DISTRO/VERSION.

use crate::program::{Program, Ran};

const VERSION: &str = "6.1.0-1-amd64";
const UNKNOWN: &str = "6.1.0-99-amd64";

/// Returns a program with one kernel in 2 distributions.
async fn program() -> Program {
    let program = Program::new().await;
    program.done(&[
        "kver",
        "add",
        "debian12/6.1.0-1-amd64",
        "debian13/6.1.0-1-amd64",
        "debian12/6.1.0-2-cloud-amd64",
    ]);
    let client = program.database.client().await;
    let insert = "INSERT INTO kver_seen (distro, version) SELECT distro, version FROM kver;
        INSERT INTO kver_fetched (distro, version) SELECT distro, version FROM kver";
    client.batch_execute(insert).await.unwrap();
    program
}

#[tokio::test]
async fn unknown_names_are_errors_in_every_command() {
    let program = program().await;
    let before = program.journal().await;
    for command in [
        &["kver", "list"][..],
        &["kver", "show", VERSION],
        &["why", VERSION],
        &["fetch", "--dry-run"],
        &["store", "list"],
        &["build", "plan"],
        &["build", "run", "--command", "true"],
        &["build", "run", "--command", "true", "--dry-run"],
        &["build", "list"],
        &["test", "run", "--command", "true"],
        &["available", "list"],
        &[
            "available",
            "add",
            "--built",
            "--revision",
            "1",
            "--target",
            "t",
        ],
        &["cust", "hosts"],
        &["event", "list"],
        &["ignore", "list"],
        &["report", "risk"],
        &["report", "coverage"],
    ] {
        let ran = program.run(&[command, &["--distro", "debain12"]].concat());
        assert_eq!(ran.status, 1, "{command:?}: {ran:?}");
        assert!(
            ran.stderr.contains("hint: Did you mean debian12"),
            "{command:?}: {ran:?}"
        );
    }
    for command in [
        &["fetch", "--dry-run"][..],
        &["store", "list"],
        &["build", "plan"],
        &["build", "run", "--command", "true"],
        &["build", "run", "--command", "true", "--dry-run"],
        &["build", "list"],
        &["test", "plan"],
        &["available", "list"],
        &["cust", "hosts"],
        &["event", "list"],
    ] {
        for name in [UNKNOWN, "debian13/6.1.0-2-cloud-amd64"] {
            let ran = program.run(&[command, &["--kernel", name]].concat());
            assert_eq!(ran.status, 1, "{command:?} {name}: {ran:?}");
            assert!(
                ran.stderr.contains("does not exist"),
                "{command:?} {name}: {ran:?}"
            );
        }
    }
    for command in [
        &["why", VERSION][..],
        &["report", "risk"],
        &["report", "coverage"],
        &["build", "list"],
        &["available", "list"],
    ] {
        let ran = program.run(&[command, &["--target", "prodd"]].concat());
        assert!(
            ran.status == 1
                && ran
                    .stderr
                    .contains("release target \"prodd\" does not exist"),
            "{command:?}: {ran:?}"
        );
    }
    assert_eq!(program.journal().await, before);
}

#[tokio::test]
async fn the_distribution_of_a_kernel_selects_one_of_two() {
    let program = program().await;
    for command in [
        &["build", "plan"][..],
        &["event", "list", "--table", "kver"],
    ] {
        let of = |name: &str| {
            program.json(&[command, &["--kernel", name]].concat())["items"]
                .as_array()
                .unwrap()
                .len()
        };
        assert_eq!(
            (of(VERSION), of("debian13/6.1.0-1-amd64")),
            (2, 1),
            "{command:?}"
        );
    }
    let started = program.done(&[
        "build",
        "start",
        "--revision",
        "r",
        "--target",
        "t",
        "--kernel",
        "debian13/6.1.0-1-amd64",
    ]);
    assert_eq!(started.stderr, "started build 1 with 1 kernel\n");
    assert_eq!(
        program.value("SELECT distro FROM sp_build_kver").await,
        "debian13"
    );
    for (name, count) in [
        (VERSION, 1),
        ("debian13/6.1.0-1-amd64", 1),
        ("debian12/6.1.0-1-amd64", 0),
    ] {
        assert_eq!(
            program.json(&["build", "list", "--kernel", name])["items"]
                .as_array()
                .unwrap()
                .len(),
            count,
            "{name}"
        );
    }
    assert!(
        program
            .done(&["why", "debian13/6.1.0-1-amd64"])
            .stdout
            .starts_with("debian13 6.1.0-1-amd64")
    );
    assert_eq!(
        program.json(&["kver", "show", "debian12/6.1.0-1-amd64"])["item"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    for command in [
        &["build", "plan"][..],
        &["build", "list"],
        &["fetch", "--dry-run"],
        &["store", "list"],
        &["available", "list"],
        &["cust", "hosts"],
        &["event", "list", "--table", "kver"],
    ] {
        let items = |more: &[&str]| {
            let list = program.json(&[command, more].concat());
            list["items"].as_array().unwrap().clone()
        };
        let named = ["--kernel", "debian13/6.1.0-1-amd64"];
        assert_eq!(
            items(&[&named[..], &["--distro", "debian12"]].concat()),
            items(&named),
            "the distribution of the kernel overrides --distro: {command:?}"
        );
    }
    program.done(&["kver", "archive", "debian13/6.1.0-1-amd64"]);
    assert_eq!(
        program
            .value("SELECT distro FROM kver WHERE archived")
            .await,
        "debian13"
    );
}

#[tokio::test]
async fn texts_that_no_kernel_prints_are_not_added() {
    let program = Program::new().await;
    for (arguments, reason) in [
        (
            &["kver", "add", "debian12/linux-image-6.1"][..],
            "is not a kernel version",
        ),
        (
            &["kver", "add", "debian12/6.1 amd64"],
            "expected a kernel version (output of uname -r)",
        ),
        (
            &["kver", "add", "debian12/../../etc/cron.d/x"],
            "expected a kernel version (output of uname -r)",
        ),
        (
            &["kver", "add", "6.1.0-1-amd64"],
            "the distribution of kernel 6.1.0-1-amd64 is not specified",
        ),
    ] {
        let ran = program.run(arguments);
        assert!(
            ran.status == 2 && ran.stderr.contains(reason),
            "{arguments:?}: {ran:?}"
        );
    }
    assert_eq!(program.value("SELECT count(*) FROM kver").await, "0");
}

#[tokio::test]
async fn too_long_names_are_rejected_by_every_command() {
    let program = program().await;
    let before = program.journal().await;
    let long = "x".repeat(9000);
    let kernel = format!("debian12/6{long}");
    for (arguments, status, message) in [
        (
            &["kver", "add", &kernel][..],
            2,
            "expected a kernel version (output of uname -r) of at most 64 characters, found 9001 characters",
        ),
        (
            &["distro", "add", &long, "X"],
            2,
            "expected a distribution name of at most 64 characters, found 9000 characters",
        ),
        (
            &["ignore", "add", "debian12", &long],
            2,
            "expected a pattern of at most 256 characters, found 9000 characters",
        ),
        (
            &["cust", "report", "--type", "lab", "--cluster", &long],
            2,
            "expected a cluster name of at most 253 characters, found 9000 characters",
        ),
        (
            &[
                "build",
                "start",
                "--revision",
                &long,
                "--target",
                "t",
                "--kernel",
                VERSION,
            ],
            2,
            "'--revision <REVISION>': expected a name of at most 128 characters, found 9000 characters",
        ),
        (
            &[
                "build",
                "start",
                "--revision",
                "r",
                "--target",
                &long,
                "--kernel",
                VERSION,
            ],
            2,
            "'--target <TARGET>': expected a name of at most 128 characters",
        ),
        (
            &[
                "build",
                "run",
                "--revision",
                "r",
                "--target",
                "t",
                "--profile",
                &long,
                "--command",
                "true",
            ],
            2,
            "'--profile <PROFILE>': expected a name of at most 128 characters",
        ),
        (
            &[
                "available",
                "add",
                "--revision",
                &long,
                "--target",
                "t",
                "--kernel",
                VERSION,
            ],
            2,
            "'--revision <REVISION>': expected a name of at most 128 characters",
        ),
    ] {
        let ran = program.run(arguments);
        let name = &arguments[..2];
        assert_eq!(ran.status, status, "{name:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(message), "{name:?}: {}", ran.stderr);
    }
    assert_eq!(program.journal().await, before);
}

#[tokio::test]
async fn a_glob_with_a_percent_sign_that_matches_nothing_is_rejected() {
    let program = program().await;
    let ran = program.run(&["ignore", "add", "debian12", "%cloud%"]);
    let expected = "error: pattern %cloud% matches no kernel of debian12, and % is not a wildcard\n hint: Use * for any text: *cloud*.\n";
    assert_eq!((ran.status, ran.stderr.as_str()), (1, expected));
    assert_eq!(program.value("SELECT count(*) FROM kver_ignore").await, "0");
}

#[tokio::test]
async fn distributions_that_were_never_checked_are_reported() {
    let program = program().await;
    for command in [
        &["kver", "list"][..],
        &["report", "risk"],
        &["report", "coverage"],
        &["fetch", "--distro", "debian12"],
    ] {
        let ran = program.done(command);
        assert!(
            ran.stderr.contains("warning: never checked: debian12"),
            "{command:?}: {ran:?}"
        );
        assert!(
            ran.stderr.contains(" hint: sqern check --distro debian12"),
            "{command:?}: {ran:?}"
        );
    }
    let page = program.done(&["report", "coverage", "--html", "-"]).stdout;
    assert!(page.contains("never checked: debian12"), "{page}");
}

#[tokio::test]
async fn a_reader_is_rejected_before_the_work_starts() {
    let program = program().await;
    let dsn = format!("{} options='-c role=sqern_reader'", program.database.dsn());
    let ran = Ran::from(
        program
            .bare_command(&["check", "--distro", "debian12", "--dsn", &dsn])
            .output()
            .unwrap(),
    );
    let expected = "error: role sqern_reader cannot record crawls\n \
                    hint: An administrator can run: GRANT sqern_crawler TO \"sqern_reader\"\n";
    assert_eq!(
        (ran.status, ran.stdout.as_str(), ran.stderr.as_str()),
        (1, "", expected)
    );
}

#[tokio::test]
async fn a_limit_of_0_prints_all_rows() {
    let program = program().await;
    for command in [
        &["kver", "list"][..],
        &["event", "list"],
        &["generation", "list"],
        &["distro", "list"],
        &["build", "plan"],
    ] {
        let count = |limit: &str| {
            let ran = program.done(&[command, &["--limit", limit, "--csv"]].concat());
            ran.stdout.lines().count() - 1
        };
        assert_eq!(count("1"), 1, "{command:?}");
        assert_eq!(count("0"), count("1000"), "{command:?}");
        assert!(count("0") >= 1, "{command:?}");
    }
}

#[tokio::test]
async fn a_refused_revert_names_each_row_once_and_the_generations() {
    let program = Program::new().await;
    program.done(&["distro", "add", "fedora42", "FEDORA42"]);
    let generation = program.value("SELECT max(id) FROM generation").await;
    program.done(&[
        "kver", "add", "--distro", "fedora42", "6.1.0-1", "6.1.0-2", "6.1.0-3",
    ]);
    let later = program.value("SELECT max(id) FROM generation").await;
    program.done(&["kver", "add", "debian12/6.1.0-4-amd64"]);
    let ran = program.run(&["generation", "revert", &generation]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert_eq!(
        ran.stderr
            .matches("kver {\"distro\": \"fedora42\"}")
            .count(),
        1,
        "{ran:?}"
    );
    assert!(
        ran.stderr
            .contains(&format!("starting with the newest: {later}.")),
        "{ran:?}"
    );
}
