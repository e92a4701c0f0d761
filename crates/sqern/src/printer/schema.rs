//! The JSON documents of the output and their schemas.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::{Value, json};

use super::Record;
use crate::error::CliError;

/// A value that a command prints as one JSON document.
pub trait Document: Serialize + JsonSchema {
    /// The name and version of its JSON: `why/1`.
    const SCHEMA: &'static str;
}

/// The metadata of a list without metadata.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub struct NoMetadata {}

/// A list in JSON.
#[derive(Serialize, JsonSchema)]
pub(super) struct ListDocument<'a, M, I> {
    /// The name and version of this schema.
    pub(super) schema: String,
    #[serde(flatten)]
    pub(super) metadata: &'a M,
    /// The rows. With `--columns`, a row contains only the specified fields.
    pub(super) items: I,
}

/// A value in JSON.
#[derive(Serialize, JsonSchema)]
pub(super) struct ValueDocument<I> {
    /// The name and version of this schema.
    pub(super) schema: String,
    /// The value.
    pub(super) item: I,
}

/// The error of a command.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorDocument<'a> {
    /// The name and version of this schema.
    schema: String,
    /// The error.
    error: ErrorFields<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ErrorFields<'a> {
    /// The code of the error, as in the reference of error codes.
    code: &'static str,
    /// The message, in one or more lines.
    message: &'a str,
    /// Commands or sentences that help to solve the problem.
    hints: &'a [String],
}

impl ErrorDocument<'_> {
    /// The name and version of the schema.
    pub const SCHEMA: &'static str = "error/1";
}

impl<'a> From<&'a CliError> for ErrorDocument<'a> {
    fn from(error: &'a CliError) -> Self {
        Self {
            schema: full_name(Self::SCHEMA),
            error: ErrorFields {
                code: error.code(),
                message: error.message(),
                hints: error.hints(),
            },
        }
    }
}

/// Returns the name of a schema in documents: `sqern.why/1`.
pub(super) fn full_name(schema: &str) -> String {
    format!("sqern.{schema}")
}

/// Returns the JSON schema of a list with this metadata.
#[must_use]
pub fn of_list<R: Record, M: JsonSchema + 'static>() -> Schema {
    without_description(of_type::<ListDocument<'_, M, Vec<R>>>(R::SCHEMA))
}

/// Returns the JSON schema of a value.
#[must_use]
pub fn of_value<T: Document>() -> Schema {
    without_description(of_type::<ValueDocument<T>>(T::SCHEMA))
}

/// Converts a description, which is the text of a doc comment: lines are joined, and the value
/// without content is null.
fn describe_json(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text
            .split("\n\n")
            .map(|paragraph| paragraph.replace('\n', " ").replace("`None`", "null"))
            .collect::<Vec<_>>()
            .join("\n\n");
    }
}

/// Removes the description of the document, which is the same for all lists and for all values.
fn without_description(mut schema: Schema) -> Schema {
    schema.remove("description");
    schema
}

/// Returns the JSON schema of a type whose field `schema` has this value.
#[must_use]
pub fn of_type<T: JsonSchema>(name: &str) -> Schema {
    let settings = SchemaSettings::draft2020_12()
        .for_serialize()
        .with_transform(RecursiveTransform(describe_json));
    let generator = settings.into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    schema.insert("title".to_owned(), Value::from(full_name(name)));
    if let Some(field) = schema.pointer_mut("/properties/schema") {
        *field = json!({"const": full_name(name)});
    }
    schema
}
