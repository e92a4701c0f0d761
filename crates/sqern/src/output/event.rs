//! The output of `sqern event`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use sqern_db::event::Event;
use sqern_db::follow::{FollowedEvent, GenerationHeader};

use crate::printer::{Column, Record};

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
            old.get(name).map(text_of).unwrap_or_default(),
            text_of(new)
        ));
    }
    line
}

/// Returns the values of a key, separated by blanks.
#[must_use]
pub fn key_text(object: &Value) -> String {
    object
        .as_object()
        .map(|object| object.values().map(text_of).collect::<Vec<_>>().join(" "))
        .unwrap_or_default()
}

/// Returns a value as text, a string without quotes.
#[must_use]
pub fn text_of(value: &Value) -> String {
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
    /// The position after this generation, for `--after`.
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
