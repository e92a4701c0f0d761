//! The metadata of lists: the state of `--at`, and the sources that could not be read completely.

use clap::Args;
use serde::Serialize;
use sqern_db::crawl::{self, Incomplete};
use sqern_db::{AsOf, DataState, PastState};
use sqern_model::{At, DistroName, join_some};
use tokio_postgres::GenericClient;

use super::Context;
use crate::error::CliError;
use crate::printer::{Record, RowArgs, time};

/// Options that all lists share.
#[derive(Debug, Args)]
pub(super) struct AtArgs {
    /// Use the data as of this generation or time, such as 2026-05-01, '2026-05-01 14:30' (UTC) or
    /// '2 days ago' [default: now]
    #[arg(long, value_name = "GENERATION|TIME")]
    at: Option<At>,
}

/// The metadata of a list.
#[derive(Debug, Default, Serialize)]
pub(super) struct ListMetadata {
    /// The past state; absent for the current state.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<PastState>,
    /// For reports: the generation of the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<DataState>,
    /// For lists of upstream data: the sources that failed or are partial.
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete: Option<Vec<Incomplete>>,
    /// For lists of upstream data: the distributions that were never checked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    never_checked: Vec<DistroName>,
}

impl AtArgs {
    /// Returns the state that `--at` selects, by default the current state.
    pub(super) async fn resolve(&self, client: &impl GenericClient) -> Result<AsOf, CliError> {
        match self.at {
            None => Ok(AsOf::Now),
            Some(at) => Ok(AsOf::resolve(client, at).await?),
        }
    }

    /// Returns the metadata of a list of upstream data of these distributions (all if empty).
    pub(super) async fn upstream(
        &self,
        client: &impl GenericClient,
        as_of: &AsOf,
        distros: &[DistroName],
    ) -> Result<ListMetadata, CliError> {
        let time = as_of.time();
        // Without a selection, the query uses the present kernels.
        let is_meaningful = *as_of == AsOf::Now || !distros.is_empty();
        let never_checked = if is_meaningful {
            crawl::never_checked(client, distros, time).await?
        } else {
            vec![]
        };
        let incomplete = Some(crawl::incomplete(client, distros, time).await?);
        Ok(ListMetadata {
            incomplete,
            never_checked,
            ..ListMetadata::from(as_of)
        })
    }
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
    pub(super) fn with_data(self, data: DataState) -> Self {
        Self {
            data: Some(data),
            ..self
        }
    }

    /// Describes the state: for reports always, for lists only if it is a past state.
    pub(super) fn state(&self) -> Option<String> {
        match (&self.data, &self.as_of) {
            (Some(data), _) => Some(data.to_string()),
            (None, past) => past.as_ref().map(describe),
        }
    }

    /// Returns a line for each distribution whose data may be incomplete.
    pub(super) fn incomplete_lines(&self) -> Vec<String> {
        let mut lines = describe_incomplete(self.incomplete.as_deref().unwrap_or_default());
        lines.extend(never_checked(&self.never_checked));
        lines
    }

    /// Whether the last check of a distribution could not read all sources completely.
    pub(super) fn is_incomplete(&self, distro: &DistroName) -> bool {
        self.incomplete
            .iter()
            .flatten()
            .any(|source| source.distro == *distro)
    }
}

/// Prints a list, a past state and warnings about incomplete distributions.
pub(super) fn list<R: Record>(
    context: &Context<'_>,
    records: &[R],
    rows: &RowArgs,
    frame: &ListMetadata,
) -> Result<(), CliError> {
    context.printer.list_in(records, rows, frame)?;
    print_state(context, frame);
    Ok(())
}

/// Prints the state and warnings about incomplete distributions.
pub(super) fn print_state(context: &Context<'_>, frame: &ListMetadata) {
    if let Some(state) = frame.state() {
        context.printer.note(&state);
    }
    warn(context, frame.incomplete.as_deref().unwrap_or_default());
    warn_never_checked(context, &frame.never_checked);
}

/// Warns about distributions that were never checked.
pub(super) fn warn_never_checked(context: &Context<'_>, distros: &[DistroName]) {
    if let Some(line) = never_checked(distros) {
        // Like join_some(), the hint names at most 5 distributions.
        let hint = if distros.len() > 5 {
            "sqern check --distro NAME".to_owned()
        } else {
            let names: Vec<&str> = distros.iter().map(DistroName::as_str).collect();
            format!("sqern check --distro {}", names.join(" --distro "))
        };
        context.printer.warning_with_hint(&line, Some(&hint));
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
pub(super) fn warn(context: &Context<'_>, incomplete: &[Incomplete]) {
    for line in describe_incomplete(incomplete) {
        context.printer.warning(&line);
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
        format!(
            "{} is incomplete: {which} ({} at {at}): {}",
            first.distro, first.state, first.reason
        )
    };
    incomplete
        .chunk_by(|source, next| source.distro == next.distro)
        .map(of_distro)
        .collect()
}

fn describe(past: &PastState) -> String {
    match past.tstamp {
        Some(_) => format!(
            "as of generation {}, started {}",
            past.generation,
            time(past.tstamp)
        ),
        None => "as of the state before the first generation".to_owned(),
    }
}
