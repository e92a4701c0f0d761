//! `sqern report`: how far the kernels are.

use std::collections::BTreeMap;

use clap::Subcommand;
use serde::Serialize;
use sqern_db::status::{self, Stage, Status};
use sqern_model::DistroName;

use super::Context;
use super::at::{self, AtArgs};
use crate::failure::{Exit, Failure};
use crate::printer::Record;

#[derive(Debug, Subcommand)]
pub(super) enum ReportCommand {
    /// How many kernels of each distribution have come how far
    ///
    /// Each kernel counts once, at the furthest that it has come, for whichever revision: known (a host reported it), seen, fetched, built, tested,
    /// available. Those that are ignored or archived count by themselves.
    #[command(after_help = "Examples:
  sqern report coverage
  sqern report coverage --distro debian12 --kernels     # the kernels behind the numbers
  sqern report coverage --at 2026-05-01 --csv")]
    Coverage {
        /// Only of this distribution; may be given several times
        #[arg(long = "distro", value_name = "NAME")]
        distros: Vec<DistroName>,
        /// List the kernels instead
        #[arg(long)]
        kernels: bool,
        #[command(flatten)]
        at: AtArgs,
    },
}

/// How far the kernels of a distribution are.
#[derive(Debug, Default, Serialize)]
struct Coverage {
    distro: String,
    known: u64,
    seen: u64,
    fetched: u64,
    built: u64,
    tested: u64,
    available: u64,
    /// All that are wanted.
    wanted: u64,
    /// Those that are ignored or archived.
    unwanted: u64,
    /// Of those that are wanted, the share that is available; none where none is wanted.
    share_available: Option<f64>,
}

impl Record for Coverage {
    const SCHEMA: &'static str = "report.coverage/1";
    const COLUMNS: &'static [&'static str] =
        &["distro", "known", "seen", "fetched", "built", "tested", "available", "wanted", "share", "unwanted"];
    fn cells(&self) -> Vec<String> {
        let counts = [self.known, self.seen, self.fetched, self.built, self.tested, self.available, self.wanted];
        let share = self.share_available.map(|share| format!("{:.0} %", share * 100.0)).unwrap_or_default();
        let mut cells = vec![self.distro.clone()];
        cells.extend(counts.map(|count| count.to_string()));
        cells.extend([share, self.unwanted.to_string()]);
        cells
    }
}

impl Record for Status {
    const SCHEMA: &'static str = "report.coverage.kernels/1";
    const COLUMNS: &'static [&'static str] = &["distro", "version", "stage", "wanted", "build", "test", "running"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.kernel.distro.to_string(),
            self.kernel.version.to_string(),
            self.stage.as_str().to_owned(),
            if self.wanted { "yes" } else { "no" }.to_owned(),
            self.build_result.clone().unwrap_or_default(),
            self.test_result.clone().unwrap_or_default(),
            self.hosts_running.to_string(),
        ]
    }
}

/// The numbers of a list of kernels, by distribution.
fn coverage(kernels: &[Status]) -> Vec<Coverage> {
    let mut distros: BTreeMap<&DistroName, Coverage> = BTreeMap::new();
    for one in kernels {
        let counts = distros
            .entry(&one.kernel.distro)
            .or_insert_with(|| Coverage { distro: one.kernel.distro.to_string(), ..Coverage::default() });
        if !one.wanted {
            counts.unwanted += 1;
            continue;
        }
        counts.wanted += 1;
        *match one.stage {
            Stage::Known => &mut counts.known,
            Stage::Seen => &mut counts.seen,
            Stage::Fetched => &mut counts.fetched,
            Stage::Built => &mut counts.built,
            Stage::Tested => &mut counts.tested,
            Stage::Available => &mut counts.available,
        } += 1;
    }
    let with_share = |mut counts: Coverage| {
        let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        counts.share_available = (counts.wanted > 0).then(|| number(counts.available) / number(counts.wanted));
        counts
    };
    distros.into_values().map(with_share).collect()
}

pub(super) async fn run(command: ReportCommand, context: &Context<'_>) -> Result<Exit, Failure> {
    let session = context.open().await?;
    match command {
        ReportCommand::Coverage { distros, kernels, at } => {
            let as_of = at.resolve(&session.client).await?;
            sqern_db::distro::require(&session.client, &distros, &as_of).await?;
            let frame = at.upstream(&session.client, &as_of, &distros).await?;
            let all = status::list(&session.client, &distros, &as_of).await?;
            if kernels {
                at::list(context, &all, &frame)?;
            } else {
                at::list(context, &coverage(&all), &frame)?;
            }
            Ok(Exit::Done)
        }
    }
}
