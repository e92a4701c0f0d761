//! `sqern distro`: lists and changes distributions.

use clap::Subcommand;
use sqern_db::change;
use sqern_db::distro::{self, NewDistro};
use sqern_model::DistroName;

use super::Context;
use super::at::AtArgs;
use super::change::ChangeArgs;
use super::sources::SourcesArgs;
use crate::distributions::importable;
use crate::error::{CliError, ExitStatus};
use crate::output::change::print_change;
use crate::output::distro::{ListedDistro, describe};
use crate::output::metadata;
use crate::printer::RowArgs;

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
    #[command(after_help = "Example:\n  sqern distro add harbour1 HARBOUR1 --supported")]
    Add {
        /// Name, such as debian12, ubuntu-22.04 or alma8; for a distribution of sp-variant, its
        /// builder alias
        name: DistroName,
        /// Variant of sp-variant, such as DEBIAN12; for another distribution, a name of your choice in
        /// the same form
        variant: String,
        /// Mark the distribution as supported; sqern check reads supported distributions
        #[arg(long)]
        supported: bool,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Change a distribution
    #[command(after_help = "Example:\n  sqern distro set debian13 --supported")]
    Set {
        /// Distribution
        name: DistroName,
        /// Mark the distribution as supported; sqern check reads supported distributions
        #[arg(long, required_unless_present_any = ["unsupported", "variant"])]
        supported: bool,
        /// Mark the distribution as unsupported
        #[arg(long, conflicts_with = "supported")]
        unsupported: bool,
        /// Variant of sp-variant, or a name of your choice in the same form
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

pub(super) async fn run(
    command: DistroCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    match command {
        DistroCommand::List { at: args, rows } => {
            let (snapshot, as_of) = args.begin(&mut session.client).await?;
            let frame = args.upstream(&snapshot, &as_of, &[]).await?;
            let distros = distro::list(&snapshot, &as_of).await?;
            let listed: Vec<ListedDistro> = distros
                .into_iter()
                .map(|distro| ListedDistro::new(distro, &frame))
                .collect();
            metadata::list(context.printer, &listed, &rows, &frame)?;
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
            print_change(
                context.printer,
                &[describe(&new)],
                change.finish(args.dry_run).await?,
                args.dry_run,
            )
        }
        DistroCommand::Set {
            name,
            supported,
            unsupported,
            variant,
            change: args,
        } => {
            let supported = (supported || unsupported).then_some(supported);
            let change = change::begin(&mut session.client, &args.comment(context)).await?;
            distro::set(&change.transaction, &name, variant.as_deref(), supported).await?;
            let now = distro::get(&change.transaction, &name).await?;
            let now = NewDistro {
                name: now.name,
                variant: now.variant,
                supported: now.supported,
            };
            print_change(
                context.printer,
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
            print_change(
                context.printer,
                &lines,
                change.finish(args.dry_run).await?,
                args.dry_run,
            )
        }
    }
}
