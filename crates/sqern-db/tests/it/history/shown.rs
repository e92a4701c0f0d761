//! Rows as text, so that the server's and the model's can be compared.

use serde_json::Value;
use tokio_postgres::Client;

use super::model::{Rows, json};
use super::universe::{TABLES, Table};
use crate::support::rows;

fn shown(table: &str, row: &str) -> String {
    let row: Value = serde_json::from_str(row).expect("the server's JSON");
    format!("{table} {row}")
}

/// The tables' rows by that query for each table, `{}` being its name; sorted.
pub async fn shown_by(client: &Client, query: &str) -> Vec<String> {
    let one =
        |table: &Table| format!("SELECT '{}' || E'\\t' || to_jsonb(t) FROM {} AS t", table.name, query.replace("{}", table.name));
    let sql = TABLES.iter().map(one).collect::<Vec<_>>().join(" UNION ALL ");
    let split = |line: String| line.split_once('\t').map(|(table, row)| shown(table, row)).expect("two parts");
    let mut shown: Vec<_> = rows(client, &sql).await.into_iter().map(split).collect();
    shown.sort();
    shown
}

/// The model's rows, in the same form.
pub fn shown_rows(rows: &Rows) -> Vec<String> {
    let mut shown: Vec<_> = rows.iter().map(|((table, _), row)| shown(table, &json(row.clone()))).collect();
    shown.sort();
    shown
}
