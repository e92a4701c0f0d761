//! `sqern source`: lists, shows and tests the package sources of distributions.

mod list;
mod show;
mod test;

use std::path::PathBuf;

use clap::Subcommand;
use sqern_model::DistroName;

use super::Context;
use super::sources::{CrawlArgs, SourcesArgs};
use crate::error::{CliError, ExitStatus};
use crate::printer::RowArgs;

#[derive(Debug, Subcommand)]
pub(super) enum SourceCommand {
    /// List sources with the results of their last crawls
    #[command(
        after_help = "Examples:\n  sqern source list\n  sqern source list --distro alma9 --json"
    )]
    List {
        /// Distribution (repeatable) [default: all]
        #[arg(long = "distro", value_name = "NAME")]
        distros: Vec<DistroName>,
        #[command(flatten)]
        sources: SourcesArgs,
        #[command(flatten)]
        rows: RowArgs,
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
    /// Exit status: 0 if all sources are complete, 1 if a source is partial or failed, 2 for a
    /// usage error.
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

pub(super) async fn run(
    command: SourceCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    match command {
        SourceCommand::List {
            distros,
            sources,
            rows,
        } => list::run(&distros, &sources.load(context)?, &rows, context).await,
        SourceCommand::Show {
            distro,
            toml,
            sources,
        } => show::run(&distro, toml, &sources.load(context)?, context),
        SourceCommand::Test {
            what,
            only,
            kernels,
            crawl,
            sources,
        } => {
            let distro = test::subject(&what, &only, sources.load(context)?)?;
            test::run(&distro, kernels, &crawl.options(context), context).await
        }
    }
}
