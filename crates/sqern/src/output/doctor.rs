//! The findings of `sqern doctor` as a table or as paragraphs.

use sqern_core::doctor::{Finding, State};
use sqern_model::counted;
use sqern_model::escape::{escape_message, escape_value};

use crate::printer::{Column, GAP, Record, texts, wrap};

/// The width of the column of the state, and the indent of the lines after the first.
const INDENT: usize = 9;
/// The label of a hint.
const HINT: &str = "hint: ";
/// The minimum width of a column that decides between table and paragraphs. It covers the headings
/// and states.
const MIN_COLUMN_WIDTH: usize = 8;

impl Record for Finding {
    const SCHEMA: &'static str = "doctor/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("check"),
        Column::name("about"),
        Column::status("state"),
        Column::text("found"),
        Column::text("hint"),
    ];
}

/// Returns whether the table of the findings has lines of at most `width` characters.
#[must_use]
pub fn fits(findings: &[Finding], width: usize) -> bool {
    let rows = texts(findings);
    let column_width = |index: usize| {
        rows.iter()
            .map(|row| row[index].chars().count())
            .fold(MIN_COLUMN_WIDTH, usize::max)
    };
    (0..Finding::COLUMNS.len())
        .map(|index| column_width(index) + GAP)
        .sum::<usize>()
        <= width
}

/// Returns the findings as paragraphs: the state, then the other fields with a hanging indent.
#[must_use]
pub fn describe(findings: &[Finding], width: usize) -> String {
    let indent = " ".repeat(INDENT);
    let mut lines = Vec::new();
    for finding in findings {
        let about = finding
            .about
            .as_ref()
            .map(|about| format!(" {about}"))
            .unwrap_or_default();
        let text = format!("{}{about}: {}", finding.check, finding.found);
        let text = escape_message(&text);
        let state = format!("{:<INDENT$}", finding.state.as_str());
        lines.extend(wrap(&text, &state, width));
        let Some(hint) = &finding.hint else { continue };
        let hint = escape_value(hint);
        // A command remains on one line, so that it can be copied.
        match hint.split_once("  # ") {
            Some((command, comment)) if INDENT + HINT.len() + hint.chars().count() > width => {
                lines.push(format!("{indent}{HINT}{command}"));
                lines.extend(wrap(
                    &format!("# {comment}"),
                    &format!("{indent}{:1$}", "", HINT.len()),
                    width,
                ));
            }
            None if hint.starts_with(char::is_uppercase) => {
                lines.extend(wrap(&hint, &format!("{indent}{HINT}"), width));
            }
            Some(_) | None => lines.push(format!("{indent}{HINT}{hint}")),
        }
    }
    lines.join("\n")
}

/// Counts findings by state: `11 ok, 1 warning, 2 failed`.
#[must_use]
pub fn summary(findings: &[Finding]) -> String {
    let count = |state| {
        findings
            .iter()
            .filter(|finding| finding.state == state)
            .count()
    };
    let parts = [State::Ok, State::Warning, State::Failed, State::Skipped]
        .map(|state| (state, count(state)));
    let parts =
        parts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(state, count)| match state {
                State::Warning => counted(count, "warning"),
                State::Ok | State::Failed | State::Skipped => format!("{count} {}", state.as_str()),
            });
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_findings_by_state() {
        let (ok, warning) = (
            Finding::ok("store", "exists"),
            Finding::warning("store", "full", "df"),
        );
        assert_eq!(
            summary(&[ok.clone(), ok.clone(), warning.clone()]),
            "2 ok, 1 warning"
        );
        let failed = Finding {
            state: State::Failed,
            ..warning.clone()
        };
        assert_eq!(
            summary(&[failed, warning.clone(), warning, Finding::skipped("x", "y")]),
            "2 warnings, 1 failed, 1 skipped"
        );
    }

    #[test]
    fn narrow_findings_have_a_hanging_indent_and_whole_commands() {
        let found = "could not connect to the server of this distribution";
        let findings = [
            Finding::ok("store", "exists"),
            Finding::failed(
                "source",
                found,
                "sqern source test debian12 --mirror-base http://mirror  # or a mirror",
            )
            .about("debian12"),
            Finding::warning(
                "connection",
                "none",
                "Start the private server, or specify one.",
            ),
        ];
        assert!(!fits(&findings, 40) && fits(&findings[..1], 60));
        assert_eq!(
            describe(&findings, 40),
            "ok       store: exists\n\
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
}
