//! The rules of `sqern doctor`: from what was seen to a verdict, and what to type about it.
//!
//! Looking and judging stand apart: what was seen is a value, so that each verdict can be tried without the trouble that it is about.

pub mod clock;
pub mod database;
pub mod program;
pub mod source;
pub mod store;

use serde::Serialize;

use crate::failure::Failure;
use crate::printer::Record;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Could not be looked at, for something else is missing.
    Skipped,
    /// Works, and is worth a look.
    Warning,
    /// Does not work.
    Failed,
}

impl State {
    /// The word that is printed.
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

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: a fixed word.
    pub check: &'static str,
    /// Which one of them: a distribution, a program; none where there is only one, or where it is about all.
    pub about: Option<String>,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to type; none where all is well.
    pub hint: Option<String>,
}

impl Finding {
    /// All is well.
    #[must_use]
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, about: None, state: State::Ok, found: found.into(), hint: None }
    }

    /// It could not be looked at; `why` says what it needs.
    #[must_use]
    pub fn skipped(check: &'static str, why: impl Into<String>) -> Self {
        Self { state: State::Skipped, ..Self::ok(check, why) }
    }

    /// It works, and is worth a look.
    #[must_use]
    pub fn warning(check: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { state: State::Warning, hint: Some(hint.into()), ..Self::ok(check, found) }
    }

    /// It does not work.
    #[must_use]
    pub fn failed(check: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { state: State::Failed, ..Self::warning(check, found, hint) }
    }

    /// It does not work, in the words of a failure; `hint` where that has none.
    #[must_use]
    pub fn of_failure(check: &'static str, failure: &Failure, hint: &str) -> Self {
        Self::failed(check, failure.message(), failure.hints().first().map_or(hint, String::as_str))
    }

    /// The same of one of several.
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

/// The findings counted by their states: "11 ok, 1 warning, 2 failed".
#[must_use]
pub fn summary(findings: &[Finding]) -> String {
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let warnings = if count(State::Warning) == 1 { "warning" } else { "warnings" };
    let words = [(State::Ok, "ok"), (State::Warning, warnings), (State::Failed, "failed"), (State::Skipped, "skipped")];
    let counted = words.into_iter().map(|(state, word)| (count(state), word)).filter(|(count, _)| *count > 0);
    counted.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(", ")
}

/// A few names in a row, and how many more there are.
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
    fn a_summary_counts_what_there_is() {
        let (ok, warning) = (Finding::ok("store", "there"), Finding::warning("store", "full", "df"));
        assert_eq!(summary(&[ok.clone(), ok.clone(), warning.clone()]), "2 ok, 1 warning");
        let failed = Finding { state: State::Failed, ..warning.clone() };
        assert_eq!(summary(&[failed, warning.clone(), warning, Finding::skipped("x", "y")]), "2 warnings, 1 failed, 1 skipped");
    }

    #[test]
    fn many_names_are_cut() {
        let names: Vec<String> = (1..=7).map(|number| number.to_string()).collect();
        assert_eq!((some_of(&names[..5]), some_of(&names)), ("1, 2, 3, 4, 5".into(), "1, 2, 3, 4, 5 and 2 more".into()));
    }
}
