//! Checks of the journal after a history.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value};
use sqern_testkit::TestDatabase;
use tokio_postgres::Client;

use super::model::{Key, Rows, broken, journal_key};
use super::row_text::{model_rows, server_rows};
use super::run::Replay;
use super::statement::{Conflict, Kind, Statement};
use super::step::{Action, Step};
use super::tables::{TABLES, Table, named};
use crate::support::{rows, run, value};

/// The direction in which the as-of functions read the journal. They use the direction with fewer
/// events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Forward,
    Backward,
}

/// Removes all rows and resets all sequences. This is faster than a new database.
const EMPTY: &str = "SET timezone = 'UTC';
    SET session_replication_role = replica;
    DO $$
    DECLARE
        table_name text;
    BEGIN
        FOR table_name IN SELECT tablename FROM pg_tables
            WHERE schemaname = 'public' AND tablename NOT LIKE 'schema%' AND tablename NOT LIKE 'journal%' AND tablename <> 'cust_cluster_type' LOOP
            EXECUTE format('DELETE FROM %I', table_name);
        END LOOP;
        PERFORM setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
    END $$;
    RESET session_replication_role";

/// Replays a history, and compares the results of all functions with the model. `choices` selects
/// the generations for the slower checks.
pub async fn check(
    database: &TestDatabase,
    history: &[Step],
    direction: Direction,
    choices: &[u8; 8],
) -> Result<(), TestCaseError> {
    let client = database.client().await;
    run(&client, EMPTY).await;
    let mut replay = Replay::new(database).await;
    let outcome = checked(&mut replay, &client, history, direction, choices).await;
    outcome.map_err(|error| TestCaseError::fail(format!("{}\n\n{error}", replay.script.join("\n"))))
}

async fn checked(
    replay: &mut Replay,
    client: &Client,
    history: &[Step],
    direction: Direction,
    choices: &[u8; 8],
) -> Result<(), TestCaseError> {
    // Rows of a table that the histories do not change. Their number determines the direction of
    // the as-of functions.
    let many = |count: u32| {
        format!("INSERT INTO sp_test (build_id) SELECT 1 FROM generate_series(1, {count})")
    };
    replay.play(&beginning()).await?;
    replay
        .unrelated(&many(if direction == Direction::Backward {
            600
        } else {
            1
        }))
        .await?;
    replay.finish().await?;
    replay.play(history).await?;
    replay.finish().await?;

    prop_assert_eq!(
        server_rows(client, "{}").await,
        model_rows(&replay.rows),
        "the present rows, or the model is wrong"
    );
    check_order_of_generations(replay, client).await?;
    check_diffs(replay, client, choices).await?;
    check_reverts(replay, client, choices).await?;
    if direction == Direction::Forward {
        replay.unrelated(&many(2000)).await?;
    }
    check_states(replay, client, direction).await?;
    check_times(replay, client, choices).await?;
    for checked in sqern_db::check::check(client).await.unwrap() {
        prop_assert!(checked.problems.is_empty(), "{:?}", checked);
    }
    Ok(())
}

/// Returns the steps that insert the first rows, in one generation.
fn beginning() -> Vec<Step> {
    let insert = |table: &str, rows: &[&[u8]]| {
        let table = TABLES
            .iter()
            .position(|known| known.name == table)
            .expect("a table");
        let rows = rows.iter().map(|row| row.to_vec()).collect();
        let statement = Statement {
            table,
            kind: Kind::Insert {
                rows,
                conflict: Conflict::Error,
            },
        };
        Step {
            session: 0,
            action: Action::Statement(statement),
        }
    };
    vec![
        insert("distro", &[&[0, 0, 1], &[1, 1, 0]]),
        insert(
            "kver",
            &[&[0, 0, 0], &[0, 1, 0], &[0, 2, 0], &[1, 0, 0], &[1, 5, 1]],
        ),
        insert("kver_seen", &[&[0, 0, 0]]),
        insert("cust_cluster", &[&[0, 0, 0], &[1, 1, 0]]),
        insert(
            "cust_host_kver",
            &[&[0, 0, 0, 0, 1, 0], &[0, 0, 0, 1, 0, 0]],
        ),
        insert("kver_ignore", &[&[0, 0, 1, 0]]),
        insert("sp_build", &[&[0, 0, 0, 0, 0]]),
    ]
}

async fn check_order_of_generations(replay: &Replay, client: &Client) -> Result<(), TestCaseError> {
    let expected: Vec<_> = replay
        .generations
        .iter()
        .map(|generation| generation.id.to_string())
        .collect();
    let ids = format!(
        "SELECT id FROM generation WHERE id IN ({}) ORDER BY generation_position(id)",
        expected.join(", ")
    );
    prop_assert_eq!(
        rows(client, &ids).await,
        expected,
        "the order of generation_position()"
    );
    for number in 1..=replay.generations.len() {
        prop_assert_eq!(
            broken(&replay.after(number)),
            None,
            "after {} generations the rows violate a constraint",
            number
        );
    }
    Ok(())
}

async fn check_states(
    replay: &Replay,
    client: &Client,
    direction: Direction,
) -> Result<(), TestCaseError> {
    prop_assert!(
        server_rows(client, "{}_at(generation => 0)")
            .await
            .is_empty(),
        "there are no rows before the first generation"
    );
    for (number, generation) in replay.generations.iter().enumerate() {
        let recent = value(
            client,
            &format!("SELECT generation_is_recent({})", generation.id),
        )
        .await;
        prop_assert_eq!(
            recent == "t",
            direction == Direction::Backward,
            "the direction for generation {}",
            generation.id
        );
        let as_of = server_rows(client, &format!("{{}}_at(generation => {})", generation.id)).await;
        prop_assert_eq!(
            as_of,
            model_rows(&replay.after(number + 1)),
            "as of generation {}",
            generation.id
        );
        if number % 2 == 0 {
            check_versions(client, generation.id).await?;
        }
    }
    prop_assert_eq!(
        server_rows(client, "{}").await,
        model_rows(&replay.rows),
        "now"
    );
    Ok(())
}

/// Compares the rows of each kernel version with the rows of all versions.
async fn check_versions(client: &Client, generation: i64) -> Result<(), TestCaseError> {
    let has_version = |table: &&Table| table.columns.iter().any(|column| column.name == "version");
    for table in TABLES.iter().filter(has_version) {
        let name = table.name;
        let all =
            format!("SELECT t::text FROM {name}_at(generation => {generation}) AS t ORDER BY 1");
        let each = format!(
            "SELECT t::text
             FROM (SELECT DISTINCT pkey ->> 'version' AS version FROM event WHERE pkey ? 'version') AS v
             CROSS JOIN LATERAL {name}_at({generation}, v.version) AS t
             ORDER BY 1"
        );
        prop_assert_eq!(
            rows(client, &each).await,
            rows(client, &all).await,
            "{} by version as of generation {}",
            name,
            generation
        );
    }
    Ok(())
}

async fn check_times(
    replay: &Replay,
    client: &Client,
    choices: &[u8; 8],
) -> Result<(), TestCaseError> {
    for choice in &choices[..2] {
        let chosen = &replay.generations[usize::from(*choice) % replay.generations.len()];
        let commit_time = format!(
            "(SELECT committed_at FROM generation_commit WHERE generation = {})",
            chosen.id
        );
        let ids: Vec<_> = replay
            .generations
            .iter()
            .map(|generation| generation.id.to_string())
            .collect();
        let candidates = rows(
            client,
            &format!(
                "SELECT generation FROM generation_commit WHERE committed_at <= {commit_time} AND generation IN ({})",
                ids.join(", ")
            ),
        )
        .await;
        let number = ids
            .iter()
            .rposition(|id| candidates.contains(id))
            .expect("the chosen generation is a candidate");
        prop_assert_eq!(
            value(client, &format!("SELECT generation_at({commit_time})")).await,
            &*ids[number]
        );
        let as_of = server_rows(client, &format!("{{}}_at(tstamp => {commit_time})")).await;
        prop_assert_eq!(
            as_of,
            model_rows(&replay.after(number + 1)),
            "as of the time of generation {}",
            chosen.id
        );
    }
    Ok(())
}

async fn check_diffs(
    replay: &Replay,
    client: &Client,
    choices: &[u8; 8],
) -> Result<(), TestCaseError> {
    let (ids, count) = (
        replay
            .generations
            .iter()
            .map(|generation| generation.id)
            .collect::<Vec<_>>(),
        replay.generations.len(),
    );
    let id_after = |number: usize| if number == 0 { 0 } else { ids[number - 1] };
    for number in 1..=count {
        let diff = format!("generation_diff({})", id_after(number));
        check_diff(
            client,
            &diff,
            &replay.after(number - 1),
            &replay.after(number),
        )
        .await?;
    }
    for pair in choices.chunks(2) {
        let (from, to) = (
            usize::from(pair[0]) % (count + 1),
            usize::from(pair[1]) % (count + 1),
        );
        let diff = format!("generation_diff({}, {})", id_after(from), id_after(to));
        check_diff(client, &diff, &replay.after(from), &replay.after(to)).await?;
        let back = format!("generation_diff({}, {})", id_after(to), id_after(from));
        check_diff(client, &back, &replay.after(to), &replay.after(from)).await?;
    }
    Ok(())
}

/// Expects one event for each row that differs, and that the events transform one state into the
/// other.
async fn check_diff(
    client: &Client,
    diff: &str,
    from: &Rows,
    to: &Rows,
) -> Result<(), TestCaseError> {
    let (mut state, to) = (by_journal_key(from), by_journal_key(to));
    let differing = state
        .iter()
        .filter(|(key, row)| to.get(*key) != Some(*row))
        .count()
        + to.keys().filter(|key| !state.contains_key(*key)).count();
    let events = format!("SELECT to_jsonb(d) FROM {diff} AS d WHERE table_name <> 'sp_test'");
    let events: Vec<Value> = rows(client, &events)
        .await
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    prop_assert_eq!(events.len(), differing, "{}: {:?}", diff, events);
    for event in &events {
        let object = |name: &str| event[name].as_object().cloned().unwrap_or_default();
        let table = named(event["table_name"].as_str().unwrap()).name;
        let key = (table, event["pkey"].to_string());
        let whole: Map<_, _> = object("pkey").into_iter().chain(object("fields")).collect();
        let found = match event["action"].as_str().unwrap() {
            "insert" => state.insert(key, whole).is_none() && event["old"].is_null(),
            "delete" => state.remove(&key) == Some(whole) && event["old"].is_null(),
            _ => {
                let row = state.entry(key).or_default();
                let found = object("old")
                    .iter()
                    .all(|(column, value)| row.get(column) == Some(value))
                    && object("old").keys().eq(object("fields").keys());
                row.extend(object("fields"));
                found
            }
        };
        prop_assert!(found, "{}: event does not match the row: {}", diff, event);
    }
    prop_assert_eq!(state, to, "{}", diff);
    Ok(())
}

async fn check_reverts(
    replay: &mut Replay,
    client: &Client,
    choices: &[u8; 8],
) -> Result<(), TestCaseError> {
    for choice in &choices[4..] {
        // Rows that are not in the model reference rows of the first generation.
        let count = replay.generations.len();
        if count < 2 {
            return Ok(());
        }
        let number = 1 + usize::from(*choice) % (count - 1);
        let generation = &replay.generations[number];
        let (id, before) = (generation.id, replay.rows.clone());
        let is_later = replay
            .generations
            .iter()
            .filter(|other| other.id != id)
            .any(|other| {
                generation.touched.iter().any(|(record, (first, _))| {
                    other
                        .touched
                        .get(record)
                        .is_some_and(|(_, last)| last > first)
                })
            });
        let mut expected_rows = before.clone();
        let previous = replay.after(number);
        for key in generation.wrote.keys() {
            match previous.get(key) {
                Some(row) => expected_rows.insert(key.clone(), row.clone()),
                None => expected_rows.remove(key),
            };
        }
        match replay.revert(id).await {
            Err((_, message)) => {
                let reports_later_changes = message.contains(": later generations changed ");
                prop_assert_eq!(
                    reports_later_changes,
                    is_later,
                    "revert of {}: {}",
                    id,
                    message
                );
                let reason = broken(&expected_rows);
                prop_assert!(
                    is_later || reason.is_some(),
                    "revert of {} is rejected without a reason: {}",
                    id,
                    message
                );
            }
            Ok(new) => {
                prop_assert!(!is_later, "revert of {} overwrites later changes", id);
                prop_assert_eq!(broken(&expected_rows), None, "revert of {}", id);
                prop_assert_eq!(
                    server_rows(client, "{}").await,
                    model_rows(&expected_rows),
                    "after the revert of {}",
                    id
                );
                prop_assert_eq!(
                    new.is_some(),
                    expected_rows != before,
                    "a generation if rows were changed"
                );
                let Some(new) = new else { continue };
                replay.add_generation(new, expected_rows);
                let again = replay
                    .revert(new)
                    .await
                    .map_err(|(_, message)| TestCaseError::fail(message))?;
                prop_assert_eq!(
                    server_rows(client, "{}").await,
                    model_rows(&before),
                    "after the revert of the revert of {}",
                    id
                );
                replay.add_generation(again.expect("the first revert changed rows"), before);
            }
        }
    }
    Ok(())
}

fn by_journal_key(rows: &Rows) -> BTreeMap<Key, Map<String, Value>> {
    let whole = |row: &super::model::Row| {
        row.iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    };
    rows.iter()
        .map(|((table, _), row)| (journal_key(named(table), row), whole(row)))
        .collect()
}
