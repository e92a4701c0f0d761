//! `sqern doctor`: checks the installation.

mod database;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use futures_util::future::join_all;
use sqern_model::escape::replace_control;
use sqern_model::{DistroDef, DistroName, SourceSet, counted};
use sqern_store::tree::{Machine, ProveOptions};
use sqern_upstream::{Client, ClientOptions, count_certificates, probe, skipped_sources};

use self::database::Known;
use super::Context;
use super::sources::{CrawlArgs, SourcesArgs, definition};
use super::store_args::StoreArgs;
use crate::doctor::{Finding, State, clock, describe, fits, group, program, source, store, summary};
use crate::failure::{Exit, Failure};
use crate::printer::{Format, RowArgs};

/// Check the installation, and print how to fix each problem
///
/// The result of a check is ok, warning, failed, or skipped if a requirement is missing. The command changes nothing and does not require
/// root.
///
/// Exit status: 0 if no check failed, 1 if a check failed, 2 for a usage error.
#[derive(Debug, Args)]
#[command(after_help = "Checks:
  database  connection, server version, clock, roles, schema, journal, age of the last crawl
  sources   definitions, keyrings, availability of the servers, signatures, clocks
  tools     make, compiler and other build tools, apt-get
  store     directory, free disk space, cache

Examples:
  sqern doctor                            # all checks
  sqern doctor --offline                  # no network access except to the database
  sqern doctor --distro debian12 --distro alma9 --json
  sqern doctor --service sqern-prod --store /var/lib/sqern/store")]
pub(super) struct DoctorArgs {
    /// Distribution (repeatable) [default: all supported]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    /// Do not contact the sources
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    sources: SourcesArgs,
    #[command(flatten)]
    crawl: CrawlArgs,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) async fn run(args: DoctorArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    // An unknown name is a usage error, not a finding.
    let set = args.sources.load(context);
    if let Ok(set) = &set {
        args.distros.iter().try_for_each(|name| definition(set, name).map(drop))?;
    }
    let (mut findings, known) = database::look(&args.distros, context).await;
    findings.extend(sources(&args, set, &known, context).await);
    findings.extend(program::build_tools(&Machine::new(&ProveOptions::default().path)));
    let path = context.settings.path.clone().unwrap_or_default();
    findings.push(program::apt_get(&path, known.needs_apt));
    findings.extend(stored(args.store.folder(context)));
    // Programs read each finding, people read each cause.
    let causes = group(&findings);
    match (context.printer.format(), context.printer.text_width()) {
        (Format::Table, Some(width)) if !fits(&causes, width) => {
            context.printer.data(&replace_control(&describe(&causes, width)))?;
        }
        (Format::Table, _) => context.printer.list(&causes, &RowArgs::default())?,
        (Format::Json | Format::Csv, _) => context.printer.list(&findings, &RowArgs::default())?,
    }
    context.printer.note(&summary(&findings));
    Ok(if findings.iter().any(|finding| finding.state == State::Failed) { Exit::Unmet } else { Exit::Done })
}

/// The definitions of the sources, their keys, and what they answer.
async fn sources(args: &DoctorArgs, set: Result<SourceSet, Failure>, known: &Known, context: &Context<'_>) -> Vec<Finding> {
    let set = match set {
        Ok(set) => set,
        Err(failure) => return vec![Finding::of_failure("sources", &failure, "sqern source list")],
    };
    let all: usize = set.distros.values().map(|def| def.sources.len()).sum();
    let mut findings =
        vec![Finding::ok("sources", format!("{} with {}", counted(set.distros.len(), "distribution"), counted(all, "source")))];
    let names = match (&args.distros, &known.supported) {
        (named, _) if !named.is_empty() => named,
        (_, Some(supported)) => supported,
        (_, None) => {
            let why = "requires the supported distributions of the database, or --distro NAME";
            findings.extend(["keyring", "source"].map(|check| Finding::skipped(check, why)));
            return findings;
        }
    };
    let wanted: Vec<&DistroDef> = names.iter().filter_map(|name| set.get(name)).filter(|def| !def.sources.is_empty()).collect();
    let without = names.iter().filter(|name| !wanted.iter().any(|def| def.name == **name));
    findings.extend(source::without_source(&without.map(ToString::to_string).collect::<Vec<_>>()));
    findings.extend(keyrings(&wanted));
    if args.offline {
        findings.push(Finding::skipped("source", "skipped because of --offline"));
    } else {
        findings.extend(answers(&wanted, &args.crawl, context).await);
    }
    findings
}

/// Reads the keyrings of the sources that a crawl asks.
fn keyrings(wanted: &[&DistroDef]) -> Vec<Finding> {
    let asked = |def: &DistroDef, name: &str| !skipped_sources(def).iter().any(|(source, _)| source.name() == name);
    let of = |def| -> (_, Vec<_>) {
        let def: &DistroDef = def;
        (
            def,
            def.sources
                .iter()
                .filter(|source| asked(def, source.name()))
                .map(|source| (source, count_certificates(source)))
                .collect(),
        )
    };
    source::keyrings(&wanted.iter().copied().map(of).collect::<Vec<_>>())
}

/// Requests the root metadata of each source once, with short timeouts.
async fn answers(wanted: &[&DistroDef], crawl: &CrawlArgs, context: &Context<'_>) -> Vec<Finding> {
    let limits = ClientOptions {
        jobs: 16,
        jobs_per_host: 4,
        connect_timeout: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(5),
        total_timeout: Duration::from_secs(15),
        tries: 1,
        ..ClientOptions::default()
    };
    let options = crawl.options(context);
    let client = match Client::new(limits) {
        Ok(client) => client,
        Err(error) => return vec![Finding::of_failure("source", &error.into(), "sqern doctor --offline")],
    };
    let asked = wanted.iter().map(|&def| {
        let (client, options) = (&client, &options);
        async move { (def, probe(client, def, options).await) }
    });
    let mut findings = source::sources(&join_all(asked).await);
    findings.extend(client.servers_ahead().map(|ahead| clock::judge("source servers", ahead)));
    findings
}

/// The store with its disk and its cache.
fn stored(folder: Result<PathBuf, Failure>) -> Vec<Finding> {
    let seen = folder.and_then(|folder| Ok((store::look(&folder)?, folder)));
    match seen {
        Ok((seen, folder)) => store::judge(&folder, &seen),
        Err(failure) => vec![Finding::of_failure("store", &failure, "sqern doctor --store DIR")],
    }
}
