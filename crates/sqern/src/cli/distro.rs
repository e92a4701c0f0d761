//! `sqern distro`: lists and changes distributions.

use clap::Subcommand;
use serde::Serialize;
use sqern_db::change;
use sqern_db::distro::{self, Distro, NewDistro};
use sqern_model::DistroName;

use super::Context;
use super::at::{self, AtArgs, ListMetadata};
use super::change::{ChangeArgs, report};
use super::sources::SourcesArgs;
use crate::distributions::importable;
use crate::error::{CliError, ExitStatus};
use crate::printer::{Column, Record, RowArgs};

#[derive(Debug, Subcommand)]
pub(super) enum DistroCommand {
    /// List distributions
    #[command(
        after_help = "Examples:\n  sqern distro list\n  sqern distro list --at 2026-05-01 --csv"
    )]
    List {
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Add a distribution
    #[command(after_help = "Example:\n  sqern distro add fedora42 FEDORA42 --supported")]
    Add {
        /// Name, such as debian12, ubuntu-22.04 or alma8; for a distribution of sp-variant, its
        /// builder alias
        name: DistroName,
        /// Variant of sp-variant, such as DEBIAN12
        variant: String,
        /// Mark the distribution as supported; sqern check reads supported distributions
        #[arg(long)]
        supported: bool,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Change a distribution
    #[command(after_help = "Example:\n  sqern distro set debian13 --supported true")]
    Set {
        /// Distribution
        name: DistroName,
        /// Whether the distribution is supported; sqern check reads supported distributions
        #[arg(long, value_name = "true|false", required_unless_present = "variant")]
        supported: Option<bool>,
        /// Variant of sp-variant
        #[arg(long)]
        variant: Option<String>,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Add the distributions of sp-variant and those with a distribution file
    ///
    /// Distributions of sp-variant are marked as supported if sp-variant supports them. Other
    /// distributions with a distribution file are added as unsupported. Existing distributions do
    /// not change.
    #[command(
        after_help = "Examples:\n  sqern distro import\n  sqern distro import --sources ./distros --dry-run"
    )]
    Import {
        #[command(flatten)]
        sources: SourcesArgs,
        #[command(flatten)]
        change: ChangeArgs,
    },
}

/// A distribution, and the result of its newest check.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(flatten)]
    distro: Distro,
    /// `not checked`, `complete` or `incomplete`.
    upstream: &'static str,
}

impl Listed {
    fn new(distro: Distro, frame: &ListMetadata) -> Self {
        let upstream = match distro.checked_at {
            None => "not checked",
            Some(_) if frame.is_incomplete(&distro.name) => "incomplete",
            Some(_) => "complete",
        };
        Self { distro, upstream }
    }
}

impl Record for Listed {
    const SCHEMA: &'static str = "distro.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("name"),
        Column::name("variant"),
        Column::name("supported"),
        Column::number("kernels"),
        Column::status("upstream"),
        Column::time("checked_at").headed("checked"),
    ];
}

pub(super) async fn run(
    command: DistroCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    match command {
        DistroCommand::List { at: args, rows } => {
            let as_of = args.resolve(&session.client).await?;
            let frame = args.upstream(&session.client, &as_of, &[]).await?;
            let distros = distro::list(&session.client, &as_of).await?;
            let listed: Vec<Listed> = distros
                .into_iter()
                .map(|distro| Listed::new(distro, &frame))
                .collect();
            at::list(context, &listed, &rows, &frame)?;
            Ok(ExitStatus::Success)
        }
        DistroCommand::Add {
            name,
            variant,
            supported,
            change: args,
        } => {
            let change = change::begin(&mut session.client, &args.comment(context)).await?;
            let new = NewDistro {
                name,
                variant,
                supported,
            };
            distro::add(&change.transaction, &new).await?;
            report(
                context,
                &[describe(&new)],
                change.finish(args.dry_run).await?,
                args.dry_run,
            )
        }
        DistroCommand::Set {
            name,
            supported,
            variant,
            change: args,
        } => {
            let change = change::begin(&mut session.client, &args.comment(context)).await?;
            distro::set(&change.transaction, &name, variant.as_deref(), supported).await?;
            let now = distro::get(&change.transaction, &name).await?;
            let now = NewDistro {
                name: now.name,
                variant: now.variant,
                supported: now.supported,
            };
            report(
                context,
                &[describe(&now)],
                change.finish(args.dry_run).await?,
                args.dry_run,
            )
        }
        DistroCommand::Import {
            sources,
            change: args,
        } => {
            let wanted = importable(&sources.load(context)?)?;
            let change = change::begin(&mut session.client, &args.comment(context)).await?;
            let added = distro::import(&change.transaction, &wanted).await?;
            let lines: Vec<String> = wanted
                .iter()
                .filter(|distro| added.contains(&distro.name))
                .map(describe)
                .collect();
            report(
                context,
                &lines,
                change.finish(args.dry_run).await?,
                args.dry_run,
            )
        }
    }
}

fn describe(distro: &NewDistro) -> String {
    format!(
        "{} ({}), {}",
        distro.name,
        distro.variant,
        if distro.supported {
            "supported"
        } else {
            "not supported"
        }
    )
}
