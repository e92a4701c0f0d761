//! The parser of revisions, release targets, profiles and flavors.

use clap::builder::{NonEmptyStringValueParser, TypedValueParser};

/// Returns the parser of a text that is not empty and not too long.
pub(in crate::cli) fn label() -> impl TypedValueParser<Value = String> {
    NonEmptyStringValueParser::new().try_map(sqern_model::name::label)
}
