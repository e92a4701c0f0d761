//! `sqern generation diff`: prints the differences between 2 states.

use serde_json::Map;
use sqern_db::AsOf;
use sqern_db::event::{Action, Difference};
use sqern_db::generation;
use sqern_model::At;
use tokio_postgres::Client;

use super::super::Context;
use super::super::event::{key_text, text_of};
use crate::error::{CliError, ExitStatus};
use crate::printer::{Column, Format, Record, RowArgs};

impl Record for Difference {
    const SCHEMA: &'static str = "generation.diff/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("table_name"),
        Column::name("action"),
        Column::text("pkey"),
        Column::text("fields"),
        Column::text("old"),
    ];
}

pub(super) async fn run(
    client: &Client,
    from: At,
    to: Option<At>,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let from = past(client, from).await?;
    let differences = match to {
        Some(to) => generation::diff(client, from, past(client, to).await?).await?,
        None => generation::changes(client, from).await?,
    };
    if context.printer.format() == Format::Table {
        if differences.is_empty() {
            context.printer.note("no differences");
        } else {
            context.printer.text(&describe(&differences))?;
        }
    } else {
        context.printer.list(&differences, &RowArgs::default())?;
    }
    Ok(ExitStatus::Success)
}

async fn past(client: &Client, at: At) -> Result<i64, CliError> {
    match AsOf::resolve(client, at).await? {
        AsOf::Past(past) => Ok(past.generation),
        AsOf::Now => Err(CliError::usage("a state must be a generation or a time")),
    }
}

/// Returns a heading with counts for each table, and a line for each row: + inserted, - deleted, ~
/// updated.
pub(super) fn describe(differences: &[Difference]) -> String {
    let mut text = String::new();
    for of_table in differences.chunk_by(|a, b| a.table_name == b.table_name) {
        let count = |action: Action| {
            of_table
                .iter()
                .filter(|difference| difference.action == action)
                .count()
        };
        let line = format!(
            "{}: {} inserted, {} updated, {} deleted\n",
            of_table[0].table_name,
            count(Action::Insert),
            count(Action::Update),
            count(Action::Delete)
        );
        text.push_str(&line);
        for difference in of_table {
            text.push_str(&format!("  {}\n", describe_difference(difference)));
        }
    }
    text
}

fn describe_difference(difference: &Difference) -> String {
    let mark = match difference.action {
        Action::Insert => '+',
        Action::Delete => '-',
        Action::Update => '~',
    };
    let mut line = format!("{mark} {}", key_text(&difference.pkey));
    let empty = Map::new();
    let fields = difference.fields.as_object().unwrap_or(&empty);
    for (name, value) in fields {
        let old = difference
            .old
            .as_ref()
            .map(|old| format!("{} → ", old.get(name).map(text_of).unwrap_or_default()));
        let label = label(&difference.table_name, name);
        line.push_str(&format!(
            "  {label}: {}{}",
            old.unwrap_or_default(),
            text_of(value)
        ));
    }
    line
}

/// Returns the label of a column. The comment of a pattern is its reason, as in `sqern ignore add --reason`.
fn label<'a>(table: &str, column: &'a str) -> &'a str {
    if (table, column) == ("kver_ignore", "comment") {
        "reason"
    } else {
        column
    }
}
