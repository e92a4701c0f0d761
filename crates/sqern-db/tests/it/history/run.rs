//! Replays a history in two sessions of the server, and in the model.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sqern_testkit::TestDatabase;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::model::{Effect, Key, Row, Rows, primary_key, record, touched};
use super::statement::{Kind, Statement};
use super::step::{Action, Step};
use super::tables::named;

use crate::support::{run, value};

/// A committed generation.
#[derive(Debug)]
pub struct Generation {
    pub id: i64,
    /// The rows that it changed, after its last change; `None` for deleted rows.
    pub wrote: BTreeMap<Key, Option<Row>>,
    /// Each changed record, with the numbers of the first and last statements that changed it.
    pub touched: BTreeMap<Key, (u64, u64)>,
}

#[derive(Default, Clone)]
struct Transaction {
    wrote: BTreeMap<Key, Option<Row>>,
    touched: Vec<(u64, BTreeSet<Key>)>,
}

struct Session {
    client: Client,
    open: Option<Transaction>,
    savepoints: Vec<Transaction>,
}

/// The replay of a history on the server and in the model.
pub struct Replay {
    sessions: [Session; 2],
    /// The committed rows.
    pub rows: Rows,
    /// The committed generations, in the order of their commits.
    pub generations: Vec<Generation>,
    statements: u64,
    /// All executed statements as SQL.
    pub script: Vec<String>,
}

impl Replay {
    pub async fn new(database: &TestDatabase) -> Self {
        // The order of the 2 events of a changed key depends on the join of the trigger.
        let session = async |zone: &str, hash_joins: &str| {
            let client = database.client().await;
            let settings = format!(
                "SET timezone = '{zone}'; SET enable_hashjoin = {hash_joins}; SET lock_timeout = '15ms'; SET datestyle = 'German, DMY'"
            );
            client.batch_execute(&settings).await.expect("settings");
            Session {
                client,
                open: None,
                savepoints: vec![],
            }
        };
        let sessions = [
            session("Asia/Kolkata", "on").await,
            session("America/New_York", "off").await,
        ];
        Self {
            sessions,
            rows: Rows::new(),
            generations: vec![],
            statements: 0,
            script: vec![],
        }
    }

    pub async fn play(&mut self, history: &[Step]) -> Result<(), TestCaseError> {
        for step in history {
            self.step(step).await?;
        }
        Ok(())
    }

    /// Commits open transactions.
    pub async fn finish(&mut self) -> Result<(), TestCaseError> {
        self.play(&[0, 1].map(|session| Step {
            session,
            action: Action::Commit,
        }))
        .await
    }

    /// Runs a statement on tables that are not in the model.
    pub async fn unrelated(&mut self, sql: &str) -> Result<(), TestCaseError> {
        self.execute(0, sql).await
    }

    async fn step(
        &mut self,
        Step {
            session: number,
            action,
        }: &Step,
    ) -> Result<(), TestCaseError> {
        let session = &mut self.sessions[*number];
        let depth = session.savepoints.len();
        let chosen = |choice: u8| usize::from(choice) % depth;
        match (action, &mut session.open, depth) {
            (Action::Statement(statement), ..) => self.statement(*number, statement).await,
            (_, None, _) => Ok(()),
            (Action::Commit, ..) => self.commit(*number).await,
            (Action::Rollback, ..) => {
                session.open = None;
                session.savepoints.clear();
                self.execute(*number, "ROLLBACK").await
            }
            (Action::Savepoint, Some(transaction), _)
            | (Action::RollbackTo(_) | Action::Release(_), Some(transaction), 0) => {
                session.savepoints.push(transaction.clone());
                self.execute(*number, &format!("SAVEPOINT s{depth}")).await
            }
            (Action::RollbackTo(choice), Some(transaction), _) => {
                session.savepoints.truncate(chosen(*choice) + 1);
                session
                    .savepoints
                    .last()
                    .expect("at least one")
                    .clone_into(transaction);
                self.execute(*number, &format!("ROLLBACK TO s{}", chosen(*choice)))
                    .await
            }
            (Action::Release(choice), ..) => {
                session.savepoints.truncate(chosen(*choice));
                self.execute(*number, &format!("RELEASE s{}", chosen(*choice)))
                    .await
            }
        }
    }

    /// Runs a statement. If it fails, only this statement is rolled back: with a savepoint, or as
    /// the first of its transaction.
    async fn statement(
        &mut self,
        number: usize,
        statement: &Statement,
    ) -> Result<(), TestCaseError> {
        let is_first = self.sessions[number].open.is_none();
        let (before, undo, keep) = if is_first {
            ("BEGIN", "ROLLBACK", "")
        } else {
            (
                "SAVEPOINT statement",
                "ROLLBACK TO statement; RELEASE statement",
                "RELEASE statement",
            )
        };
        let client = &self.sessions[number].client;
        run(client, before).await;
        let mut view = self.rows.clone();
        let transaction = self.sessions[number].open.clone().unwrap_or_default();
        overlay(&mut view, &transaction.wrote);
        let mut effect = Effect::of(statement, &view);

        let sql = statement.sql();
        let done = client.simple_query(&sql).await;
        let messages = match done {
            Ok(messages) => messages,
            Err(error) if is_expected(error.code()) => {
                run(client, undo).await;
                self.note(
                    number,
                    &format!(
                        "-- {}: {sql};",
                        error.as_db_error().expect("of the database").message()
                    ),
                );
                return Ok(());
            }
            Err(error) => return Err(TestCaseError::fail(format!("{sql}\n{error:?}"))),
        };
        run(client, keep).await;
        self.note(
            number,
            &format!("{}{sql};", if is_first { "BEGIN; " } else { "" }),
        );
        let ids = self.ids(number, statement, &effect, &messages).await?;
        effect.set_ids(&ids);

        self.statements += 1;
        let transaction = self.sessions[number].open.get_or_insert_default();
        // An unchanged row must not overwrite a change that the other session committed in the
        // meantime.
        for change in effect
            .changes
            .iter()
            .filter(|change| change.old != change.new)
        {
            transaction.wrote.extend(
                change
                    .old
                    .iter()
                    .map(|old| (primary_key(change.table, old), None)),
            );
            transaction.wrote.extend(
                change
                    .new
                    .iter()
                    .map(|new| (primary_key(change.table, new), Some(new.clone()))),
            );
        }
        let touched = touched(&effect.changes);
        if !touched.is_empty() {
            transaction.touched.push((self.statements, touched));
        }
        Ok(())
    }

    /// Returns the ids that the server assigned, by the negative ids of the model.
    async fn ids(
        &self,
        number: usize,
        statement: &Statement,
        effect: &Effect,
        messages: &[SimpleQueryMessage],
    ) -> Result<BTreeMap<i64, i64>, TestCaseError> {
        let table = statement.table();
        let mut ids = BTreeMap::new();
        if let Kind::Insert { .. } = statement.kind {
            let id = |message: &SimpleQueryMessage| match message {
                SimpleQueryMessage::Row(row) => row.get(0).and_then(|id| id.parse().ok()),
                _ => None,
            };
            let assigned: Vec<i64> = messages.iter().filter_map(id).collect();
            prop_assert_eq!(
                assigned.len(),
                effect.returned.len(),
                "rows of {}",
                statement.sql()
            );
            ids.extend(effect.returned.iter().copied().zip(assigned));
            prop_assert!(
                ids.iter()
                    .all(|(model, assigned)| model == assigned || *model < 0),
                "{:?} of {}",
                ids,
                statement.sql()
            );
            return Ok(ids);
        }
        let inserted = effect
            .changes
            .iter()
            .filter(|change| change.old.is_none() && change.table.has_id);
        for row in inserted.filter_map(|change| change.new.as_ref()) {
            let is = |column: &&str| {
                format!(
                    "{column} = '{}'",
                    row[*column].as_str().expect("a text").replace('\'', "''")
                )
            };
            let conditions: Vec<_> = table.conflict_target().iter().map(is).collect();
            let sql = format!(
                "SELECT id FROM {} WHERE {}",
                table.name,
                conditions.join(" AND ")
            );
            let assigned = value(&self.sessions[number].client, &sql).await;
            ids.insert(
                row["id"].as_i64().expect("a number"),
                assigned.parse().expect("a number"),
            );
        }
        Ok(ids)
    }

    async fn commit(&mut self, number: usize) -> Result<(), TestCaseError> {
        self.sessions[number].savepoints.clear();
        let transaction = self.sessions[number].open.take().unwrap_or_default();
        let id = value(
            &self.sessions[number].client,
            "SELECT generation_id_if_assigned()",
        )
        .await
        .parse()
        .ok();
        self.execute(number, "COMMIT").await?;
        prop_assert_eq!(
            id.is_some(),
            !transaction.touched.is_empty(),
            "a generation if rows were changed"
        );
        overlay(&mut self.rows, &transaction.wrote);
        let Some(id) = id else { return Ok(()) };
        self.note(number, &format!("-- generation {id}"));
        let mut touched = BTreeMap::new();
        for (statement, records) in &transaction.touched {
            for record in records {
                touched
                    .entry(record.clone())
                    .or_insert((*statement, *statement))
                    .1 = *statement;
            }
        }
        self.generations.push(Generation {
            id,
            wrote: transaction.wrote,
            touched,
        });
        Ok(())
    }

    /// Reverts a generation. Returns the id of the new generation, or the error.
    pub async fn revert(&mut self, id: i64) -> Result<Option<i64>, (SqlState, String)> {
        let sql = format!("SELECT generation_revert({id})");
        // No transaction of the history is open, so only autovacuum can hold a conflicting lock,
        // for longer than the limit of the history.
        self.sessions[0]
            .client
            .batch_execute("SET lock_timeout = '60s'")
            .await
            .expect("settings");
        let done = self.sessions[0].client.query_one(&sql, &[]).await;
        let done = done.map(|row| row.get(0)).map_err(|error| {
            let error = error.as_db_error().expect("of the database");
            (error.code().clone(), error.message().to_owned())
        });
        self.note(0, &format!("{sql};  -- {done:?}"));
        done
    }

    /// Adds a generation that was not created by statements of the history. `rows` are the rows
    /// after it.
    pub fn add_generation(&mut self, id: i64, rows: Rows) {
        self.statements += 1;
        let keys: BTreeSet<_> = self.rows.keys().chain(rows.keys()).cloned().collect();
        let wrote: BTreeMap<_, _> = keys
            .into_iter()
            .filter(|key| self.rows.get(key) != rows.get(key))
            .map(|key| (key.clone(), rows.get(&key).cloned()))
            .collect();
        let is_changed = |(key, _): &(&Key, &Row)| wrote.contains_key(key);
        let changed = self
            .rows
            .iter()
            .filter(is_changed)
            .chain(rows.iter().filter(is_changed));
        let touched = changed
            .map(|((name, _), row)| (record(named(name), row), (self.statements, self.statements)))
            .collect();
        self.generations.push(Generation { id, wrote, touched });
        self.rows = rows;
    }

    /// Returns the rows after a number of generations.
    pub fn after(&self, generations: usize) -> Rows {
        let mut rows = Rows::new();
        for generation in &self.generations[..generations] {
            overlay(&mut rows, &generation.wrote);
        }
        rows
    }

    async fn execute(&mut self, number: usize, sql: &str) -> Result<(), TestCaseError> {
        self.note(number, &format!("{sql};"));
        let done = self.sessions[number].client.batch_execute(sql).await;
        done.map_err(|error| TestCaseError::fail(format!("{sql}\n{error:?}")))
    }

    fn note(&mut self, number: usize, sql: &str) {
        self.script.push(format!("/* session {number} */ {sql}"));
    }
}

fn overlay(rows: &mut Rows, wrote: &BTreeMap<Key, Option<Row>>) {
    for (key, row) in wrote {
        match row {
            Some(row) => rows.insert(key.clone(), row.clone()),
            None => rows.remove(key),
        };
    }
}

fn is_expected(code: Option<&SqlState>) -> bool {
    let expected = [
        SqlState::LOCK_NOT_AVAILABLE,
        SqlState::UNIQUE_VIOLATION,
        SqlState::FOREIGN_KEY_VIOLATION,
        SqlState::CARDINALITY_VIOLATION,
        SqlState::TRIGGERED_DATA_CHANGE_VIOLATION,
    ];
    code.is_some_and(|code| expected.contains(code))
}
