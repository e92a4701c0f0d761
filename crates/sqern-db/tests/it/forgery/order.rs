//! Statements whose events would be in a different order than their changes.
//!
//! The triggers run at the end of a statement, in the order in which its parts end. If one part
//! deletes a row and another part inserts it again, the order of the events can differ from the
//! order of the changes. A generation whose events are in another order is rejected at its commit.

use super::with_writer;
use crate::support::{refused, rows, run};

/// Expects that a statement that replaces the row of kernel 1 is rejected and changes nothing.
async fn assert_rejected(prepare: &str, statement: &str) {
    let (_database, client) = with_writer().await;
    run(&client, prepare).await;
    let message = refused(&client, statement).await;
    assert!(
        message.starts_with("cannot change a row of table kver more than once in one statement"),
        "{message}"
    );
    assert_eq!(
        rows(&client, "SELECT archived FROM kver WHERE version = '1'").await,
        ["f"],
        "{statement}"
    );
    assert_eq!(
        rows(&client, "SELECT * FROM journal_differences()").await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_statement_that_changes_a_key_and_inserts_it_again_is_rejected() {
    let statement = "WITH moved AS (UPDATE kver SET version = '9' WHERE version = '1' RETURNING *)
        INSERT INTO kver SELECT 'd', '1', true WHERE EXISTS (SELECT FROM moved)";
    assert_rejected("", statement).await;
    assert_rejected("", &format!("SELECT generation_id(); {statement}")).await;
}

#[tokio::test]
async fn a_statement_whose_function_inserts_the_changed_key_is_rejected() {
    let prepare = "INSERT INTO kver VALUES ('d', '2');
        CREATE FUNCTION own_schema.insert_again(version text) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
            IF version = '2' THEN
                INSERT INTO public.kver VALUES ('d', '1', true);
            END IF;
            RETURN version || 'x';
        END $$";
    assert_rejected(
        prepare,
        "UPDATE kver SET version = own_schema.insert_again(version) WHERE version IN ('1', '2')",
    )
    .await;
}

#[tokio::test]
async fn a_statement_whose_function_changes_an_updated_row_is_rejected() {
    let (_database, client) = with_writer().await;
    run(
        &client,
        "INSERT INTO kver_ignore (distro, pattern) VALUES ('d', 'y');
         CREATE FUNCTION own_schema.comment_for(pattern text) RETURNS text LANGUAGE plpgsql AS $$
         BEGIN
             IF pattern = 'y' THEN
                 UPDATE public.kver_ignore SET comment = 'last' WHERE kver_ignore.pattern = 'x';
             END IF;
             RETURN 'first';
         END $$",
    )
    .await;
    let message = refused(
        &client,
        "UPDATE kver_ignore SET comment = own_schema.comment_for(pattern)",
    )
    .await;
    assert!(
        message.starts_with(
            "cannot change a row of table kver_ignore more than once in one statement"
        ),
        "{message}"
    );
}

#[tokio::test]
async fn a_statement_whose_function_changes_an_inserted_row_is_rejected() {
    let (_database, client) = with_writer().await;
    run(
        &client,
        "CREATE FUNCTION own_schema.archive(version text) RETURNS text LANGUAGE plpgsql AS $$
         BEGIN UPDATE public.kver SET archived = true WHERE kver.version = 'new-1'; RETURN version; END $$",
    )
    .await;
    let insert = "INSERT INTO kver SELECT 'd', own_schema.archive('new-' || number) FROM generate_series(1, 2) AS number";
    let message = refused(&client, insert).await;
    assert!(
        message.starts_with("cannot change a row of table kver more than once in one statement"),
        "{message}"
    );
}
