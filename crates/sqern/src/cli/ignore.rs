//! `sqern ignore`: patterns of ignored kernel versions.

use clap::Subcommand;
use sqern_db::change;
use sqern_db::ignore;
use sqern_model::{DistroName, Glob, KernelName, LikePattern};

use super::Context;
use super::at::AtArgs;
use super::change::ChangeArgs;
use crate::error::{CliError, ExitStatus};
use crate::output::change::print_change;
use crate::output::metadata::{self, ListMetadata};
use crate::printer::RowArgs;

#[derive(Debug, Subcommand)]
pub(super) enum IgnoreCommand {
    /// List patterns
    #[command(
        after_help = "Examples:\n  sqern ignore list --distro debian12\n  sqern ignore list --kernel debian12/6.1.0-25-cloud-amd64\n  sqern ignore list --all --csv"
    )]
    List {
        /// Distribution (repeatable) [default: all]
        #[arg(long = "distro", value_name = "NAME")]
        distros: Vec<DistroName>,
        /// List only patterns that match this kernel, written as [DISTRO/]VERSION (repeatable)
        /// [default: all]
        #[arg(long = "kernel", value_name = "KERNEL")]
        kernels: Vec<KernelName>,
        /// Include removed patterns
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Add a pattern, and print the kernel versions that it ignores
    #[command(
        after_help = "Examples:\n  sqern ignore add debian12 '*-cloud-amd64' --reason 'no customer runs it' --dry-run\n  sqern ignore add alma8 '4.18.0-*.el8_9.x86_64'"
    )]
    Add {
        /// Distribution
        distro: DistroName,
        /// Glob for the whole version: * matches any text, ? matches one character, \ escapes the
        /// next character
        glob: String,
        /// Reason for ignoring these kernels
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        change: ChangeArgs,
    },
    /// Remove a pattern, and print the kernel versions that are no longer ignored
    #[command(
        after_help = "Example:\n  sqern ignore remove debian12 '*-cloud-amd64' --comment 'a customer runs it'"
    )]
    Remove {
        /// Distribution
        distro: DistroName,
        /// Glob, as printed by sqern ignore list
        glob: String,
        #[command(flatten)]
        change: ChangeArgs,
    },
}

pub(super) async fn run(
    command: IgnoreCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    match command {
        IgnoreCommand::List {
            distros,
            kernels,
            all,
            at,
            rows,
        } => {
            let (snapshot, as_of) = at.begin(&mut session.client).await?;
            sqern_db::distro::require(&snapshot, &distros, &as_of).await?;
            let patterns = ignore::list(&snapshot, &distros, &kernels, all, &as_of).await?;
            metadata::list(
                context.printer,
                &patterns,
                &rows,
                &ListMetadata::from(&as_of),
            )?;
            Ok(ExitStatus::Success)
        }
        IgnoreCommand::Add {
            distro,
            glob,
            reason,
            change: args,
        } => {
            let like = to_like(&glob)?;
            let change = change::begin(&mut session.client, &args.comment(context)).await?;
            let hidden = ignore::preview(&change.transaction, &distro, &like).await?;
            if hidden.is_empty() && glob.contains('%') {
                let message = format!(
                    "pattern {glob} matches no kernel of {distro}, and % is not a wildcard"
                );
                return Err(CliError::failed(message)
                    .hint(format!("Use * for any text: {}.", glob.replace('%', "*"))));
            }
            if !ignore::add(&change.transaction, &distro, &like, reason.as_deref()).await? {
                context
                    .printer
                    .note(&format!("pattern {glob} already exists for {distro}"));
            }
            let lines: Vec<String> = hidden
                .iter()
                .map(|version| format!("ignored: {version}"))
                .collect();
            if hidden.is_empty() {
                context
                    .printer
                    .note(&format!("no further kernel of {distro} matches {glob}"));
            }
            print_change(
                context.printer,
                &lines,
                change.finish(args.dry_run).await?,
                args.dry_run,
            )
        }
        IgnoreCommand::Remove {
            distro,
            glob,
            change: args,
        } => {
            let like = to_like(&glob)?;
            let change = change::begin(&mut session.client, &args.comment(context)).await?;
            ignore::remove(&change.transaction, &distro, &like).await?;
            let shown = ignore::preview(&change.transaction, &distro, &like).await?;
            let lines: Vec<String> = shown
                .iter()
                .map(|version| format!("no longer ignored: {version}"))
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

fn to_like(glob: &str) -> Result<LikePattern, CliError> {
    Glob::new(glob)
        .to_like()
        .map_err(|error| CliError::usage(error.to_string()))
}
