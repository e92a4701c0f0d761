//! `sqern check`: crawl the distributions' repositories and record what is new.

mod progress;
mod report;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use sqern_db::change::Finished;
use sqern_db::{AsOf, crawl, distro};
use sqern_model::upstream::{self, UpstreamDiff};
use sqern_model::{Crawl, DistroDef, DistroName, SourceSet};
use sqern_upstream::{Client, ClientOptions, CrawlOptions, crawl_apt_lists, crawl_distro};
use url::Url;

use self::progress::Bars;
use self::report::Report;
use super::Context;
use super::change::ChangeArgs;
use super::sources::SourcesArgs;
use crate::failure::{Exit, Failure};

/// Where apt keeps its indexes (apt-get(8), FILES).
const APT_LISTS: &str = "/var/lib/apt/lists";

/// Look for new kernels in the distributions' repositories
///
/// Reads the sources of the supported distributions, verifies them from the signature down to each index's checksum, and records
/// what is new in kver and kver_seen, in one generation. A source that fails removes nothing. Exit status: 0 when all sources are
/// complete or unchanged, 1 when some are not (the others are recorded), 2 for a wrong command line.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern check                           # every supported distribution
  sqern check --distro debian12 --dry-run
  sqern check --apt-lists               # this machine's own apt indexes, no network
  sqern check --mirror-base http://mirror.example/kernels")]
pub(super) struct CheckArgs {
    /// Only this distribution, supported or not; may be given several times
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    /// Read this machine's own apt indexes in place of the configured sources
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = APT_LISTS)]
    apt_lists: Option<PathBuf>,
    #[command(flatten)]
    sources: SourcesArgs,
    /// Send every request for scheme://HOST/PATH to URL/HOST/PATH
    #[arg(long, value_name = "URL", conflicts_with = "apt_lists")]
    mirror_base: Option<Url>,
    /// For this run take sources without a signature, or without a keyring to check it
    #[arg(long)]
    allow_unsigned: bool,
    /// Believe a source that lost over a tenth of its kernels
    #[arg(long)]
    accept_shrink: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn run(args: CheckArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let sources = args.sources.load(context)?;
    let mut session = context.open().await?;
    let wanted = wanted_distros(&args, &sources, &session.client, context).await?;
    let mut previous = Vec::new();
    for def in &wanted {
        previous.push(crawl::checksums(&session.client, &def.name).await?);
    }
    let crawled = crawl_all(&args, &wanted, &previous, context).await?;
    let (diffs, finished) = record(&mut session.client, crawled, &args, context).await?;
    let report = Report::new(&diffs, finished, args.change.dry_run);
    report.print(context)?;
    Ok(if report.is_whole() { Exit::Done } else { Exit::Unmet })
}

/// By source: the checksum of its last complete crawl.
type Previous = BTreeMap<String, String>;

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
                "expected one --distro with --apt-lists, got several: a machine's indexes are of one distribution",
            ));
        }
        for name in &names {
            distro::get(client, name).await?;
        }
        return names.iter().map(|name| definition(sources, name)).collect();
    }
    let mut wanted = Vec::new();
    for distro in distro::list(client, &AsOf::Now).await?.into_iter().filter(|distro| distro.supported) {
        match sources.get(&distro.name) {
            Some(def) if !def.sources.is_empty() => wanted.push(def),
            _ => context
                .printer
                .warning(&format!("{} is supported, but has no source: nothing is known of its new kernels", distro.name)),
        }
    }
    if wanted.is_empty() {
        return Err(Failure::unmet("expected a supported distribution with a source, got none")
            .hint("sqern distro import")
            .hint("sqern check --distro NAME"));
    }
    Ok(wanted)
}

fn definition<'a>(sources: &'a SourceSet, name: &DistroName) -> Result<&'a DistroDef, Failure> {
    sources.get(name).filter(|def| !def.sources.is_empty()).ok_or_else(|| {
        let known: Vec<&str> = sources.distros.keys().map(DistroName::as_str).collect();
        Failure::unmet(format!("expected a distribution with a source, got {name}; there are sources for {}", known.join(", ")))
            .hint("sqern check --sources DIR  # a folder with NAME.toml")
    })
}

/// The distribution of the machine that sqern runs on: as sp-variant tells it, else as os-release(5) and a source agree.
fn this_machines_distro(sources: &SourceSet, context: &Context<'_>) -> Result<DistroName, Failure> {
    if let Ok(variant) = sp_variant::detect() {
        return DistroName::new(variant.builder.alias).map_err(|error| Failure::unmet(error.to_string()));
    }
    let (id, version_id) = context.settings.os_release();
    sources.detect(&id, &version_id).map(|def| def.name.clone()).ok_or_else(|| {
        Failure::unmet(format!("expected a machine of a known distribution, got ID={id} VERSION_ID={version_id} in os-release"))
            .hint("sqern check --apt-lists --distro NAME")
    })
}

/// Reads every source of every distribution; no failure of a source stops another.
async fn crawl_all(
    args: &CheckArgs,
    wanted: &[&DistroDef],
    previous: &[Previous],
    context: &Context<'_>,
) -> Result<Vec<(DistroName, Vec<Crawl>)>, Failure> {
    let mut options = CrawlOptions::new(context.settings.now());
    options.mirror_base.clone_from(&args.mirror_base);
    options.allow_unsigned = args.allow_unsigned;
    let bars = Bars::new(context.printer.is_watched());
    if let Some(dir) = &args.apt_lists {
        let (def, previous) = (wanted[0], &previous[0]);
        return Ok(vec![(def.name.clone(), crawl_apt_lists(dir, def, previous, &options).await?)]);
    }
    let client = Client::new(ClientOptions::default())?;
    let jobs = wanted.iter().zip(previous).map(|(def, previous)| {
        let (client, options, bars) = (&client, &options, &bars);
        async move { (def.name.clone(), crawl_distro(client, def, previous, options, bars).await) }
    });
    Ok(futures_util::future::join_all(jobs).await)
}

/// Compares with what is known and records the difference, all distributions in one generation.
async fn record(
    client: &mut tokio_postgres::Client,
    crawled: Vec<(DistroName, Vec<Crawl>)>,
    args: &CheckArgs,
    context: &Context<'_>,
) -> Result<(Vec<(DistroName, UpstreamDiff)>, Finished), Failure> {
    let change = sqern_db::change::begin(client, &args.change.comment(context)).await?;
    crawl::lock(&change.transaction).await?;
    let mut diffs = Vec::new();
    for (name, crawls) in crawled {
        let known = crawl::known(&change.transaction, &name).await?;
        let diff = upstream::diff(&known, crawls, args.accept_shrink);
        crawl::apply(&change.transaction, &name, &diff, context.settings.now(), change.generation()).await?;
        diffs.push((name, diff));
    }
    let finished = change.finish(args.change.dry_run).await?;
    Ok((diffs, finished))
}
