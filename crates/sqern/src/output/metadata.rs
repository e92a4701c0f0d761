//! The metadata of lists: the state of the data, and the sources that could not be read completely.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::crawl::Incomplete;
use sqern_db::{AsOf, DataState, PastState};
use sqern_model::{DistroName, join_some};

use crate::error::CliError;
use crate::printer::{Printer, Record, RowArgs, time};

/// The metadata of a list.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct ListMetadata {
    /// The past state; absent for the current state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<PastState>,
    /// For reports: the generation of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<DataState>,
    /// For lists of upstream data: the sources that failed or are partial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<Vec<Incomplete>>,
    /// For lists of upstream data: the distributions that were never checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub never_checked: Vec<DistroName>,
}

/// The metadata of a report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReportMetadata<'a, F> {
    /// The state of the data.
    #[serde(flatten)]
    pub common: &'a ListMetadata,
    /// Further fields of the report.
    #[serde(flatten)]
    pub fields: &'a F,
}

impl From<&AsOf> for ListMetadata {
    fn from(as_of: &AsOf) -> Self {
        let as_of = match as_of {
            AsOf::Now => None,
            AsOf::Past(past) => Some(past.clone()),
        };
        Self {
            as_of,
            data: None,
            incomplete: None,
            never_checked: vec![],
        }
    }
}

impl ListMetadata {
    /// Adds the generation of the data.
    pub fn with_data(self, data: DataState) -> Self {
        Self {
            data: Some(data),
            ..self
        }
    }

    /// Describes the state: for reports always, for lists only if it is a past state.
    pub fn state(&self) -> Option<String> {
        match (&self.data, &self.as_of) {
            (Some(data), _) => Some(data.to_string()),
            (None, past) => past.as_ref().map(describe),
        }
    }

    /// Returns a line for each distribution whose data may be incomplete.
    pub fn incomplete_lines(&self) -> Vec<String> {
        let mut lines = describe_incomplete(self.incomplete.as_deref().unwrap_or_default());
        lines.extend(never_checked(&self.never_checked));
        lines
    }

    /// Whether the last check of a distribution could not read all sources completely.
    pub fn is_incomplete(&self, distro: &DistroName) -> bool {
        self.incomplete
            .iter()
            .flatten()
            .any(|source| source.distro == *distro)
    }
}

/// Prints the state and warnings about incomplete distributions.
pub fn print_state(printer: &Printer, frame: &ListMetadata) {
    if let Some(state) = frame.state() {
        printer.note(&state);
    }
    warn(printer, frame.incomplete.as_deref().unwrap_or_default());
    warn_never_checked(printer, &frame.never_checked);
}

/// Prints a list, a past state and warnings about incomplete distributions.
pub fn list<R: Record>(
    printer: &Printer,
    records: &[R],
    rows: &RowArgs,
    frame: &ListMetadata,
) -> Result<(), CliError> {
    printer.list_in(records, rows, frame)?;
    print_state(printer, frame);
    Ok(())
}

/// Warns about distributions that were never checked.
pub fn warn_never_checked(printer: &Printer, distros: &[DistroName]) {
    if let Some(line) = never_checked(distros) {
        // Like join_some(), the hint names at most 5 distributions.
        let hint = if distros.len() > 5 {
            "sqern check --distro NAME".to_owned()
        } else {
            let names: Vec<&str> = distros.iter().map(DistroName::as_str).collect();
            format!("sqern check --distro {}", names.join(" --distro "))
        };
        printer.warning_with_hint(&line, Some(&hint));
    }
}

fn never_checked(distros: &[DistroName]) -> Option<String> {
    let names: Vec<String> = distros.iter().map(ToString::to_string).collect();
    (!names.is_empty()).then(|| {
        format!(
            "never checked: {}; kernels of their repositories are unknown",
            join_some(&names)
        )
    })
}

/// Warns about incomplete distributions.
pub fn warn(printer: &Printer, incomplete: &[Incomplete]) {
    for line in describe_incomplete(incomplete) {
        printer.warning(&line);
    }
}

fn describe_incomplete(incomplete: &[Incomplete]) -> Vec<String> {
    let of_distro = |sources: &[Incomplete]| {
        let first = &sources[0];
        let which = match sources {
            [source] => format!("source {}", source.source),
            several => format!("{} sources, such as {}", several.len(), first.source),
        };
        let at = time(Some(first.checked_at));
        // The errors of the other mirrors are in the JSON output and in the table crawl.
        let reason = first.reason.split("; next mirror: ").next();
        format!(
            "{} is incomplete: {which} ({} at {at}): {}",
            first.distro,
            first.state,
            reason.unwrap_or_default()
        )
    };
    incomplete
        .chunk_by(|source, next| source.distro == next.distro)
        .map(of_distro)
        .collect()
}

fn describe(past: &PastState) -> String {
    match past.committed_at {
        Some(_) => format!(
            "as of generation {}, committed {}",
            past.generation,
            time(past.committed_at)
        ),
        None => "as of the state before the first generation".to_owned(),
    }
}
