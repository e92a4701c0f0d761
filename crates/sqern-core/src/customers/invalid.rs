//! The error of an invalid report.

use sqern_db::cust::load::Place;

/// The error of an invalid or unreadable report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidReport {
    /// The reason.
    pub reason: String,
    /// The position in the report, if the error belongs to one.
    pub place: Option<Place>,
    /// The hint.
    pub hint: Option<String>,
}

impl InvalidReport {
    pub(super) fn at(place: Place, reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            place: Some(place),
            hint: None,
        }
    }

    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            place: None,
            hint: None,
        }
    }

    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

/// Returns the reason for a truncated file or invalid compression.
pub(super) fn unreadable(reason: &str) -> String {
    format!("could not read the report: {reason}")
}
