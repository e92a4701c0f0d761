//! The rules of `sqern doctor`: they turn observations into findings with hints.
//!
//! Observations are plain values, so that tests can check each finding without reproducing the problem.

pub mod clock;
pub mod database;
pub mod program;
pub mod source;
pub mod store;

use serde::Serialize;
use sqern_model::counted;

use crate::failure::Failure;
use crate::printer::Record;

/// The state of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// No problem.
    Ok,
    /// Not checked, because a requirement is missing.
    Skipped,
    /// Works, but might cause problems.
    Warning,
    /// Does not work.
    Failed,
}

impl State {
    /// Returns the printed word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// The checked object, such as a distribution or a program; `None` if there is only one, or for all.
    pub about: Option<String>,
    /// The state.
    pub state: State,
    /// The result as text.
    pub found: String,
    /// The hint; `None` without a problem.
    pub hint: Option<String>,
}

impl Finding {
    /// Returns a finding without a problem.
    #[must_use]
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, about: None, state: State::Ok, found: found.into(), hint: None }
    }

    /// Returns a finding for a check that was not made; `why` contains the missing requirement.
    #[must_use]
    pub fn skipped(check: &'static str, why: impl Into<String>) -> Self {
        Self { state: State::Skipped, ..Self::ok(check, why) }
    }

    /// Returns a warning.
    #[must_use]
    pub fn warning(check: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { state: State::Warning, hint: Some(hint.into()), ..Self::ok(check, found) }
    }

    /// Returns a failed finding.
    #[must_use]
    pub fn failed(check: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { state: State::Failed, ..Self::warning(check, found, hint) }
    }

    /// Returns a failed finding with the message of an error; `hint` applies if the error has none.
    #[must_use]
    pub fn of_failure(check: &'static str, failure: &Failure, hint: &str) -> Self {
        Self::failed(check, failure.message(), failure.hints().first().map_or(hint, String::as_str))
    }

    /// Sets the checked object.
    #[must_use]
    pub fn about(self, which: impl Into<String>) -> Self {
        Self { about: Some(which.into()), ..self }
    }
}

impl Record for Finding {
    const SCHEMA: &'static str = "doctor/1";
    const COLUMNS: &'static [&'static str] = &["check", "about", "state", "found", "hint"];
    fn cells(&self) -> Vec<String> {
        let [about, hint] = [&self.about, &self.hint].map(|text| text.clone().unwrap_or_default());
        vec![self.check.to_owned(), about, self.state.as_str().to_owned(), self.found.clone(), hint]
    }
}

/// Counts findings by state: `11 ok, 1 warning, 2 failed`.
#[must_use]
pub fn summary(findings: &[Finding]) -> String {
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let parts = [State::Ok, State::Warning, State::Failed, State::Skipped].map(|state| (state, count(state)));
    let parts = parts.into_iter().filter(|(_, count)| *count > 0).map(|(state, count)| match state {
        State::Warning => counted(count, "warning"),
        State::Ok | State::Failed | State::Skipped => format!("{count} {}", state.as_str()),
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// Joins up to 5 names, and counts the others.
fn some_of(names: &[String]) -> String {
    const NAMED: usize = 5;
    match names.len().checked_sub(NAMED) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..NAMED].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_findings_by_state() {
        let (ok, warning) = (Finding::ok("store", "there"), Finding::warning("store", "full", "df"));
        assert_eq!(summary(&[ok.clone(), ok.clone(), warning.clone()]), "2 ok, 1 warning");
        let failed = Finding { state: State::Failed, ..warning.clone() };
        assert_eq!(summary(&[failed, warning.clone(), warning, Finding::skipped("x", "y")]), "2 warnings, 1 failed, 1 skipped");
    }

    #[test]
    fn long_lists_of_names_are_shortened() {
        let names: Vec<String> = (1..=7).map(|number| number.to_string()).collect();
        assert_eq!((some_of(&names[..5]), some_of(&names)), ("1, 2, 3, 4, 5".into(), "1, 2, 3, 4, 5 and 2 more".into()));
    }
}
