//! What reports say: records and pages made of what the database gave. They know nothing of the command line.

pub mod coverage;
pub mod html;
pub mod lag;
pub mod new;
pub mod risk;
pub mod why;

use sqern_db::status::Status;

/// Whether a kernel is wanted: `wanted`, `archived`, or `ignored` where it is not archived.
#[must_use]
pub fn state(archived: bool, wanted: bool) -> &'static str {
    match (archived, wanted) {
        (true, _) => "archived",
        (false, false) => "ignored",
        (false, true) => "wanted",
    }
}

/// The same of a status.
#[must_use]
pub fn wanted(status: &Status) -> &'static str {
    state(status.archived, status.wanted)
}
