//! `sqern check`: crawls the repositories of distributions and records new kernels.

use std::path::PathBuf;

use clap::Args;
use clap::builder::ArgPredicate;
use sqern_core::Progress as _;
use sqern_core::check::{CheckRequest, CheckTarget, check};
use sqern_core::pipeline::{CheckStep, CrawlTarget};
use sqern_core::read_model::{self, StaleReason};
use sqern_model::{DistroName, SourceSet};
use sqern_upstream::{CrawlOptions, SOURCE_TIMEOUT};

use super::Context;
use super::change::ChangeArgs;
use super::crawl_progress::CrawlProgress;
use super::sources::{CrawlArgs, SourcesArgs};
use crate::error::{CliError, ExitStatus};
use crate::host_distro::detect_distro;
use crate::output::check::print;
use crate::output::read_model::StaleProgress;
use crate::settings::APT_LISTS;

/// Find new kernels in the repositories of distributions
///
/// Crawls the sources of the supported distributions, and verifies the signature of the repository
/// metadata and the checksum of each index. Records new kernels in kver and kver_seen, in one
/// generation. No crawl removes kernels: a complete or unchanged crawl marks missing packages as
/// gone (kver_package.gone_at). The verified part of a partial crawl and all other sources are
/// recorded.
///
/// Exit status: 0 if all sources are complete or unchanged, 1 if a source is partial or failed, 2
/// for a usage error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern check                           # all supported distributions
  sqern check --distro debian12 --dry-run
  sqern check --apt-lists               # the apt lists of this machine, without network
  sqern check --mirror-base http://mirror.example/kernels")]
pub(super) struct CheckArgs {
    /// Distribution (repeatable; only one with --apt-lists) [default: all supported; with
    /// --apt-lists, the distribution of this machine]
    // The configured distributions do not apply to the apt lists: these belong to this machine.
    #[arg(
        long = "distro",
        value_name = "NAME",
        default_value_if("apt_lists", ArgPredicate::IsPresent, None)
    )]
    distros: Vec<DistroName>,
    /// Read the apt lists of this machine, whose signatures apt has verified, instead of the
    /// configured sources [default DIR: /var/lib/apt/lists]
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = APT_LISTS, conflicts_with = "mirror_base")]
    apt_lists: Option<PathBuf>,
    #[command(flatten)]
    sources: SourcesArgs,
    #[command(flatten)]
    crawl: CrawlArgs,
    /// Accept a source that lost more than 10% of its kernels
    #[arg(long)]
    accept_shrink: bool,
    /// Accept a source that is older than its last accepted version
    #[arg(long)]
    accept_rollback: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

impl From<&CheckStep> for CheckArgs {
    fn from(step: &CheckStep) -> Self {
        let (apt_lists, directory, mirror_base) = match &step.target {
            CrawlTarget::AptLists => (Some(PathBuf::from(APT_LISTS)), None, None),
            CrawlTarget::Sources {
                directory,
                mirror_base,
            } => (None, directory.clone(), mirror_base.clone()),
        };
        Self {
            distros: step.distros.clone(),
            apt_lists,
            sources: SourcesArgs {
                dirs: directory.into_iter().collect(),
            },
            crawl: CrawlArgs {
                mirror_base,
                allow_unsigned: false,
                source_timeout: SOURCE_TIMEOUT,
            },
            accept_shrink: false,
            accept_rollback: false,
            change: ChangeArgs::default(),
        }
    }
}

pub(super) async fn run(args: CheckArgs, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    let options = args.change.options(context);
    let request = args.into_request(context)?;
    let progress = CrawlProgress::new(context.printer);
    let summary = check(&context.database(), &request, &options, &progress).await?;
    progress.clear();
    print(&summary, options.dry_run, context.printer)
        .map_err(|error| error.after_generation(summary.finished))?;
    // The result is already printed, because the update can take long.
    if read_model::requires_catch_up(summary.finished) {
        let stale = StaleProgress(context.printer);
        match context.open().await {
            Ok(mut session) => read_model::catch_up(&mut session.client, &stale).await,
            Err(error) => stale.report(StaleReason::Failed {
                message: error.message().to_owned(),
                hint: error.hints().first().cloned(),
            }),
        }
    }
    Ok(if summary.is_complete() {
        ExitStatus::Success
    } else {
        ExitStatus::Failed
    })
}

impl CheckArgs {
    fn into_request(self, context: &Context<'_>) -> Result<CheckRequest, CliError> {
        let sources = self.sources.load(context)?;
        Ok(CheckRequest {
            target: target(self.distros, self.apt_lists, &sources)?,
            sources,
            crawl: CrawlOptions {
                accept_rollback: self.accept_rollback,
                ..self.crawl.options(context)
            },
            clock: context.settings.clock(),
            accept_shrink: self.accept_shrink,
        })
    }
}

fn target(
    distros: Vec<DistroName>,
    apt_lists: Option<PathBuf>,
    sources: &SourceSet,
) -> Result<CheckTarget, CliError> {
    let Some(directory) = apt_lists else {
        return Ok(CheckTarget::Sources(distros));
    };
    let distro = match distros.first() {
        Some(first) if distros.iter().all(|name| name == first) => first.clone(),
        Some(_) => {
            return Err(CliError::usage(
                "--apt-lists accepts at most one --distro, because the lists of a machine belong to one distribution",
            ));
        }
        None => detect_distro(sources)?,
    };
    Ok(CheckTarget::AptLists { directory, distro })
}
