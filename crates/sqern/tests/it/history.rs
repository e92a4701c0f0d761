//! Past states, differences between states, and reverts.

use serde_json::json;

use crate::check::{sources, suite};
use crate::program::{Program, field};

/// Returns a program with 4 generations: distributions, 3 kernels, a pattern, and an archived
/// kernel.
async fn with_history() -> Program {
    let program = Program::new().await;
    program.done(&[
        "kver",
        "add",
        "--distro",
        "debian12",
        "6.1.0-25-amd64",
        "6.1.0-26-amd64",
        "6.1.0-26-cloud-amd64",
    ]);
    program.done(&[
        "ignore",
        "add",
        "debian12",
        "*-cloud-amd64",
        "--comment",
        "no cloud",
    ]);
    program.done(&["kver", "archive", "--distro", "debian12", "6.1.0-25-amd64"]);
    program
}

#[tokio::test]
async fn patterns_are_listed_by_a_kernel_that_they_match() {
    let program = with_history().await;
    for (kernel, globs) in [
        ("6.1.0-26-cloud-amd64", 1),
        ("debian12/6.1.0-26-cloud-amd64", 1),
        ("debian13/6.1.0-26-cloud-amd64", 0),
        ("6.1.0-26-amd64", 0),
    ] {
        let list = program.json(&["ignore", "list", "--kernel", kernel]);
        assert_eq!(field(&list, "glob").len(), globs, "{kernel}");
    }
}

#[tokio::test]
async fn lists_print_only_rows_since_a_generation_or_a_time() {
    let program = with_history().await;
    let ids = |arguments: &[&str]| field(&program.json(arguments), "id").join(" ");
    assert_eq!(ids(&["generation", "list", "--since", "2"]), "4 3");
    assert_eq!(
        ids(&["generation", "list", "--since", "2", "--at", "3"]),
        "3"
    );
    assert_eq!(
        ids(&["generation", "list", "--since", "1 hour ago"]),
        "4 3 2 1"
    );
    let tables = field(
        &program.json(&["event", "list", "--since", "2"]),
        "table_name",
    );
    assert_eq!(tables, ["kver", "kver_ignore"]);
    program
        .database
        .client()
        .await
        .batch_execute(
            "INSERT INTO kver_seen VALUES ('debian12', '6.1.0-25-amd64', '2026-05-01 00:00Z'),
                 ('debian12', '6.1.0-26-amd64', '2026-05-03 00:00Z');
             INSERT INTO sp_build (tstamp) VALUES ('2026-05-01 00:00Z'), ('2026-05-03 00:00Z')",
        )
        .await
        .unwrap();
    let seen = program.json(&["kver", "list", "--all", "--since", "2026-05-02"]);
    assert_eq!(field(&seen, "version"), ["6.1.0-26-amd64"]);
    assert_eq!(ids(&["build", "list", "--since", "2026-05-02"]), "2");
    let unknown = program.run(&["generation", "list", "--since", "99"]);
    assert!(
        unknown.status == 1 && unknown.stderr.contains("generation \"99\" does not exist"),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn lists_print_past_states() {
    let program = with_history().await;
    let versions = |arguments: &[&str]| field(&program.json(arguments), "version").join(" ");
    assert_eq!(versions(&["kver", "list"]), "6.1.0-26-amd64");
    assert_eq!(
        versions(&["kver", "list", "--at", "3"]),
        "6.1.0-26-amd64 6.1.0-25-amd64"
    );
    assert_eq!(
        versions(&["kver", "list", "--at", "2"]),
        "6.1.0-26-cloud-amd64 6.1.0-26-amd64 6.1.0-25-amd64"
    );
    assert_eq!(versions(&["kver", "list", "--at", "1", "--all"]), "");
    assert_eq!(
        field(&program.json(&["ignore", "list", "--at", "2"]), "glob"),
        Vec::<String>::new()
    );
    assert_eq!(
        field(&program.json(&["ignore", "list", "--at", "3"]), "glob"),
        ["*-cloud-amd64"]
    );
    assert_eq!(
        field(&program.json(&["distro", "list", "--at", "1"]), "kernels"),
        ["0", "0"]
    );
    assert_eq!(
        field(&program.json(&["distro", "list", "--at", "2"]), "kernels"),
        ["3", "0"]
    );
    assert_eq!(
        field(&program.json(&["distro", "list", "--at", "0"]), "name"),
        Vec::<String>::new()
    );
    assert_eq!(
        field(&program.json(&["generation", "list", "--at", "3"]), "id"),
        ["3", "2", "1"]
    );
    assert_eq!(
        field(
            &program.json(&["event", "list", "--at", "2", "--table", "kver"]),
            "generation"
        ),
        ["2", "2", "2"]
    );
}

#[tokio::test]
async fn past_states_print_their_generation() {
    let program = with_history().await;
    let past = program.json(&["kver", "list", "--at", "2"]);
    let committed_at =
        program.value("SELECT to_json(committed_at AT TIME ZONE 'UTC') #>> '{}' || 'Z' FROM generation_commit WHERE generation = 2").await;
    assert_eq!(past["as_of"]["generation"], 2);
    assert_eq!(
        past["as_of"]["committed_at"]
            .as_str()
            .unwrap()
            .trim_end_matches(['0', 'Z']),
        committed_at.trim_end_matches(['0', 'Z'])
    );
    let by_time = program.json(&[
        "kver",
        "list",
        "--at",
        past["as_of"]["committed_at"].as_str().unwrap(),
    ]);
    assert_eq!(by_time, past, "the time of a generation selects it");
    let table = program.done(&["kver", "list", "--at", "2"]);
    assert!(
        table.stderr.starts_with("as of generation 2, committed 20"),
        "{table:?}"
    );
    let before = program.done(&["kver", "list", "--at", "1999-12-31"]);
    assert_eq!(
        before.stderr,
        "nothing to show\nas of the state before the first generation\n"
    );
    assert_eq!(
        program.json(&["kver", "list", "--at", "1999-12-31"])["as_of"],
        json!({"generation": 0, "committed_at": null})
    );
    assert_eq!(program.json(&["kver", "list"]).get("as_of"), None);
}

#[tokio::test]
async fn invalid_values_of_at_are_rejected() {
    let program = with_history().await;
    let typed = program.run(&["kver", "list", "--at", "tomorrow"]);
    assert_eq!(typed.status, 2);
    assert!(
        typed
            .stderr
            .contains("expected a generation ID or a time (2026-05, "),
        "{typed:?}"
    );
    let unknown = program.run(&["kver", "list", "--at", "99"]);
    let reported = "error: generation \"99\" does not exist\n hint: sqern generation list\n";
    assert_eq!((unknown.status, unknown.stderr.as_str()), (1, reported));
    let future = program.run(&["kver", "list", "--at", "2999-01-01"]);
    assert_eq!(
        (future.status, future.stderr.as_str()),
        (1, "error: the time 2999-01-01T00:00:00Z is in the future\n")
    );
    for at in ["1 week ago", "4500000 days ago", "-004000-01-01T00:00:00Z"] {
        assert_eq!(
            program
                .done(&["kver", "list", &format!("--at={at}")])
                .stdout,
            "",
            "{at}: before the first generation"
        );
    }
    let unknown = program.run(&["kver", "show", "6.9.9", "--json"]);
    assert!(
        unknown.stderr.contains("\"code\":\"unknown-kernel\""),
        "{unknown:?}"
    );
    let distro = program.run(&["kver", "list", "--at", "0", "--distro", "debian12"]);
    assert!(
        distro
            .stderr
            .contains("distribution \"debian12\" does not exist"),
        "the distribution did not exist then: {distro:?}"
    );
}

#[tokio::test]
async fn diff_prints_old_and_new_values_by_record() {
    let program = with_history().await;
    let ran = program.done(&["generation", "diff", "2", "4"]);
    assert_eq!(
        ran.stdout,
        "kver: 0 inserted, 1 updated, 0 deleted\n  ~ debian12 6.1.0-25-amd64  archived: false → true\n\
         kver_ignore: 1 inserted, 0 updated, 0 deleted\n  + debian12 %-cloud-amd64  reason: null  deleted_at: -infinity\n"
    );
    let alone = program.done(&["generation", "diff", "4"]);
    assert_eq!(alone.stdout.lines().count(), 2, "{alone:?}");
    let back = program.json(&["generation", "diff", "4", "3"]);
    let updated = json!({
        "table_name": "kver", "action": "update", "pkey": {"distro": "debian12", "version": "6.1.0-25-amd64"},
        "fields": {"archived": false}, "old": {"archived": true}
    });
    assert_eq!(back["items"], json!([updated]));
    assert_eq!(
        program.done(&["generation", "diff", "4", "4"]).stderr,
        "no differences\n"
    );
    assert!(
        program
            .done(&["generation", "diff", "0", "4", "--csv"])
            .stdout
            .starts_with("table_name,action,pkey,fields,old\n")
    );
}

#[tokio::test]
async fn a_generation_and_its_revert_can_be_reverted() {
    let program = with_history().await;
    let dry_run = program.done(&["generation", "revert", "3", "--dry-run"]);
    assert!(
        dry_run.stdout.contains("- debian12 %-cloud-amd64"),
        "{dry_run:?}"
    );
    assert!(
        dry_run
            .stderr
            .contains("would create a generation of 1 event; nothing was changed"),
        "{dry_run:?}"
    );
    assert_eq!(program.value("SELECT count(*) FROM kver_ignore").await, "1");

    let reverted = program.json(&["generation", "revert", "3"]);
    let id = reverted["item"]["generation"].as_i64().unwrap().to_string();
    assert_eq!(program.value("SELECT count(*) FROM kver_ignore").await, "0");
    assert_eq!(
        program
            .value(&format!("SELECT comment FROM generation WHERE id = {id}"))
            .await,
        "revert of 3: no cloud"
    );
    program.done(&["generation", "revert", &id]);
    assert_eq!(
        program
            .value("SELECT string_agg(id || ' ' || pattern, '') FROM kver_ignore")
            .await,
        "1 %-cloud-amd64"
    );
    assert_eq!(
        field(&program.json(&["kver", "list"]), "version"),
        ["6.1.0-26-amd64"],
        "the pattern applies again"
    );
}

#[tokio::test]
async fn a_revert_that_conflicts_with_later_changes_is_rejected() {
    let program = with_history().await;
    let journal = program.journal().await;
    let changed = program.run(&["generation", "revert", "2"]);
    assert_eq!(changed.status, 1);
    assert_eq!(
        changed.stderr,
        "error: cannot revert generation 2: later generations changed 1 of its rows\n  \
         kver {\"distro\": \"debian12\", \"version\": \"6.1.0-25-amd64\"}: generation 4\n \
         hint: Revert generation 4 first: sqern generation revert 4\n"
    );
    let referenced = program.run(&["generation", "revert", "1"]);
    assert_eq!(referenced.status, 1);
    assert!(
        referenced.stderr.contains(
            "cannot revert generation 1: rows that it inserted into table distro are referenced by 3 rows of table kver\n  kver {"
        ),
        "{referenced:?}"
    );
    assert_eq!(
        program.journal().await,
        journal,
        "a rejected revert changes nothing"
    );
    assert_eq!(program.run(&["generation", "revert", "99"]).status, 1);
}

#[tokio::test]
async fn a_reverted_check_can_be_repeated() {
    let program = Program::new().await;
    let home = program.home.path();
    let written = suite("bookworm", &["6.1.0-1", "6.1.0-2"])
        .write(&home.join("archive"))
        .unwrap();
    sources(home, &[(&written, &written.file_url())]);
    let check = ["check", "--sources", home.to_str().unwrap()];
    program.done(&check);
    let id = program.value("SELECT max(id) FROM generation").await;
    program.done(&["generation", "revert", &id]);
    let counted = "SELECT (SELECT count(*) FROM kver) || ' ' || (SELECT count(*) FROM kver_seen) || ' ' || (SELECT count(*) FROM kver_package)";
    assert_eq!(program.value(counted).await, "0 0 0");
    program.done(&check);
    assert_eq!(program.value(counted).await, "2 2 4");
}

#[tokio::test]
async fn changes_without_events_are_detected() {
    let program = with_history().await;
    program.done(&["db", "check"]);
    let around = "SET session_replication_role = replica; UPDATE kver SET archived = true WHERE version = '6.1.0-26-amd64'";
    program
        .database
        .client()
        .await
        .batch_execute(around)
        .await
        .unwrap();
    let reported = program.run(&["db", "check"]);
    assert_eq!(reported.status, 1);
    assert!(
        reported.stdout.contains(
            r#"kver {"distro": "debian12", "version": "6.1.0-26-amd64"}: the journal contains {"#
        ) && reported
            .stdout
            .contains(r#""archived": false}, the table contains {"#),
        "{reported:?}"
    );
}
