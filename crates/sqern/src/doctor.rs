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
use crate::printer::{Column, Record, texts};

/// The width of the column of the state, and the indent of the lines after the first.
const INDENT: usize = 9;

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
    /// The cause in a form that does not name the object, to group findings.
    #[serde(skip)]
    pub cause: Option<String>,
}

impl Finding {
    /// Returns a finding without a problem.
    #[must_use]
    pub fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, about: None, state: State::Ok, found: found.into(), hint: None, cause: None }
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
    const COLUMNS: &'static [Column] =
        &[Column::name("check"), Column::name("about"), Column::status("state"), Column::text("found"), Column::text("hint")];
}

/// Joins findings of different objects with the same cause, in the order of the first ones.
#[must_use]
pub fn group(findings: &[Finding]) -> Vec<Finding> {
    let cause = |finding: &Finding| finding.cause.clone().unwrap_or_else(|| finding.found.clone());
    let hint = |finding: &Finding| {
        let (hint, about) = (finding.hint.clone().unwrap_or_default(), finding.about.clone().unwrap_or_default());
        hint.split_whitespace().filter(|word| *word != about).collect::<Vec<_>>().join(" ")
    };
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in findings {
        let is_same = |first: &Finding| {
            let is_alike = (first.check, first.state) == (finding.check, finding.state) && first.state != State::Ok;
            is_alike
                && first.about.is_some()
                && finding.about.is_some()
                && cause(first) == cause(finding)
                && hint(first) == hint(finding)
        };
        match groups.iter_mut().find(|group| is_same(group[0])) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    let join = |group: Vec<&Finding>| {
        let first = group[0];
        let mut names: Vec<String> = group.iter().filter_map(|finding| finding.about.clone()).collect();
        names.dedup();
        let is_equal = group.iter().all(|finding| finding.found == first.found);
        let found = if is_equal { first.found.clone() } else { cause(first) };
        Finding { about: first.about.is_some().then(|| some_of(&names)), found, ..first.clone() }
    };
    groups.into_iter().map(join).collect()
}

/// Returns whether the table of the findings has lines of at most `width` characters.
#[must_use]
pub fn fits(findings: &[Finding], width: usize) -> bool {
    let rows = texts(findings);
    let column = |index: usize| rows.iter().map(|row| row[index].chars().count()).max().unwrap_or(0).max(8);
    (0..Finding::COLUMNS.len()).map(|index| column(index) + 2).sum::<usize>() <= width
}

/// Returns the findings as paragraphs: the state, then the other fields with a hanging indent.
#[must_use]
pub fn describe(findings: &[Finding], width: usize) -> String {
    let mut lines = Vec::new();
    for finding in findings {
        let about = finding.about.as_ref().map(|about| format!(" {about}")).unwrap_or_default();
        let text = format!("{}{about}: {}", finding.check, finding.found);
        let state = format!("{:<INDENT$}", finding.state.as_str());
        lines.extend(wrap(&text, &state, width));
        let Some(hint) = &finding.hint else { continue };
        let indent = " ".repeat(INDENT);
        // A command remains on one line, so that it can be copied.
        match hint.split_once("  # ") {
            Some((command, comment)) if INDENT + 6 + hint.chars().count() > width => {
                lines.push(format!("{indent}hint: {command}"));
                lines.extend(wrap(&format!("# {comment}"), &format!("{indent}      "), width));
            }
            None if hint.starts_with(char::is_uppercase) => lines.extend(wrap(hint, &format!("{indent}hint: "), width)),
            Some(_) | None => lines.push(format!("{indent}hint: {hint}")),
        }
    }
    lines.join("\n")
}

/// Splits a text at spaces into lines; the first one begins with `head`, the others with as many spaces.
fn wrap(text: &str, head: &str, width: usize) -> Vec<String> {
    let mut lines = vec![head.to_owned()];
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if !is_empty && line + 1 + word.chars().count() > width {
            lines.push(" ".repeat(head.chars().count()));
            is_empty = true;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if is_empty { "" } else { " " });
            line.push_str(word);
        }
        is_empty = false;
    }
    lines
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
    fn findings_with_the_same_cause_are_joined() {
        let of = |name: &str, found: &str| {
            let finding = Finding::failed("source", found, format!("sqern source test {name}")).about(name);
            Finding { cause: Some("could not connect".into()), ..finding }
        };
        let other = Finding::failed("source", "not signed", "sqern source test c").about("c");
        let fine = Finding::ok("program", "there");
        let all = [of("a", "1 of 2 failed; x: could not connect"), other.clone(), of("b", "3 of 3 failed; y: could not connect")];
        let joined = group(&[&all[..], &[fine.clone(), fine.clone()]].concat());
        let first = Finding { about: Some("a, b".into()), found: "could not connect".into(), ..all[0].clone() };
        assert_eq!(joined, [first, other, fine.clone(), fine], "findings without a problem stay");
        let same = Finding::warning("keyring", "no keyring", "apt-get install k");
        let joined = group(&["a", "a", "b"].map(|name| same.clone().about(name)));
        assert_eq!(joined, [same.about("a, b")]);
    }

    #[test]
    fn narrow_findings_have_a_hanging_indent_and_whole_commands() {
        let found = "could not connect to the server of this distribution";
        let findings = [
            Finding::ok("store", "there"),
            Finding::failed("source", found, "sqern source test debian12 --mirror-base http://mirror  # or a mirror")
                .about("debian12"),
            Finding::warning("connection", "none", "Start the private server, or specify one."),
        ];
        assert!(!fits(&findings, 40) && fits(&findings[..1], 60));
        assert_eq!(
            describe(&findings, 40),
            "ok       store: there\n\
             failed   source debian12: could not\n\
             \u{20}        connect to the server of this\n\
             \u{20}        distribution\n\
             \u{20}        hint: sqern source test debian12 --mirror-base http://mirror\n\
             \u{20}              # or a mirror\n\
             warning  connection: none\n\
             \u{20}        hint: Start the private server,\n\
             \u{20}              or specify one."
        );
    }

    #[test]
    fn long_lists_of_names_are_shortened() {
        let names: Vec<String> = (1..=7).map(|number| number.to_string()).collect();
        assert_eq!((some_of(&names[..5]), some_of(&names)), ("1, 2, 3, 4, 5".into(), "1, 2, 3, 4, 5 and 2 more".into()));
    }
}
