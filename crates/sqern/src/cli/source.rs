//! `sqern source`: lists, shows and tests the package sources of distributions.

mod test;

use std::path::PathBuf;

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use sqern_db::crawl::{self, LastCrawl};
use sqern_model::{CrawlState, DistroDef, DistroName, Source, SourceFile, SourceSet};
use sqern_upstream::skipped_sources;

use super::Context;
use super::sources::{CrawlArgs, SourcesArgs, definition};
use crate::failure::{Exit, Failure};
use crate::printer::{Record, time};

#[derive(Debug, Subcommand)]
pub(super) enum SourceCommand {
    /// List sources with the results of their last crawls
    #[command(after_help = "Examples:\n  sqern source list\n  sqern source list --distro alma9 --json")]
    List {
        /// Distribution (repeatable) [default: all]
        #[arg(long = "distro", value_name = "NAME")]
        distros: Vec<DistroName>,
        #[command(flatten)]
        sources: SourcesArgs,
    },
    /// Show the sources of a distribution, and the rules that map packages to kernel versions
    #[command(
        after_help = "Examples:\n  sqern source show alma9\n  sqern source show debian12 --toml > debian12.toml   # template for an override"
    )]
    Show {
        /// Distribution
        distro: DistroName,
        /// Print the distribution file
        #[arg(long)]
        toml: bool,
        #[command(flatten)]
        sources: SourcesArgs,
    },
    /// Crawl the sources of a distribution and print the results, without a database
    ///
    /// Exit status: 0 if all sources are complete, 1 if a source is partial or failed, 2 for a usage error.
    #[command(
        after_help = "Examples:\n  sqern source test debian12\n  sqern source test ./mydistro.toml --kernels\n  sqern source test alma9 --source 9.5-appstream-x86_64 --json"
    )]
    Test {
        /// Distribution, or distribution file (NAME.toml)
        #[arg(value_name = "DISTRO|FILE")]
        what: PathBuf,
        /// Source (repeatable) [default: all]
        #[arg(long = "source", value_name = "NAME")]
        only: Vec<String>,
        /// Print the kernels
        #[arg(long)]
        kernels: bool,
        #[command(flatten)]
        crawl: CrawlArgs,
        #[command(flatten)]
        sources: SourcesArgs,
    },
}

pub(super) async fn run(command: SourceCommand, context: &Context<'_>) -> Result<Exit, Failure> {
    match command {
        SourceCommand::List { distros, sources } => list(&distros, &sources.load(context)?, context).await,
        SourceCommand::Show { distro, toml, sources } => show(&distro, toml, &sources.load(context)?, context),
        SourceCommand::Test { what, only, kernels, crawl, sources } => {
            let mut set = sources.load(context)?;
            let def = test::subject(&what, &only, &mut set)?;
            test::run(&def, kernels, &crawl.options(context), context).await
        }
    }
}

/// One source, and how it was read last.
#[derive(Debug, Serialize)]
struct Listed {
    distro: DistroName,
    source: String,
    kind: &'static str,
    architectures: Vec<String>,
    signature: Value,
    /// The file that this machine lacks to ask for it.
    lacks: Option<String>,
    state: Option<CrawlState>,
    reason: Option<String>,
    kernels: Option<i32>,
    finished_at: Option<Timestamp>,
}

impl Record for Listed {
    const SCHEMA: &'static str = "source.list/1";
    const COLUMNS: &'static [&'static str] =
        &["distro", "source", "kind", "architectures", "signature", "state", "kernels", "finished"];
    fn cells(&self) -> Vec<String> {
        let state = match (&self.lacks, self.state) {
            (Some(_), _) => "skipped".to_owned(),
            (None, state) => state.map(|state| state.to_string()).unwrap_or_default(),
        };
        vec![
            self.distro.to_string(),
            self.source.clone(),
            self.kind.to_owned(),
            self.architectures.join(" "),
            self.signature.as_str().unwrap_or_default().to_owned(),
            state,
            self.kernels.map(|kernels| kernels.to_string()).unwrap_or_default(),
            time(self.finished_at),
        ]
    }
}

async fn list(distros: &[DistroName], set: &SourceSet, context: &Context<'_>) -> Result<Exit, Failure> {
    for name in distros {
        definition(set, name)?;
    }
    let last = match context.open().await {
        Ok(session) => crawl::last(&session.client).await?,
        Err(failure) => {
            context.printer.warning(&format!("results of the last check are omitted: {}", failure.message()));
            Vec::new()
        }
    };
    let mut listed = Vec::new();
    for def in set.distros.values().filter(|def| distros.is_empty() || distros.contains(&def.name)) {
        let lacking = skipped_sources(def);
        for source in &def.sources {
            let of_it = |crawl: &&LastCrawl| crawl.distro == def.name && crawl.source == source.name();
            let lacks = lacking.iter().find(|(one, _)| one.name() == source.name()).map(|(_, file)| (*file).to_owned());
            listed.push(Listed::new(def, source, lacks, last.iter().find(of_it)));
        }
    }
    context.printer.list(&listed)?;
    Ok(Exit::Done)
}

impl Listed {
    fn new(def: &DistroDef, source: &Source, lacks: Option<String>, last: Option<&LastCrawl>) -> Self {
        Self {
            distro: def.name.clone(),
            source: source.name().to_owned(),
            kind: match source {
                Source::Apt(_) => "apt",
                Source::RpmMd(_) => "rpm-md",
            },
            architectures: source.architectures().to_vec(),
            signature: serde_json::to_value(source.signature()).unwrap_or_default(),
            lacks,
            state: last.map(|last| last.state),
            reason: last.and_then(|last| last.reason.clone()),
            kernels: last.map(|last| last.kernels),
            finished_at: last.map(|last| last.finished_at),
        }
    }
}

fn show(name: &DistroName, toml: bool, set: &SourceSet, context: &Context<'_>) -> Result<Exit, Failure> {
    let def = definition(set, name)?;
    let file = set.files.get(name);
    if toml {
        context.printer.data(file.map_or("", |file| file.text.as_str()))?;
        return Ok(Exit::Done);
    }
    context.printer.one("source.show/1", def, || describe(def, file))?;
    Ok(Exit::Done)
}

/// The definition as text: the fields as the file names them, one source after the other.
fn describe(def: &DistroDef, file: Option<&SourceFile>) -> String {
    let mut text = format!("{}, {}: {}", def.name, def.variant, def.title);
    if let Some(file) = file {
        text.push_str(&format!("\nfrom {}", file.path));
    }
    let of = |value: Result<Value, serde_json::Error>| value.unwrap_or_default();
    let rules = def.rules.iter().map(|rule| ("rule", of(serde_json::to_value(rule))));
    let sources = def.sources.iter().map(|source| ("source", of(serde_json::to_value(source))));
    for (what, value) in rules.chain(sources) {
        text.push_str(&format!("\n\n{what}"));
        for (field, value) in value.as_object().into_iter().flatten() {
            if let Some(shown) = shown(value) {
                text.push_str(&format!("\n  {field:<18} {shown}"));
            }
        }
    }
    text
}

/// Returns the value of a field; `None` for empty and false values.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n                     ")),
        Value::String(text) => Some(text.clone()),
        Value::Bool(false) | Value::Null => None,
        other => Some(other.to_string()),
    }
}
