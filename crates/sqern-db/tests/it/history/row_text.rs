//! Rows as text, to compare the server with the model.

use serde_json::Value;
use tokio_postgres::Client;

use super::model::{Rows, json};
use super::tables::{TABLES, Table};
use crate::support::rows;

fn row_text(table: &str, row: &str) -> String {
    let row: Value = serde_json::from_str(row).expect("the server's JSON");
    format!("{table} {row}")
}

/// Returns the sorted rows of a query for each table. `{}` in the query is replaced by the name of
/// the table.
pub async fn server_rows(client: &Client, query: &str) -> Vec<String> {
    let select = |table: &Table| {
        format!(
            "SELECT '{}' || E'\\t' || to_jsonb(t) FROM {} AS t",
            table.name,
            query.replace("{}", table.name)
        )
    };
    let sql = TABLES
        .iter()
        .map(select)
        .collect::<Vec<_>>()
        .join(" UNION ALL ");
    let split = |line: String| {
        line.split_once('\t')
            .map(|(table, row)| row_text(table, row))
            .expect("a tab")
    };
    let mut lines: Vec<_> = rows(client, &sql).await.into_iter().map(split).collect();
    lines.sort();
    lines
}

/// Returns the sorted rows of the model.
pub fn model_rows(rows: &Rows) -> Vec<String> {
    let mut lines: Vec<_> = rows
        .iter()
        .map(|((table, _), row)| row_text(table, &json(row.clone())))
        .collect();
    lines.sort();
    lines
}
