//! Privileges of each role, tested with statements of the role.

use crate::support::{migrated, refused, rows, run, value};

const DATA: &str = "INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver VALUES ('d', '1');";

#[tokio::test]
async fn a_writer_writes_data_and_its_changes_are_journaled() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, "SET ROLE sqern_writer").await;
    run(
        &client,
        &format!(
            "BEGIN; SELECT generation_start('as a writer'); {DATA} UPDATE kver SET archived = true;
        INSERT INTO kver_ignore (distro, pattern) VALUES ('d', '%'); SELECT generation_drop_empty_current(); COMMIT"
        ),
    )
    .await;
    assert_eq!(
        rows(
            &client,
            "SELECT count(*), count(DISTINCT generation) FROM event"
        )
        .await,
        ["4 1"]
    );
    run(&client, "INSERT INTO crawl (distro, source, started_at, finished_at, state, url, bytes, kernels) VALUES ('d', 's', now(), now(), 'complete', 'u', 0, 0)").await;
}

#[tokio::test]
async fn a_writer_cannot_change_the_journal_or_delete_data() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, DATA).await;
    run(&client, "SET ROLE sqern_writer").await;
    for statement in [
        "INSERT INTO event (generation, table_name, action, pkey, fields) VALUES (1, 'kver', 'insert', '{}', '{}')",
        "UPDATE event SET generation = 2",
        "DELETE FROM event",
        "TRUNCATE event",
        "INSERT INTO generation (comment) VALUES ('forged')",
        "UPDATE generation SET comment = 'forged'",
        "DELETE FROM generation",
        "TRUNCATE generation",
        "DELETE FROM kver",
        "TRUNCATE kver CASCADE",
        "INSERT INTO kver_ignored VALUES ('d', '1')",
        "DELETE FROM kver_ignored",
        "DELETE FROM schema_migration",
        "ALTER TABLE kver DISABLE TRIGGER ALL",
        "DROP TRIGGER kver_record_trigger ON kver",
        "SET session_replication_role = replica",
        "CREATE TABLE public.mine ()",
        "SELECT journal_attach('kver')",
    ] {
        let message = refused(&client, statement).await;
        assert!(
            message.contains("permission denied") || message.contains("must be owner"),
            "{statement}: {message}"
        );
    }
}

#[tokio::test]
async fn a_reader_reads_everything_and_changes_nothing() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, DATA).await;
    run(&client, "SET ROLE sqern_reader").await;
    run(&client, "SELECT FROM kver_not_ignored, event, generation, crawl, kver_package; SELECT generation_id_if_assigned()")
        .await;
    for statement in [
        "INSERT INTO distro VALUES ('e', 'E')",
        "UPDATE kver SET archived = true",
        "DELETE FROM kver",
        "SELECT generation_start('x')",
    ] {
        assert!(
            refused(&client, statement)
                .await
                .contains("permission denied"),
            "{statement}"
        );
    }
}

#[tokio::test]
async fn tables_that_come_first_in_the_search_path_are_not_used() {
    let database = migrated().await;
    let client = database.client().await;
    run(&client, DATA).await;
    run(
        &client,
        "SET ROLE sqern_writer; CREATE TEMPORARY TABLE event (LIKE public.event INCLUDING ALL); CREATE TEMPORARY TABLE generation (LIKE public.generation INCLUDING ALL);
         CREATE TEMPORARY TABLE kver_ignored (distro text, version text); SET search_path = pg_temp, public;
         INSERT INTO kver VALUES ('d', 'shadow'); INSERT INTO kver_ignore (distro, pattern) VALUES ('d', 'sha%')",
    )
    .await;
    assert_eq!(
        rows(
            &client,
            "SELECT count(*) FROM public.event WHERE pkey ->> 'version' = 'shadow'"
        )
        .await,
        ["1"]
    );
    assert_eq!(
        rows(&client, "SELECT version FROM public.kver_ignored").await,
        ["shadow"]
    );
    assert_eq!(
        rows(
            &client,
            "SELECT (SELECT count(*) FROM pg_temp.event), (SELECT count(*) FROM pg_temp.generation)"
        )
        .await,
        ["0 0"]
    );
}

#[tokio::test]
async fn only_writers_can_lock_a_table_and_the_holder_is_named() {
    let database = migrated().await;
    let (holder, other) = (database.client().await, database.client().await);
    run(&other, "SET SESSION AUTHORIZATION sqern_reader").await;
    for statement in [
        "SELECT lock_table('crawl')",
        "DO 'BEGIN LOCK TABLE crawl IN SHARE ROW EXCLUSIVE MODE; END'",
    ] {
        assert!(
            refused(&other, statement)
                .await
                .contains("permission denied"),
            "{statement}"
        );
    }
    run(
        &holder,
        "SET application_name = 'nightly'; BEGIN; SELECT lock_table('crawl')",
    )
    .await;
    let pid = value(&holder, "SELECT pg_backend_pid()").await;
    run(
        &other,
        "RESET SESSION AUTHORIZATION; SET lock_timeout = '7s'",
    )
    .await;
    let error = other
        .batch_execute("BEGIN; SELECT lock_table('crawl', 1)")
        .await
        .unwrap_err();
    let error = error.as_db_error().unwrap();
    assert_eq!(error.message(), "could not lock table crawl within 1 s");
    assert_eq!(
        error.detail(),
        Some(format!("It is locked by process {pid} (user sqern, application nightly).").as_str())
    );
    run(&holder, "COMMIT").await;
    run(&other, "ROLLBACK; BEGIN; SELECT lock_table('crawl', 1)").await;
    assert_eq!(value(&other, "SHOW lock_timeout").await, "7s");
}
