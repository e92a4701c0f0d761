//! Settings of roles, databases and servers that commands must not depend on.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use crate::program::{Program, Ran};

/// Sets a parameter for new sessions of the database.
async fn set(program: &Program, setting: &str) {
    let name = program.database.name();
    let client = program.database.client().await;
    client
        .batch_execute(&format!("ALTER DATABASE {name} SET {setting}"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_table_of_the_user_does_not_hide_a_table_of_sqern() {
    let program = Program::new().await;
    let client = program.database.client().await;
    client
        .batch_execute("CREATE SCHEMA sqern; CREATE TABLE sqern.kver (LIKE kver); CREATE TABLE sqern.cust_cluster (LIKE cust_cluster)")
        .await
        .unwrap();
    for path in ["sqern, public", "''"] {
        set(&program, &format!("search_path = {path}")).await;
        let version = format!("6.1.0-{}", path.len());
        program.done(&["kver", "add", &format!("debian12/{version}")]);
        let listed = program.done(&["kver", "list", "--csv"]);
        assert!(listed.stdout.contains(&version), "{listed:?}");
    }
    let recorded =
        "SELECT (SELECT count(*) FROM public.kver) || ' ' || (SELECT count(*) FROM sqern.kver)";
    assert_eq!(program.value(recorded).await, "2 0");
}

#[tokio::test]
async fn backslashes_in_string_constants_have_one_meaning() {
    let program = Program::new().await;
    set(&program, "standard_conforming_strings = off").await;
    program.done(&["kver", "add", "debian12/6.1.0-1-amd64"]);
    program.done(&["ignore", "add", "debian12", "6.1.0-*"]);
    assert_eq!(
        program.value("SELECT count(*) FROM kver_ignored").await,
        "1"
    );
}

#[tokio::test]
async fn a_read_only_server_is_an_error_with_a_hint() {
    let program = Program::new().await;
    set(&program, "default_transaction_read_only = on").await;
    let ran = program.run(&["kver", "add", "debian12/6.1.0-1-amd64"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(
        ran.stderr.contains("target_session_attrs=read-write"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn a_report_can_arrive_more_slowly_than_the_timeouts_of_the_server() {
    let program = Program::new().await;
    for timeout in [
        "statement_timeout",
        "idle_session_timeout",
        "idle_in_transaction_session_timeout",
    ] {
        set(&program, &format!("{timeout} = '300ms'")).await;
        let mut child = program
            .command(&["cust", "load", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        for part in [
            r#"{"clusters": [{"name": "acme", "type": "lab", "#,
            r#""hosts": [{"name": "h1", "distro": "debian12", "running": "6.1.0-1-amd64", "installed": []}]}]}"#,
        ] {
            stdin.write_all(part.as_bytes()).unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        drop(stdin);
        let ran = Ran::from(child.wait_with_output().unwrap());
        assert_eq!(ran.status, 0, "{timeout}: {ran:?}");
    }
}

#[tokio::test]
async fn a_reader_cannot_block_a_load() {
    let program = Program::new().await;
    let reader = program.database.client().await;
    let keys = ["crawl", "cust", "sqern"].map(|name| {
        let key = name
            .bytes()
            .fold(0_i64, |key, byte| key << 8 | i64::from(byte));
        format!("SELECT pg_advisory_lock({key})")
    });
    reader
        .batch_execute(&format!(
            "SET SESSION AUTHORIZATION sqern_reader; BEGIN; SELECT FROM cust_cluster; {}",
            keys.join("; ")
        ))
        .await
        .unwrap();
    let file = program.home.path().join("report.csv");
    std::fs::write(
        &file,
        "cluster,type,host,distro,version,current\nacme,lab,h1,debian12,6.1.0-1-amd64,true\n",
    )
    .unwrap();
    program.done(&["cust", "load", file.to_str().unwrap()]);
    program.done(&["db", "migrate"]);
}
