//! The output of `sqern generation`.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Map;
use sqern_db::event::{Action, Difference, Event};
use sqern_db::generation::{Generation, TableChanges};
use sqern_model::counted;
use sqern_model::escape::escape_value;

use super::event::{describe_event, field_text, key_text};
use crate::printer::{Column, Document, Record, time};

impl Record for Generation {
    const SCHEMA: &'static str = "generation.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::number("id"),
        Column::time("tstamp").headed("started"),
        Column::name("username").optional(),
        Column::name("ipaddr").optional(),
        Column::number("events"),
        Column::text("comment"),
    ];
}

/// A generation with its changes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShownGeneration {
    #[serde(flatten)]
    pub generation: Generation,
    /// The numbers of changes by table.
    pub tables: Vec<TableChanges>,
    /// The first events in their order.
    pub first_events: Vec<Event>,
}

/// Returns the text of a generation.
#[must_use]
pub fn describe(shown: &ShownGeneration) -> String {
    let ShownGeneration {
        generation,
        tables,
        first_events,
    } = shown;
    let from = generation
        .ipaddr
        .map_or_else(|| "a Unix socket".to_owned(), |address| address.to_string());
    let mut text = format!(
        "generation {}\n  time     {}\n  user     {} from {from}\n  comment  {}\n  changes  {}",
        generation.id,
        time(Some(generation.tstamp)),
        escape_value(&generation.username),
        escape_value(generation.comment.as_deref().unwrap_or("(none)")),
        counted(generation.events, "event")
    );
    for table in tables {
        text.push_str(&format!(
            "\n    {:<18} {} inserted, {} updated, {} deleted",
            escape_value(&table.table_name),
            table.inserts,
            table.updates,
            table.deletes
        ));
    }
    for event in first_events {
        text.push_str("\n  ");
        text.push_str(&escape_value(&describe_event(event)));
    }
    if i64::try_from(first_events.len()).is_ok_and(|shown| shown < generation.events) {
        text.push_str(&format!(
            "\n  … and {} (--limit 0 prints all)",
            counted(
                generation.events - i64::try_from(first_events.len()).unwrap_or(0),
                "more event"
            ),
        ));
    }
    text
}

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

/// Returns a heading with counts for each table, and a line for each row: + inserted, - deleted, ~
/// updated.
pub fn describe_differences(differences: &[Difference]) -> String {
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
            escape_value(&of_table[0].table_name),
            count(Action::Insert),
            count(Action::Update),
            count(Action::Delete)
        );
        text.push_str(&line);
        for difference in of_table {
            let line = describe_difference(difference);
            text.push_str(&format!("  {}\n", escape_value(&line)));
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
            .map(|old| old.get(name).map(|old| field_text(name, old)))
            .map(|old| format!("{} → ", old.unwrap_or_default()));
        let label = label(&difference.table_name, name);
        line.push_str(&format!(
            "  {label}: {}{}",
            old.unwrap_or_default(),
            field_text(name, value)
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

impl Document for ShownGeneration {
    const SCHEMA: &'static str = "generation.show/1";
}
