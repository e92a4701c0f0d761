//! `sqern source show`: the sources and rules of a distribution.

use serde_json::Value;
use sqern_core::sources::definition;
use sqern_model::{DistroDef, DistroName, SourceFile, SourceSet};

use crate::cli::Context;
use crate::error::{CliError, ExitStatus};

pub(super) fn run(
    name: &DistroName,
    toml: bool,
    set: &SourceSet,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let def = definition(set, name)?;
    let file = set.files.get(name);
    if toml {
        context
            .printer
            .data(file.map_or("", |file| file.text.as_str()))?;
        return Ok(ExitStatus::Success);
    }
    context
        .printer
        .value("source.show/1", def, || describe(def, file))?;
    Ok(ExitStatus::Success)
}

/// Returns the definition as text, with the names of the fields in the file.
fn describe(def: &DistroDef, file: Option<&SourceFile>) -> String {
    let mut text = format!("{}, {}: {}", def.name, def.variant, def.title);
    if let Some(file) = file {
        text.push_str(&format!("\nfrom {}", file.path));
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
                .collect::<Vec<_>>()
                .join("\n                     "),
        ),
        Value::String(text) => Some(text.clone()),
        Value::Bool(false) | Value::Null => None,
        other => Some(other.to_string()),
    }
}
