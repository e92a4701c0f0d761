//! What a list is about: the state of `--at`, and whether upstream was read whole for it.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use sqern_db::AsOf;
use sqern_db::as_of::{DataState, Past};
use sqern_db::crawl::{self, Incomplete};
use sqern_model::{At, DistroName};
use tokio_postgres::GenericClient;

use super::Context;
use crate::failure::Failure;
use crate::printer::{Record, time};

/// Of every list.
#[derive(Debug, Args)]
pub(super) struct AtArgs {
    /// As it was after this generation, or at this time: 2026-05-01, '2026-05-01 14:30', RFC 3339; in UTC where it does not say
    #[arg(long, value_name = "GENERATION|TIME")]
    at: Option<At>,
}

/// What stands around a list's records.
#[derive(Debug, Default, Serialize)]
pub(super) struct Frame {
    /// The state that is shown, where it is not the present.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<Past>,
    /// For reports: the state that the numbers are of.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<DataState>,
    /// For lists of what upstream has: the sources that were not read whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    incomplete: Option<Vec<Incomplete>>,
}

impl AtArgs {
    /// The state that is asked for.
    pub(super) async fn resolve(&self, client: &impl GenericClient) -> Result<AsOf, Failure> {
        match self.at {
            None => Ok(AsOf::Now),
            Some(at) => Ok(AsOf::resolve(client, at).await?),
        }
    }

    /// The time that is asked for; none for now.
    pub(super) fn time(&self, as_of: &AsOf) -> Option<Timestamp> {
        match (self.at, as_of) {
            (Some(At::Time(time)), _) => Some(time),
            (_, AsOf::Past(past)) => past.tstamp,
            (_, AsOf::Now) => None,
        }
    }

    /// What stands around a list of what upstream has for these distros (all where none is named).
    pub(super) async fn upstream(
        &self,
        client: &impl GenericClient,
        as_of: &AsOf,
        distros: &[DistroName],
    ) -> Result<Frame, Failure> {
        let time = self.time(as_of);
        Ok(Frame { incomplete: Some(crawl::incomplete(client, distros, time).await?), ..Frame::from(as_of) })
    }
}

impl From<&AsOf> for Frame {
    fn from(as_of: &AsOf) -> Self {
        let as_of = match as_of {
            AsOf::Now => None,
            AsOf::Past(past) => Some(past.clone()),
        };
        Self { as_of, data: None, incomplete: None }
    }
}

impl Frame {
    /// Says which state the numbers are of.
    pub(super) fn of_data(self, data: DataState) -> Self {
        Self { data: Some(data), ..self }
    }

    /// Which state it is, where that is told: of reports always, else where it is not the present.
    pub(super) fn state(&self) -> Option<String> {
        match (&self.data, &self.as_of) {
            (Some(data), _) => Some(data.to_string()),
            (None, past) => past.as_ref().map(describe),
        }
    }

    /// Of which distros something may be lacking: a line a distro.
    pub(super) fn lacking(&self) -> Vec<String> {
        lacking(self.incomplete.as_deref().unwrap_or_default())
    }

    /// Whether the newest check of a distro could not read a source whole.
    pub(super) fn lacks(&self, distro: &DistroName) -> bool {
        self.incomplete.iter().flatten().any(|one| one.distro == *distro)
    }
}

/// Prints a list, and says which state it shows where that is not the present, and of which distros it may lack something.
pub(super) fn list<R: Record>(context: &Context<'_>, records: &[R], frame: &Frame) -> Result<(), Failure> {
    context.printer.list_in(records, frame)?;
    tell(context, frame);
    Ok(())
}

/// Says which state was shown, and of which distros something may be lacking.
pub(super) fn tell(context: &Context<'_>, frame: &Frame) {
    if let Some(state) = frame.state() {
        context.printer.note(&state);
    }
    warn(context, frame.incomplete.as_deref().unwrap_or_default());
}

/// Says of which distros a list may lack something: a line a distro.
pub(super) fn warn(context: &Context<'_>, incomplete: &[Incomplete]) {
    for line in lacking(incomplete) {
        context.printer.warning(&line);
    }
}

fn lacking(incomplete: &[Incomplete]) -> Vec<String> {
    let of_distro = |sources: &[Incomplete]| {
        let first = &sources[0];
        let which = match sources {
            [one] => format!("source {} {}", one.source, one.state),
            several => format!("{} sources failed or are partial, first {} {}", several.len(), first.source, first.state),
        };
        let at = time(Some(first.checked_at));
        format!("{} is incomplete: {which} at {at}: {}", first.distro, first.reason)
    };
    incomplete.chunk_by(|one, next| one.distro == next.distro).map(of_distro).collect()
}

fn describe(past: &Past) -> String {
    match past.tstamp {
        Some(_) => format!("as of generation {}, begun {}", past.generation, time(past.tstamp)),
        None => "as of before the first generation".to_owned(),
    }
}
