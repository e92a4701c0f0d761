//! Consistency checks of rules that the schema cannot enforce.

use schemars::JsonSchema;
use serde::Serialize;

use crate::decode::{query_value, query_values};
use crate::parameter::Parameters;
use crate::{DbError, SqlClient};

/// A rule of the schema and its violations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Checked {
    /// The rule, as a sentence without a period.
    pub rule: &'static str,
    /// The violations, one per line. Empty if there are none.
    pub problems: Vec<String>,
}

/// Rules whose check is fast for every database.
const QUICK_RULES: [(&str, &str); 7] = [
    (
        "the database has the encoding UTF8",
        include_str!("../queries/check_encoding.sql"),
    ),
    (
        "each journaled table has its triggers, and they are enabled",
        include_str!("../queries/check_triggers.sql"),
    ),
    (
        "the owners and the privileges of the roles are those of the schema",
        include_str!("../queries/check_privileges.sql"),
    ),
    (
        "only writers can create temporary tables",
        include_str!("../queries/check_restrictions.sql"),
    ),
    (
        "the database contains no large objects",
        include_str!("../queries/check_large_objects.sql"),
    ),
    (
        "no sequence is behind its table",
        include_str!("../queries/check_sequences.sql"),
    ),
    (
        "no generation of this server has a future transaction ID",
        include_str!("../queries/check_ahead.sql"),
    ),
];

/// Rules whose check reads all rows.
const DATA_RULES: [(&str, &str); 7] = [
    (
        "kver_not_ignored is consistent with the patterns",
        include_str!("../queries/check_not_ignored.sql"),
    ),
    (
        "no time is before the year 2000 or in the future",
        include_str!("../queries/check_times.sql"),
    ),
    (
        "every event belongs to a generation",
        include_str!("../queries/check_events.sql"),
    ),
    (
        "every generation has a commit, after its events",
        include_str!("../queries/check_commits.sql"),
    ),
    (
        "each event starts from the state that the previous event of its record left",
        include_str!("../queries/check_chains.sql"),
    ),
    (
        "the events of each journaled table reproduce its rows",
        include_str!("../queries/check_journal.sql"),
    ),
    (
        "the read model equals the tables if it contains all changes",
        include_str!("../queries/check_read_model.sql"),
    ),
];

/// Rules for the changes after a position of the history, which is the parameter of each query. They
/// read only these changes and the changed rows.
const NEW_DATA_RULES: [(&str, &str); 4] = [
    (
        "every new event belongs to a generation",
        include_str!("../queries/check_new_events.sql"),
    ),
    (
        "every new generation has a commit, after its events",
        include_str!("../queries/check_new_commits.sql"),
    ),
    (
        "each new event starts from the state that the previous new event of its record left",
        include_str!("../queries/check_new_chains.sql"),
    ),
    (
        "the new events reproduce the rows that they changed",
        include_str!("../queries/check_new_rows.sql"),
    ),
];

/// Checks all rules and returns each with its violations.
pub async fn check(client: &impl SqlClient) -> Result<Vec<Checked>, DbError> {
    let mut checked = check_quickly(client).await?;
    checked.extend(check_all(client, &DATA_RULES, &[]).await?);
    Ok(checked)
}

/// Checks the rules whose check is fast.
pub async fn check_quickly(client: &impl SqlClient) -> Result<Vec<Checked>, DbError> {
    check_all(client, &QUICK_RULES, &[]).await
}

/// Checks the rules whose check is fast, and the changes after a generation. Faults in earlier
/// changes, and rows that were changed without an event, are not found.
pub async fn check_since(
    client: &impl SqlClient,
    generation: i64,
) -> Result<Vec<Checked>, DbError> {
    let position: i64 =
        query_value(client, "SELECT generation_position($1)", &[&generation]).await?;
    let mut checked = check_quickly(client).await?;
    checked.extend(check_all(client, &NEW_DATA_RULES, &[&position]).await?);
    Ok(checked)
}

/// Checks rules, each with a query that returns one line per violation.
async fn check_all(
    client: &impl SqlClient,
    rules: &[(&'static str, &str)],
    parameters: Parameters<'_>,
) -> Result<Vec<Checked>, DbError> {
    let mut checked = Vec::with_capacity(rules.len());
    for (rule, query) in rules {
        let problems = query_values(client, query, parameters).await?;
        checked.push(Checked { rule, problems });
    }
    Ok(checked)
}
