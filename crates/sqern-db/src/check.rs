//! Whether a database keeps the promises that its schema can't enforce by itself.

use serde::Serialize;
use tokio_postgres::GenericClient;

use crate::DbError;

/// One promise, and what breaks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// What is promised.
    pub rule: &'static str,
    /// What does not keep it, each in a line; empty when all is well.
    pub problems: Vec<String>,
}

/// What can be told in a moment, whatever the database holds.
const QUICK_RULES: [(&str, &str); 3] = [
    ("every journalled table has its triggers, and they are on", include_str!("../queries/check_triggers.sql")),
    ("the roles can't write the journal", include_str!("../queries/check_privileges.sql")),
    ("no generation is of a transaction to come", include_str!("../queries/check_ahead.sql")),
];

/// What takes a look at every row.
const DATA_RULES: [(&str, &str); 3] = [
    ("kver_not_ignored shows what the patterns say", include_str!("../queries/check_not_ignored.sql")),
    ("every event belongs to a generation", include_str!("../queries/check_events.sql")),
    ("each journalled table holds what its events leave", include_str!("../queries/check_journal.sql")),
];

/// Checks every promise.
pub async fn check(client: &impl GenericClient) -> Result<Vec<Checked>, DbError> {
    let mut checked = check_quickly(client).await?;
    checked.extend(check_all(client, &DATA_RULES).await?);
    Ok(checked)
}

/// Checks those that can be told in a moment.
pub async fn check_quickly(client: &impl GenericClient) -> Result<Vec<Checked>, DbError> {
    check_all(client, &QUICK_RULES).await
}

/// Each rule is its words, and a query that gives a line for each thing that breaks it.
async fn check_all(client: &impl GenericClient, rules: &[(&'static str, &str)]) -> Result<Vec<Checked>, DbError> {
    let mut checked = Vec::with_capacity(rules.len());
    for (rule, query) in rules {
        let problems = client.query(*query, &[]).await?.iter().map(|row| row.get(0)).collect();
        checked.push(Checked { rule, problems });
    }
    Ok(checked)
}
