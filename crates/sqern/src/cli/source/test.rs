//! `sqern source test`: a crawl without a database.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Serialize;
use sqern_model::{Crawl, CrawlState, DistroDef, DistroName, KernelVersion, PackageRole, SourceSet, VersionRule};
use sqern_upstream::{Client, ClientOptions, CrawlOptions, crawl_distro, sources};

use super::super::Context;
use super::super::progress::Line;
use super::super::sources::{definition, tell_left_out};
use crate::failure::{Exit, Failure};
use crate::printer::{Column, Format, Kind, Record, RowArgs};

/// How a source was read, and what it holds.
#[derive(Debug, Serialize)]
struct Tested {
    distro: DistroName,
    source: String,
    state: CrawlState,
    url: String,
    bytes: u64,
    reason: Option<String>,
    warnings: Vec<String>,
    kernels: Vec<KernelVersion>,
}

impl Record for Tested {
    const SCHEMA: &'static str = "source.test/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("source"),
        Column::status("state"),
        Column::number("kernels"),
        Column::new("bytes", Kind::Bytes).headed("read"),
    ];
}

/// What is to be read: a distribution by its name, or by its file; of it, only the sources named.
pub(super) fn subject(what: &Path, only: &[String], set: &mut SourceSet) -> Result<DistroDef, Failure> {
    let is_file = what.extension().is_some_and(|extension| extension == "toml") || what.components().count() > 1;
    let name = if is_file {
        sources::load_file(set, what)?
    } else {
        DistroName::new(what.display().to_string()).map_err(|error| Failure::usage(error.to_string()))?
    };
    let mut def = definition(set, &name)?.clone();
    let known: Vec<String> = def.sources.iter().map(|source| source.name().to_owned()).collect();
    if let Some(unknown) = only.iter().find(|name| !known.contains(name)) {
        return Err(Failure::usage(format!("unknown source \"{unknown}\" of {name}; its sources are {}", known.join(", "))));
    }
    def.sources.retain(|source| only.is_empty() || only.iter().any(|name| name == source.name()));
    Ok(def)
}

pub(super) async fn run(def: &DistroDef, kernels: bool, options: &CrawlOptions, context: &Context<'_>) -> Result<Exit, Failure> {
    tell_left_out(def, context);
    let client = Client::new(ClientOptions::default())?;
    let line = Line::new(context.printer.is_watched());
    let crawls = crawl_distro(&client, def, &BTreeMap::new(), options, &line).await;
    line.clear();
    let tested: Vec<Tested> = crawls.into_iter().map(Tested::from).collect();
    context.printer.list(&tested, &RowArgs::default())?;
    if kernels && context.printer.format() == Format::Table {
        let all: BTreeSet<&KernelVersion> = tested.iter().flat_map(|one| &one.kernels).collect();
        let mut all: Vec<&KernelVersion> = all.into_iter().collect();
        all.sort_by(|a, b| VersionRule::of(&def.name).cmp(b, a));
        context.printer.data(&format!("\n{}", all.into_iter().map(KernelVersion::as_str).collect::<Vec<_>>().join("\n")))?;
    }
    for one in &tested {
        for warning in &one.warnings {
            context.printer.warning(&format!("{}: {warning}", one.source));
        }
        if let Some(reason) = &one.reason {
            context.printer.failure(&Failure::unmet(format!("{} {}: {reason}", one.source, one.state)));
        }
    }
    Ok(if !tested.is_empty() && tested.iter().all(|one| one.state.is_whole()) { Exit::Done } else { Exit::Unmet })
}

impl From<Crawl> for Tested {
    fn from(crawl: Crawl) -> Self {
        let headers = crawl.packages.iter().filter(|package| package.role == PackageRole::Headers);
        let kernels: BTreeSet<KernelVersion> = headers.map(|package| package.kernel.clone()).collect();
        let mut kernels: Vec<KernelVersion> = kernels.into_iter().collect();
        kernels.sort_by(|a, b| VersionRule::of(&crawl.distro).cmp(b, a));
        Self {
            distro: crawl.distro,
            source: crawl.source,
            state: crawl.state,
            url: crawl.url,
            bytes: crawl.bytes,
            reason: crawl.reason,
            warnings: crawl.warnings,
            kernels,
        }
    }
}
