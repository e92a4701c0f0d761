//! What reports say: records and pages made of what the database gave. They know neither the command line nor each other.

pub mod coverage;
pub mod html;
pub mod lag;
pub mod new;
pub mod risk;
pub mod why;

use sqern_db::status::Status;

/// Whether a kernel is wanted, in the words of `sqern kver list`.
#[must_use]
pub fn wanted(status: &Status) -> &'static str {
    match (status.wanted, status.archived) {
        (true, _) => "wanted",
        (false, true) => "archived",
        (false, false) => "ignored",
    }
}
