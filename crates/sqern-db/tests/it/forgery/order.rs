//! Statements that would turn the order of their own changes round.
//!
//! The triggers run at the end of a statement. What one deletes and inserts again would be told in that order where the deleting
//! part comes to its end first, and in the other where it does not: so each event is held against the table, and what does not
//! agree is refused.

use super::with_writer;
use crate::support::{refused, rows, run};

/// Runs a statement that makes another row of kernel 1: it must be refused, and leave all as it was.
async fn is_refused(prepare: &str, statement: &str) {
    let (_database, client) = with_writer().await;
    run(&client, prepare).await;
    let said = refused(&client, statement).await;
    assert!(said.starts_with("cannot change a row of table kver more than once in one statement"), "{said}");
    assert_eq!(rows(&client, "SELECT archived FROM kver WHERE version = '1'").await, ["f"], "{statement}");
    assert_eq!(rows(&client, "SELECT * FROM journal_differences()").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_key_that_is_changed_and_inserted_again_by_one_statement_is_refused() {
    let statement = "WITH moved AS (UPDATE kver SET version = '9' WHERE version = '1' RETURNING *)
        INSERT INTO kver SELECT 'd', '1', true WHERE EXISTS (SELECT FROM moved)";
    is_refused("", statement).await;
    is_refused("", &format!("SELECT generation_id(); {statement}")).await;
}

#[tokio::test]
async fn a_key_that_a_function_inserts_again_within_the_statement_is_refused() {
    let prepare = "INSERT INTO kver VALUES ('d', '2');
        CREATE FUNCTION lair.insert_again(version text) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
            IF version = '2' THEN
                INSERT INTO public.kver VALUES ('d', '1', true);
            END IF;
            RETURN version || 'x';
        END $$";
    is_refused(prepare, "UPDATE kver SET version = lair.insert_again(version) WHERE version IN ('1', '2')").await;
}

#[tokio::test]
async fn a_row_that_a_function_changes_after_its_statement_did_is_refused() {
    let (_database, client) = with_writer().await;
    run(
        &client,
        "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', 'y');
         CREATE FUNCTION lair.say(pattern text) RETURNS text LANGUAGE plpgsql AS $$
         BEGIN
             IF pattern = 'y' THEN
                 UPDATE public.kver_ignore SET comment = 'last' WHERE kver_ignore.pattern = 'x';
             END IF;
             RETURN 'first';
         END $$",
    )
    .await;
    let said = refused(&client, "UPDATE kver_ignore SET comment = lair.say(pattern)").await;
    assert!(said.starts_with("cannot change a row of table kver_ignore more than once in one statement"), "{said}");
}

#[tokio::test]
async fn a_row_that_a_function_changes_while_it_is_inserted_is_refused() {
    let (_database, client) = with_writer().await;
    run(
        &client,
        "CREATE FUNCTION lair.archive(version text) RETURNS text LANGUAGE plpgsql AS $$
         BEGIN UPDATE public.kver SET archived = true WHERE kver.version = 'new 1'; RETURN version; END $$",
    )
    .await;
    let insert = "INSERT INTO kver SELECT 'd', lair.archive('new ' || number) FROM generate_series(1, 2) AS number";
    let said = refused(&client, insert).await;
    assert!(said.starts_with("cannot change a row of table kver more than once in one statement"), "{said}");
}
