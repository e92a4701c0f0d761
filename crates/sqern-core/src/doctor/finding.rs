//! The results of checks.

use schemars::JsonSchema;
use serde::Serialize;

use crate::Error;

/// The state of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
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
    /// Returns the name of the state.
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

/// An error with its hint, as the front end presents it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The message.
    pub message: String,
    /// The hint.
    pub hint: Option<String>,
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Self {
            message: error.to_string(),
            hint: error.hints().into_iter().next(),
        }
    }
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// The checked object, such as a distribution or a program; `None` if there is only one, or for
    /// all.
    pub about: Option<String>,
    /// The state.
    pub state: State,
    /// The result as text.
    pub found: String,
    /// The hint; `None` without a problem.
    pub hint: Option<String>,
    /// The cause in a form that does not name the object, to group findings.
    #[serde(skip)]
    pub cause: Option<String>,
}

impl Finding {
    /// Returns a finding without a problem.
    #[must_use]
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            about: None,
            state: State::Ok,
            found: found.into(),
            hint: None,
            cause: None,
        }
    }

    /// Returns a finding for a check that was not made; `reason` contains the missing requirement.
    #[must_use]
    pub fn skipped(check: &'static str, reason: impl Into<String>) -> Self {
        Self {
            state: State::Skipped,
            ..Self::ok(check, reason)
        }
    }

    /// Returns a warning.
    #[must_use]
    pub fn warning(check: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            state: State::Warning,
            hint: Some(hint.into()),
            ..Self::ok(check, found)
        }
    }

    /// Returns a failed finding.
    #[must_use]
    pub fn failed(check: &'static str, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            state: State::Failed,
            ..Self::warning(check, found, hint)
        }
    }

    /// Returns a failed finding with a problem; `hint` applies if the problem has none.
    #[must_use]
    pub(super) fn problem(check: &'static str, problem: &Problem, hint: &str) -> Self {
        Self::failed(
            check,
            &problem.message,
            problem.hint.as_deref().unwrap_or(hint),
        )
    }

    /// Sets the checked object.
    #[must_use]
    pub fn about(self, object: impl Into<String>) -> Self {
        Self {
            about: Some(object.into()),
            ..self
        }
    }
}
