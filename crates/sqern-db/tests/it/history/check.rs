//! What must hold of the journal after any history.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value};
use sqern_testkit::TestDatabase;
use tokio_postgres::Client;

use super::model::{Key, Rows, broken, journal_key};
use super::run::World;
use super::shown::{shown_by, shown_rows};
use super::statement::{Conflict, Kind, Statement};
use super::step::{Action, Step};
use super::universe::{TABLES, named};
use crate::support::{rows, run, value};

/// The way on which the as-of functions go through the journal: they take the one that reads less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Forward,
    Backward,
}

/// Makes the database as it was before the last history, which is quicker than another database.
const EMPTY: &str = "SET timezone = 'UTC';
    SET session_replication_role = replica;
    DO $$
    DECLARE
        of_history text;
    BEGIN
        FOR of_history IN SELECT tablename FROM pg_tables
            WHERE schemaname = 'public' AND tablename NOT LIKE 'schema%' AND tablename <> 'cust_cluster_type' LOOP
            EXECUTE format('DELETE FROM %I', of_history);
        END LOOP;
        PERFORM setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
    END $$;
    RESET session_replication_role";

/// Plays a history and compares all that can be asked of it with the model. The choices are which generations are looked at closer.
pub async fn check(database: &TestDatabase, history: &[Step], way: Way, choices: &[u8; 8]) -> Result<(), TestCaseError> {
    let client = database.client().await;
    run(&client, EMPTY).await;
    let mut world = World::new(database).await;
    let outcome = checked(&mut world, &client, history, way, choices).await;
    outcome.map_err(|error| TestCaseError::fail(format!("{}\n\n{error}", world.script.join("\n"))))
}

async fn checked(world: &mut World, client: &Client, history: &[Step], way: Way, choices: &[u8; 8]) -> Result<(), TestCaseError> {
    // The first change set also has rows of a table that the histories leave alone: few or many, to lead one way or the other.
    let many = |count: u32| format!("INSERT INTO sp_test (build_id) SELECT 1 FROM generate_series(1, {count})");
    world.play(&beginning()).await?;
    world.unrelated(&many(if way == Way::Backward { 600 } else { 1 })).await?;
    world.finish().await?;
    world.play(history).await?;
    world.finish().await?;

    prop_assert_eq!(shown_by(client, "{}").await, shown_rows(&world.rows), "the tables themselves, or the model is wrong");
    the_order_is_that_of_the_last_changes(world, client).await?;
    diffs_lead_from_state_to_state(world, client, choices).await?;
    reverts_take_back_what_they_should(world, client, choices).await?;
    if way == Way::Forward {
        world.unrelated(&many(2000)).await?;
    }
    every_state_is_what_it_was(world, client, way).await?;
    times_stand_for_generations(world, client, choices).await?;
    for checked in sqern_db::check::check(client).await.unwrap() {
        prop_assert!(checked.problems.is_empty(), "{:?}", checked);
    }
    Ok(())
}

/// A few rows to begin with, as one change set.
fn beginning() -> Vec<Step> {
    let insert = |table: &str, rows: &[&[u8]]| {
        let table = TABLES.iter().position(|one| one.name == table).expect("a table");
        let rows = rows.iter().map(|row| row.to_vec()).collect();
        let statement = Statement { table, kind: Kind::Insert { rows, conflict: Conflict::Error } };
        Step { session: 0, action: Action::Statement(statement) }
    };
    vec![
        insert("distro", &[&[0, 0, 1], &[1, 1, 0]]),
        insert("kver", &[&[0, 0, 0], &[0, 1, 0], &[0, 2, 0], &[1, 0, 0], &[1, 5, 1]]),
        insert("kver_seen", &[&[0, 0, 0]]),
        insert("cust_cluster", &[&[0, 0, 0], &[1, 1, 0]]),
        insert("cust_host_kver", &[&[0, 0, 0, 0, 1, 0], &[0, 0, 0, 1, 0, 0]]),
        insert("kver_ignore", &[&[0, 0, 1, 0]]),
        insert("sp_build", &[&[0, 0, 0, 0, 0]]),
    ]
}

async fn the_order_is_that_of_the_last_changes(world: &World, client: &Client) -> Result<(), TestCaseError> {
    let expected: Vec<_> = world.generations.iter().map(|generation| generation.id.to_string()).collect();
    let ids = format!("SELECT id FROM generation WHERE id IN ({}) ORDER BY generation_place(id)", expected.join(", "));
    prop_assert_eq!(rows(client, &ids).await, expected, "the order of generation_place()");
    for number in 1..=world.generations.len() {
        prop_assert_eq!(broken(&world.after(number)), None, "after {} generations the tables could not be so", number);
    }
    Ok(())
}

async fn every_state_is_what_it_was(world: &World, client: &Client, way: Way) -> Result<(), TestCaseError> {
    prop_assert!(shown_by(client, "{}_at(generation => 0)").await.is_empty(), "before the first generation there is nothing");
    for (number, generation) in world.generations.iter().enumerate() {
        let recent = value(client, &format!("SELECT generation_is_recent({})", generation.id)).await;
        prop_assert_eq!(recent == "t", way == Way::Backward, "the way to generation {}", generation.id);
        let as_of = shown_by(client, &format!("{{}}_at(generation => {})", generation.id)).await;
        prop_assert_eq!(as_of, shown_rows(&world.after(number + 1)), "as of generation {}", generation.id);
    }
    prop_assert_eq!(shown_by(client, "{}").await, shown_rows(&world.rows), "now");
    Ok(())
}

async fn times_stand_for_generations(world: &World, client: &Client, choices: &[u8; 8]) -> Result<(), TestCaseError> {
    for choice in &choices[..2] {
        let chosen = &world.generations[usize::from(*choice) % world.generations.len()];
        let began = format!("(SELECT tstamp FROM generation WHERE id = {})", chosen.id);
        let ids: Vec<_> = world.generations.iter().map(|generation| generation.id.to_string()).collect();
        let candidates =
            rows(client, &format!("SELECT id FROM generation WHERE tstamp <= {began} AND id IN ({})", ids.join(", "))).await;
        let number = ids.iter().rposition(|id| candidates.contains(id)).expect("itself, at least");
        prop_assert_eq!(value(client, &format!("SELECT generation_at({began})")).await, &*ids[number]);
        let as_of = shown_by(client, &format!("{{}}_at(tstamp => {began})")).await;
        prop_assert_eq!(as_of, shown_rows(&world.after(number + 1)), "as of the time of generation {}", chosen.id);
    }
    Ok(())
}

async fn diffs_lead_from_state_to_state(world: &World, client: &Client, choices: &[u8; 8]) -> Result<(), TestCaseError> {
    let (ids, count) = (world.generations.iter().map(|one| one.id).collect::<Vec<_>>(), world.generations.len());
    let id_after = |number: usize| if number == 0 { 0 } else { ids[number - 1] };
    for number in 1..=count {
        let diff = format!("generation_diff({})", id_after(number));
        leads(client, &diff, &world.after(number - 1), &world.after(number)).await?;
    }
    for pair in choices.chunks(2) {
        let (from, to) = (usize::from(pair[0]) % (count + 1), usize::from(pair[1]) % (count + 1));
        let diff = format!("generation_diff({}, {})", id_after(from), id_after(to));
        leads(client, &diff, &world.after(from), &world.after(to)).await?;
        let back = format!("generation_diff({}, {})", id_after(to), id_after(from));
        leads(client, &back, &world.after(to), &world.after(from)).await?;
    }
    Ok(())
}

/// The diff has an event for each row that differs, and makes the one state from the other.
async fn leads(client: &Client, diff: &str, from: &Rows, to: &Rows) -> Result<(), TestCaseError> {
    let (mut state, to) = (by_journal_key(from), by_journal_key(to));
    let differing = state.iter().filter(|(key, row)| to.get(*key) != Some(*row)).count()
        + to.keys().filter(|key| !state.contains_key(*key)).count();
    let events = format!("SELECT to_jsonb(d) FROM {diff} AS d WHERE table_name <> 'sp_test'");
    let events: Vec<Value> = rows(client, &events).await.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
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
                let found = object("old").iter().all(|(column, value)| row.get(column) == Some(value))
                    && object("old").keys().eq(object("fields").keys());
                row.extend(object("fields"));
                found
            }
        };
        prop_assert!(found, "{}: does not fit: {}", diff, event);
    }
    prop_assert_eq!(state, to, "{}", diff);
    Ok(())
}

async fn reverts_take_back_what_they_should(world: &mut World, client: &Client, choices: &[u8; 8]) -> Result<(), TestCaseError> {
    for choice in &choices[4..] {
        // Not the first: rows that the model does not follow stand on it.
        let count = world.generations.len();
        if count < 2 {
            return Ok(());
        }
        let number = 1 + usize::from(*choice) % (count - 1);
        let generation = &world.generations[number];
        let (id, before) = (generation.id, world.rows.clone());
        let is_later = world.generations.iter().filter(|other| other.id != id).any(|other| {
            generation.touched.iter().any(|(record, (first, _))| other.touched.get(record).is_some_and(|(_, last)| last > first))
        });
        let mut wanted = before.clone();
        let previous = world.after(number);
        for key in generation.wrote.keys() {
            match previous.get(key) {
                Some(row) => wanted.insert(key.clone(), row.clone()),
                None => wanted.remove(key),
            };
        }
        match world.revert(id).await {
            Err((_, said)) => {
                let is_told_so = said.contains(": later generations changed ");
                prop_assert_eq!(is_told_so, is_later, "revert of {}: {}", id, said);
                let reason = broken(&wanted);
                prop_assert!(is_later || reason.is_some(), "revert of {} needs not be refused: {}", id, said);
            }
            Ok(new) => {
                prop_assert!(!is_later, "revert of {} overwrites what came later", id);
                prop_assert_eq!(broken(&wanted), None, "revert of {}", id);
                prop_assert_eq!(shown_by(client, "{}").await, shown_rows(&wanted), "after the revert of {}", id);
                prop_assert_eq!(new.is_some(), wanted != before, "a generation where something was undone");
                let Some(new) = new else { continue };
                world.take_over(new, wanted);
                let again = world.revert(new).await.map_err(|(_, said)| TestCaseError::fail(said))?;
                prop_assert_eq!(shown_by(client, "{}").await, shown_rows(&before), "after the revert of the revert of {}", id);
                world.take_over(again.expect("something to undo"), before);
            }
        }
    }
    Ok(())
}

fn by_journal_key(rows: &Rows) -> BTreeMap<Key, Map<String, Value>> {
    let whole = |row: &super::model::Row| row.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    rows.iter().map(|((table, _), row)| (journal_key(named(table), row), whole(row))).collect()
}
