//! The output of `sqern generation archive` and `verify`.

use schemars::JsonSchema;
use sqern_core::journal_archive::{Appended, ArchivedGeneration, LineHash, Verified};
use sqern_db::follow::FollowedEvent;
use sqern_model::counted;

use super::db::describe_checked;
use crate::printer::Document;

impl Document for Appended {
    const SCHEMA: &'static str = "generation.archive/1";
}

impl Document for Verified {
    const SCHEMA: &'static str = "generation.verify/1";
}

/// Returns the new file and the head of the archive.
#[must_use]
pub fn describe_appended(appended: &Appended) -> String {
    let written = match &appended.file {
        Some(file) => format!(
            "wrote {} ({}, {})",
            file.display(),
            counted(appended.generations, "generation"),
            counted(appended.events, "event")
        ),
        None => "no new generations".to_owned(),
    };
    format!("{written}{}", head(appended.head))
}

/// Returns the rules with their violations, the numbers of files and generations, and the head of
/// the archive.
#[must_use]
pub fn describe_verified(verified: &Verified) -> String {
    let mut text: String = verified
        .rules
        .iter()
        .map(|rule| format!("{}\n", describe_checked(rule)))
        .collect();
    text += &counted(verified.files, "file");
    text += ", ";
    text += &counted(verified.generations, "generation");
    if let Some(newer) = verified.newer_generations.filter(|newer| *newer > 0) {
        text += &format!(
            "; {} not in the archive yet",
            counted(newer, "newer generation")
        );
    }
    text + &head(verified.head)
}

/// Returns a line with the head of an archive, if there is one.
fn head(head: Option<LineHash>) -> String {
    head.map(|head| format!("\nhead {head}"))
        .unwrap_or_default()
}

/// A line of an archive: a committed generation and its events.
#[derive(Debug, JsonSchema)]
#[expect(
    dead_code,
    reason = "for the schema only: the line is written without reading all events into memory"
)]
pub struct ArchivedLine {
    /// The SHA-256 of the previous line without its newline; 64 zeros in the first line of the first
    /// file.
    pub previous: LineHash,
    /// The name and version of this schema.
    pub schema: String,
    /// The position after this generation, for `sqern event follow --from`.
    pub position: String,
    /// The generation.
    pub generation: ArchivedGeneration<'static>,
    /// The events in their order.
    pub events: Vec<FollowedEvent>,
}

impl ArchivedLine {
    /// The name and version of the schema.
    pub const SCHEMA: &'static str = sqern_core::journal_archive::SCHEMA;
}
