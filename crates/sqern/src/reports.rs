//! The reports: records and HTML pages, made from rows of the database. They do not depend on the command line.

pub mod activity;
pub mod coverage;
pub mod html;
pub mod lag;
pub mod risk;
pub mod why;

use sqern_db::status::Status;

/// Returns the state of a kernel: `wanted`, `archived`, or `ignored` if it is not archived.
#[must_use]
pub fn state(archived: bool, wanted: bool) -> &'static str {
    match (archived, wanted) {
        (true, _) => "archived",
        (false, false) => "ignored",
        (false, true) => "wanted",
    }
}

/// Returns the state of the kernel of a status.
#[must_use]
pub fn wanted(status: &Status) -> &'static str {
    state(status.archived, status.wanted)
}
