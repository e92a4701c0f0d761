//! `sqern check`: crawls the repositories of distributions and records new kernels.

mod report;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use sqern_core::pipeline::{CheckStep, CrawlTarget};
use sqern_db::change::Finished;
use sqern_db::{AsOf, crawl, distro};
use sqern_model::upstream::{self, UpstreamDiff};
use sqern_model::{Crawl, CrawlCache, DistroDef, DistroName, SourceSet};
use sqern_upstream::{Client, ClientOptions, CrawlOptions, crawl_apt_lists, crawl_distro};

use self::report::Report;
use super::Context;
use super::change::ChangeArgs;
use super::progress::Line;
use super::sources::{CrawlArgs, SourcesArgs, definition, tell_left_out};
use crate::failure::{Exit, Failure};
use crate::settings::APT_LISTS;

/// Find new kernels in the repositories of distributions
///
/// Crawls the sources of the supported distributions, and verifies the signatures and the checksum of each index. Records new kernels in
/// kver and kver_seen, in one generation. A partial or failed source removes no kernels, and the other sources are recorded.
///
/// Exit status: 0 if all sources are complete or unchanged, 1 if a source is partial or failed, 2 for a usage error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern check                           # all supported distributions
  sqern check --distro debian12 --dry-run
  sqern check --apt-lists               # the apt lists of this machine, without network
  sqern check --mirror-base http://mirror.example/kernels")]
pub(super) struct CheckArgs {
    /// Distribution (repeatable) [default: all supported]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    /// Read the apt lists of this machine instead of the configured sources [default DIR: /var/lib/apt/lists]
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
            CrawlTarget::Sources { directory, mirror_base } => (None, directory.clone(), mirror_base.clone()),
        };
        Self {
            distros: step.distros.clone(),
            apt_lists,
            sources: SourcesArgs { dirs: directory.into_iter().collect() },
            crawl: CrawlArgs { mirror_base, allow_unsigned: false },
            accept_shrink: false,
            accept_rollback: false,
            change: ChangeArgs::default(),
        }
    }
}

pub(super) async fn run(args: CheckArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let sources = args.sources.load(context)?;
    let mut session = context.open().await?;
    let wanted = wanted_distros(&args, &sources, &session.client, context).await?;
    let mut memories = Vec::new();
    for def in &wanted {
        memories.push(crawl::cache(&session.client, &def.name).await?);
    }
    let crawled = crawl_all(&args, &wanted, &memories, context).await?;
    let (diffs, finished) = record(&mut session.client, crawled, &args, context).await?;
    let report = Report::new(&diffs, finished, args.change.dry_run);
    report.print(context)?;
    Ok(if report.is_whole() { Exit::Done } else { Exit::Unmet })
}

/// By source: what its last crawls left.
type Memory = BTreeMap<String, CrawlCache>;

/// The distributions to read: those that were named, else this machine's own for its own indexes, else the supported ones.
async fn wanted_distros<'a>(
    args: &CheckArgs,
    sources: &'a SourceSet,
    client: &tokio_postgres::Client,
    context: &Context<'_>,
) -> Result<Vec<&'a DistroDef>, Failure> {
    let mut names = args.distros.clone();
    names.sort();
    names.dedup();
    if names.is_empty() && args.apt_lists.is_some() {
        names.push(this_machines_distro(sources, context)?);
    }
    if !names.is_empty() {
        if args.apt_lists.is_some() && names.len() > 1 {
            return Err(Failure::usage(
                "--apt-lists requires exactly one --distro, because the lists of a machine belong to one distribution",
            ));
        }
        distro::require(client, &names, &AsOf::Now).await?;
        return names.iter().map(|name| definition(sources, name)).collect();
    }
    let mut wanted = Vec::new();
    for distro in distro::list(client, &AsOf::Now).await?.into_iter().filter(|distro| distro.supported) {
        match sources.get(&distro.name) {
            Some(def) if !def.sources.is_empty() => wanted.push(def),
            _ => {
                context
                    .printer
                    .warning(&format!("{} is supported but has no source, so its new kernels are not found", distro.name));
            }
        }
    }
    if wanted.is_empty() {
        return Err(Failure::unmet("no supported distribution has a source")
            .hint("sqern distro import")
            .hint("sqern check --distro NAME"));
    }
    Ok(wanted)
}

/// Detects the distribution of this machine by sp-variant, else by os-release(5) and the sources.
pub(super) fn this_machines_distro(sources: &SourceSet, context: &Context<'_>) -> Result<DistroName, Failure> {
    if let Ok(variant) = sp_variant::detect() {
        return DistroName::new(variant.builder.alias).map_err(|error| Failure::unmet(error.to_string()));
    }
    let (id, version_id) = context.settings.os_release();
    sources.detect(&id, &version_id).map(|def| def.name.clone()).ok_or_else(|| {
        Failure::unmet(format!("unknown distribution of this machine: os-release contains ID={id} VERSION_ID={version_id}"))
            .hint("sqern check --apt-lists --distro NAME")
    })
}

/// Reads every source of every distribution; no failure of a source stops another.
async fn crawl_all(
    args: &CheckArgs,
    wanted: &[&DistroDef],
    memories: &[Memory],
    context: &Context<'_>,
) -> Result<Vec<(DistroName, Vec<Crawl>)>, Failure> {
    let options = CrawlOptions { accept_rollback: args.accept_rollback, ..args.crawl.options(context) };
    if let Some(dir) = &args.apt_lists {
        let (def, memory) = (&wanted[0], &memories[0]);
        return Ok(vec![(def.name.clone(), crawl_apt_lists(dir, def, memory, &options).await?)]);
    }
    for def in wanted {
        tell_left_out(def, context);
    }
    let client = Client::new(ClientOptions::default())?;
    let line = Line::new(context.printer.is_watched());
    let jobs = wanted.iter().zip(memories).map(|(def, memory)| {
        let (client, options, line) = (&client, &options, &line);
        async move { (def.name.clone(), crawl_distro(client, def, memory, options, line).await) }
    });
    let crawled = futures_util::future::join_all(jobs).await;
    line.clear();
    Ok(crawled)
}

/// Records the differences of all distributions in one generation.
async fn record(
    client: &mut tokio_postgres::Client,
    crawled: Vec<(DistroName, Vec<Crawl>)>,
    args: &CheckArgs,
    context: &Context<'_>,
) -> Result<(Vec<(DistroName, UpstreamDiff)>, Finished), Failure> {
    // Before the generation starts, so that the state of that generation includes the check.
    let now = context.settings.now();
    let change = sqern_db::change::begin(client, &args.change.comment(context)).await?;
    crawl::lock(&change.transaction).await?;
    let mut diffs = Vec::new();
    for (name, crawls) in crawled {
        let known = crawl::known(&change.transaction, &name).await?;
        let diff = upstream::diff(&known, crawls, args.accept_shrink);
        crawl::apply(&change.transaction, &name, &diff, now, change.generation()).await?;
        diffs.push((name, diff));
    }
    let finished = change.finish(args.change.dry_run).await?;
    Ok((diffs, finished))
}
