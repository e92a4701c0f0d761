//! The output of `sqern event`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sqern_db::event::Event;
use sqern_db::follow::{FollowedEvent, GenerationHeader};

use crate::printer::{Column, Record, time};

/// An event on one line of a table.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventLine {
    id: i64,
    generation: i64,
    tstamp: Timestamp,
    change: String,
}

impl Record for EventLine {
    const SCHEMA: &'static str = Event::SCHEMA;
    const COLUMNS: &'static [Column] = &[
        Column::number("id"),
        Column::number("generation"),
        Column::time("tstamp").headed("started"),
        Column::text("change"),
    ];
}

impl From<&Event> for EventLine {
    fn from(event: &Event) -> Self {
        Self {
            id: event.id,
            generation: event.generation,
            tstamp: event.tstamp,
            change: describe_event(event),
        }
    }
}

impl Record for Event {
    const SCHEMA: &'static str = "event.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::number("id"),
        Column::number("generation"),
        Column::time("tstamp").headed("started"),
        Column::name("table_name"),
        Column::name("action"),
        Column::text("pkey"),
        Column::text("fields"),
        Column::text("old"),
    ];
}

/// Returns an event as one line: its action and key, and for an update the old and new values.
pub fn describe_event(event: &Event) -> String {
    let mut line = format!(
        "{} {} {}",
        event.action,
        event.table_name,
        key_text(&event.pkey)
    );
    let (Value::Object(fields), Some(Value::Object(old))) = (&event.fields, &event.old) else {
        return line;
    };
    for (name, new) in fields {
        line.push_str(&format!(
            "  {name}: {} → {}",
            old.get(name)
                .map(|old| field_text(name, old))
                .unwrap_or_default(),
            field_text(name, new)
        ));
    }
    line
}

/// The columns of keys in the order of their output. Other columns follow.
const KEY_ORDER: [&str; 9] = [
    "cluster_name",
    "host_name",
    "build_id",
    "test_id",
    "release_target",
    "storpool_revision",
    "distro",
    "version",
    "pattern",
];

/// Returns the values of a key, separated by blanks. The surrogate key of a table with a natural key
/// is omitted.
#[must_use]
pub fn key_text(object: &Value) -> String {
    let Some(object) = object.as_object() else {
        return String::new();
    };
    let mut columns: Vec<(&String, &Value)> = object
        .iter()
        .filter(|(name, _)| *name != "id" || object.len() == 1)
        .collect();
    columns.sort_by_key(|(name, _)| {
        KEY_ORDER
            .iter()
            .position(|column| column == name)
            .unwrap_or(KEY_ORDER.len())
    });
    let values: Vec<String> = columns.iter().map(|(_, value)| text_of(value)).collect();
    values.join(" ")
}

/// Returns the value of a column as text: a string without quotes, a time like in other lists.
#[must_use]
pub fn field_text(column: &str, value: &Value) -> String {
    let is_time = column == "tstamp" || column.ends_with("_at");
    match value.as_str().filter(|_| is_time).map(str::parse) {
        Some(Ok(at)) => time(Some(at)),
        _ => text_of(value),
    }
}

/// Returns a value as text, a string without quotes.
fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A committed generation and its events.
#[derive(Debug, JsonSchema)]
#[expect(
    dead_code,
    reason = "for the schema only: the line is written without reading all events into memory"
)]
pub struct FollowedGeneration {
    /// The name and version of this schema.
    pub schema: String,
    /// The position after this generation, for `--from`.
    pub position: String,
    /// The generation.
    pub generation: GenerationHeader,
    /// The events in their order.
    pub events: Vec<FollowedEvent>,
}

impl FollowedGeneration {
    /// The name and version of the schema.
    pub const SCHEMA: &'static str = sqern_core::follow::SCHEMA;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_natural_and_times_are_plain() {
        for (key, text) in [
            (
                json!({"id": 2, "distro": "debian12", "version": "6.1", "host_name": "h", "cluster_name": "b"}),
                "b h debian12 6.1",
            ),
            (
                json!({"id": 1, "distro": "debian12", "version": "6.1", "test_id": 7}),
                "7 debian12 6.1",
            ),
            (json!({"id": 1}), "1"),
            (json!({"name": "alma9"}), "alma9"),
        ] {
            assert_eq!(key_text(&key), text);
        }
        for (column, value, text) in [
            (
                "deleted_at",
                json!("2026-11-28T23:42:57.1+00:00"),
                "2026-11-28 23:42:57Z",
            ),
            ("deleted_at", json!("-infinity"), "-infinity"),
            (
                "comment",
                json!("2026-11-28T23:42:57Z"),
                "2026-11-28T23:42:57Z",
            ),
            ("success", json!(null), "null"),
        ] {
            assert_eq!(field_text(column, &value), text);
        }
    }
}
