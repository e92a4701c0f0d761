//! The output of `sqern source`.

use serde_json::Value;
use sqern_core::source_test::SourceTestResult;
use sqern_core::sources::SourceStatus;
use sqern_model::escape::escape_value;
use sqern_model::{DistroDef, SourceFile};

use crate::printer::{Column, Document, Kind, Record};

impl Record for SourceStatus {
    const SCHEMA: &'static str = "source.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("source"),
        Column::name("kind").optional(),
        Column::name("architectures").optional(),
        Column::name("signature").optional(),
        Column::status("state"),
        Column::number("kernels"),
        Column::name("verified"),
        Column::time("finished_at").headed("finished"),
    ];
}

/// Returns the definition as text, with the names of the fields in the file.
pub fn describe(def: &DistroDef, file: Option<&SourceFile>) -> String {
    let title = format!("{}, {}: {}", def.name, def.variant, def.title);
    let mut text = escape_value(&title).into_owned();
    if let Some(file) = file {
        text.push_str(&format!("\nfrom {}", escape_value(&file.path)));
    }
    let or_null = |value: Result<Value, serde_json::Error>| value.unwrap_or_default();
    let rules = def
        .rules
        .iter()
        .map(|rule| ("rule", or_null(serde_json::to_value(rule))));
    let sources = def
        .sources
        .iter()
        .map(|source| ("source", or_null(serde_json::to_value(source))));
    for (heading, value) in rules.chain(sources) {
        text.push_str(&format!("\n\n{heading}"));
        for (field, value) in value.as_object().into_iter().flatten() {
            if let Some(shown) = shown(value) {
                text.push_str(&format!("\n  {field:<18} {shown}"));
            }
        }
    }
    text
}

/// Returns the value of a field; `None` for empty and false values.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(
            items
                .iter()
                .filter_map(Value::as_str)
                .map(escape_value)
                .collect::<Vec<_>>()
                .join("\n                     "),
        ),
        Value::String(text) => Some(escape_value(text).into_owned()),
        Value::Bool(false) | Value::Null => None,
        other => Some(escape_value(&other.to_string()).into_owned()),
    }
}

impl Record for SourceTestResult {
    const SCHEMA: &'static str = "source.test/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("source"),
        Column::status("state"),
        Column::number("kernels"),
        Column::new("bytes", Kind::Bytes).headed("read"),
    ];
}

impl Document for DistroDef {
    const SCHEMA: &'static str = "source.show/1";
}
