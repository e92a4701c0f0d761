//! Statements that change rows while they run, by functions, common table expressions or `RETURNING`.
//!
//! Each combination of an outer statement and of nested changes is either rejected, and then changes
//! nothing, or its generation contains the difference between the states before and after it.

use tokio_postgres::Client;

use crate::support::{migrated, rows, run};

/// Nested changes of the row of kernel 1, which every outer statement changes too.
const CHANGES: [&str; 7] = [
    "UPDATE kver_seen SET tstamp = '2001-01-01' WHERE version = '1'",
    "UPDATE kver_seen SET tstamp = '2002-02-02' WHERE version = '1'",
    "UPDATE kver_seen SET tstamp = '2000-01-01' WHERE version = '1'",
    "DELETE FROM kver_seen WHERE version = '1'",
    "INSERT INTO kver_seen VALUES ('d', '1', '2002-02-02')",
    "UPDATE kver_seen SET version = '3' WHERE version = '1'",
    "UPDATE kver_seen SET version = '1' WHERE version = '3'",
];

/// Statements that call `nested()`, which runs the nested changes once and returns null.
const OUTER: [&str; 15] = [
    "SELECT nested()",
    "UPDATE kver_seen SET tstamp = coalesce(CASE WHEN version = '2' THEN nested() END, '2001-01-01')",
    "UPDATE kver_seen SET tstamp = coalesce(CASE WHEN version = '1' THEN nested() END, '2001-01-01')",
    "UPDATE kver_seen SET tstamp = '2001-01-01' WHERE version = '1' RETURNING nested()",
    "UPDATE kver_seen SET tstamp = '2001-01-01' WHERE version = '2' RETURNING nested()",
    "UPDATE kver_seen SET version = '3' WHERE version = '1' RETURNING nested()",
    "DELETE FROM kver_seen WHERE version = '1' RETURNING nested()",
    "INSERT INTO kver_seen VALUES ('d', '3', '2001-01-01') RETURNING nested()",
    "INSERT INTO kver_seen VALUES ('d', '1', '2001-01-01') ON CONFLICT (distro, version) DO UPDATE SET tstamp = EXCLUDED.tstamp RETURNING nested()",
    "MERGE INTO kver_seen AS s USING (VALUES ('1'), ('2')) AS v (version) ON s.version = v.version
     WHEN MATCHED THEN UPDATE SET tstamp = coalesce(CASE WHEN v.version = '2' THEN nested() END, '2001-01-01')",
    "WITH a AS (UPDATE kver_seen SET tstamp = '2001-01-01' WHERE version = '1' RETURNING version) SELECT nested() FROM a",
    "WITH a AS (DELETE FROM kver_seen WHERE version = '1' RETURNING *)
     INSERT INTO kver_seen SELECT distro, version, coalesce(nested(), '2001-01-01') FROM a",
    "INSERT INTO kver_fetched SELECT distro, version, coalesce(nested(), '2001-01-01') FROM kver_seen WHERE version = '2'",
    "DO $$ DECLARE changed record; BEGIN
         FOR changed IN UPDATE kver_seen SET tstamp = '2001-01-01' WHERE version = '1' RETURNING version LOOP PERFORM nested(); END LOOP;
     END $$",
    "DO $$ DECLARE c CURSOR FOR SELECT nested(); r record; BEGIN
         OPEN c; UPDATE kver_seen SET tstamp = '2001-01-01' WHERE version = '1'; FETCH c INTO r; CLOSE c;
     END $$",
];

const STATE: &str = "SELECT version, tstamp FROM kver_seen UNION ALL SELECT 'fetched ' || version, tstamp FROM kver_fetched ORDER BY 1";

/// Runs a transaction. Returns whether it was committed.
async fn transaction(client: &Client, statement: &str) -> bool {
    client.batch_execute(statement).await.is_ok() || {
        let _ = client.batch_execute("ROLLBACK").await;
        false
    }
}

async fn check_case(client: &Client, before: &str, outer: &str, nested: &[&str]) -> bool {
    run(
        client,
        "DELETE FROM kver_fetched; DELETE FROM kver_seen; INSERT INTO kver_seen VALUES ('d', '1', '2000-01-01'), ('d', '2', '2000-01-01')",
    )
    .await;
    let prepare = format!(
        "DELETE FROM plan; INSERT INTO plan SELECT unnest($${{\"{}\"}}$$::text[])",
        nested.join("\",\"")
    );
    run(client, &prepare).await;
    let state = rows(client, STATE).await;
    let generation = rows(client, "SELECT max(id) FROM generation")
        .await
        .remove(0);
    let committed = transaction(client, &format!("BEGIN; {before}; {outer}; COMMIT")).await;
    let case = || format!("{before}; {outer}; nested: {nested:?}");
    let now = rows(client, STATE).await;
    if !committed {
        assert_eq!(now, state, "rejected, but changed: {}", case());
    }
    let at = format!("(generation => {generation})");
    let past = STATE
        .replace("kver_seen", &format!("kver_seen_at{at}"))
        .replace("kver_fetched", &format!("kver_fetched_at{at}"));
    assert_eq!(
        rows(client, &past).await,
        state,
        "the past was changed by {}",
        case()
    );
    committed
}

/// Returns all sequences of changes with at most `length` elements, and at least one.
fn sequences(length: usize) -> Vec<Vec<&'static str>> {
    let mut all: Vec<Vec<&str>> = vec![];
    let mut longest: Vec<Vec<&str>> = vec![vec![]];
    for _ in 0..length {
        longest = longest
            .iter()
            .flat_map(|sequence| CHANGES.map(|change| [sequence.as_slice(), &[change]].concat()))
            .collect();
        all.extend(longest.iter().cloned());
    }
    all
}

#[tokio::test]
async fn nested_changes_are_rejected_or_recorded_in_order() {
    let database = migrated().await;
    let client = database.client().await;
    run(
        &client,
        "INSERT INTO distro VALUES ('d', 'D'); INSERT INTO kver VALUES ('d', '1'), ('d', '2'), ('d', '3');
         CREATE TEMPORARY TABLE plan (change text);
         CREATE FUNCTION pg_temp.nested() RETURNS timestamptz LANGUAGE plpgsql AS $$
         DECLARE change text;
         BEGIN
             FOR change IN DELETE FROM plan RETURNING plan.change LOOP
                 EXECUTE change;
             END LOOP;
             RETURN NULL;
         END $$",
    )
    .await;
    let (mut committed, mut rejected) = (0, 0);
    for (number, outer) in OUTER.into_iter().enumerate() {
        let outer = outer.replace("nested()", "pg_temp.nested()");
        for before in [
            "",
            "UPDATE kver_seen SET tstamp = '2003-03-03' WHERE version = '1'",
        ] {
            let length = if before.is_empty() && number < 6 {
                3
            } else {
                2
            };
            for nested in sequences(length) {
                if check_case(&client, before, &outer, &nested).await {
                    committed += 1;
                } else {
                    rejected += 1;
                }
            }
        }
    }
    assert!(
        committed > 300 && rejected > 300,
        "{committed} committed, {rejected} rejected"
    );
    for checked in sqern_db::check::check(&client).await.unwrap() {
        assert_eq!(checked.problems, [""; 0], "{}", checked.rule);
    }
}
