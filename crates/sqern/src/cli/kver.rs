//! `sqern kver`: lists and changes kernel versions.

use std::collections::BTreeMap;

use clap::Subcommand;
use sqern_db::kver::{self, Filter};
use sqern_db::{AsOf, change};
use sqern_model::{At, DistroName, Glob, KernelName, KernelVersion};

use super::Context;
use super::at::{self, AtArgs};
use super::change::ChangeArgs;
use crate::error::{CliError, ExitStatus};
use crate::output::change::print_change;
use crate::output::kver::{KernelRow, ShownKernel, describe};
use crate::output::metadata;
use crate::printer::RowArgs;

#[derive(Debug, Subcommand)]
pub(super) enum KverCommand {
    /// List wanted kernel versions, newest first
    #[command(
        after_help = "Examples:\n  sqern kver list --distro debian12 --limit 10\n  sqern kver list --distro debian12 --at 2026-05-01\n  sqern kver list --since '7 days ago'              # new kernels\n  sqern kver list --like '6.1.*-cloud-*' --all --json"
    )]
    List {
        /// Distribution (repeatable) [default: all]
        #[arg(long = "distro", value_name = "NAME")]
        distros: Vec<DistroName>,
        /// Glob (* and ?) for the version [default: all]
        #[arg(long, value_name = "GLOB")]
        like: Option<String>,
        /// Include ignored and archived kernels
        #[arg(long)]
        all: bool,
        /// List only kernels that a repository first contained after this generation or time
        #[arg(long, value_name = "GENERATION|TIME")]
        since: Option<At>,
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Show a kernel version: state, times and packages
    #[command(after_help = "Example:\n  sqern kver show \"$(uname -r)\"")]
    Show {
        /// Kernel version, as printed by uname -r, or DISTRO/VERSION
        kernel: KernelName,
        /// Distribution (repeatable) [default: all]
        #[arg(long = "distro", value_name = "NAME")]
        distros: Vec<DistroName>,
    },
    /// Add kernel versions
    #[command(after_help = "Examples:
  sqern kver add debian12/6.1.0-25-amd64
  sqern kver add --distro debian12 6.1.0-25-amd64 6.1.0-25-cloud-amd64")]
    Add(KernelArgs),
    /// Exclude kernel versions from lists and plans
    #[command(
        after_help = "Example:\n  sqern kver archive debian12/6.1.0-9-amd64 --comment 'out of support'"
    )]
    Archive(KernelArgs),
    /// Include archived kernel versions in lists and plans again
    #[command(after_help = "Example:\n  sqern kver unarchive debian12/6.1.0-9-amd64")]
    Unarchive(KernelArgs),
}

#[derive(Debug, clap::Args)]
pub(super) struct KernelArgs {
    /// Kernel, written as DISTRO/VERSION, or as VERSION with --distro (repeatable)
    #[arg(required = true, value_name = "KERNEL")]
    kernels: Vec<KernelName>,
    /// Distribution of the kernels without DISTRO
    #[arg(long, value_name = "NAME")]
    distro: Option<DistroName>,
    #[command(flatten)]
    change: ChangeArgs,
}

impl KernelArgs {
    /// Returns the versions of each distribution.
    fn by_distro(&self) -> Result<BTreeMap<DistroName, Vec<KernelVersion>>, CliError> {
        let mut versions: BTreeMap<DistroName, Vec<KernelVersion>> = BTreeMap::new();
        for name in &self.kernels {
            let distro = name
                .distro
                .as_ref()
                .or(self.distro.as_ref())
                .ok_or_else(|| {
                    CliError::usage(format!(
                        "the distribution of kernel {name} is not specified"
                    ))
                    .hint(format!(
                        "Specify it as DISTRO/{name}, or with --distro NAME."
                    ))
                })?;
            versions
                .entry(distro.clone())
                .or_default()
                .push(name.version.clone());
        }
        Ok(versions)
    }
}

pub(super) async fn run(
    command: KverCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    match command {
        KverCommand::List {
            distros,
            like,
            all,
            since,
            at,
            rows,
        } => {
            let (snapshot, as_of) = at.begin(&mut session.client).await?;
            let since = at::since(&snapshot, since).await?;
            sqern_db::distro::require(&snapshot, &distros, &as_of).await?;
            let frame = at.upstream(&snapshot, &as_of, &distros).await?;
            let like = like
                .map(|glob| Glob::new(glob).to_like())
                .transpose()
                .map_err(|error| CliError::usage(error.to_string()))?;
            let like = like.map(|like| like.as_str().to_owned());
            let filter = Filter {
                distros,
                like,
                unwanted: all,
                seen_since: since.map(|past| past.time()),
                ..Filter::default()
            };
            let kernels = kver::list(&snapshot, &filter, &as_of).await?;
            let kernels: Vec<KernelRow> = kernels.into_iter().map(KernelRow::from).collect();
            metadata::list(context.printer, &kernels, &rows, &frame)?;
            Ok(ExitStatus::Success)
        }
        KverCommand::Show { kernel, distros } => {
            show(
                &session.client,
                &kernel.version,
                &kernel.distros(&distros),
                context,
            )
            .await
        }
        KverCommand::Add(args) => {
            let versions = args.by_distro()?;
            versions.values().flatten().try_for_each(require_release)?;
            let change = change::begin(&mut session.client, &args.change.comment(context)).await?;
            let mut lines = Vec::new();
            for (distro, versions) in &versions {
                let added = kver::add(&change.transaction, distro, versions).await?;
                lines.extend(
                    added
                        .iter()
                        .map(|version| format!("{distro} {version}: added")),
                );
            }
            print_change(
                context.printer,
                &lines,
                change.finish(args.change.dry_run).await?,
                args.change.dry_run,
            )
        }
        KverCommand::Archive(args) => set_archived(&mut session.client, &args, true, context).await,
        KverCommand::Unarchive(args) => {
            set_archived(&mut session.client, &args, false, context).await
        }
    }
}

/// Returns an error for a text that uname -r does not print, such as the name of a package.
fn require_release(version: &KernelVersion) -> Result<(), CliError> {
    if version.is_release() {
        return Ok(());
    }
    Err(CliError::usage(format!(
        "\"{version}\" is not a kernel version, which starts with a digit"
    ))
    .hint("uname -r  # prints the version of the running kernel"))
}

async fn set_archived(
    client: &mut tokio_postgres::Client,
    args: &KernelArgs,
    archived: bool,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let versions = args.by_distro()?;
    let change = change::begin(client, &args.change.comment(context)).await?;
    let state = if archived {
        "archived"
    } else {
        "no longer archived"
    };
    let mut lines = Vec::new();
    for (distro, versions) in &versions {
        let changed = kver::set_archived(&change.transaction, distro, versions, archived).await?;
        lines.extend(
            changed
                .iter()
                .map(|version| format!("{distro} {version}: {state}")),
        );
    }
    print_change(
        context.printer,
        &lines,
        change.finish(args.change.dry_run).await?,
        args.change.dry_run,
    )
}

async fn show(
    client: &tokio_postgres::Client,
    version: &KernelVersion,
    distros: &[DistroName],
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    sqern_db::distro::require(client, distros, &AsOf::Now).await?;
    let mut shown = Vec::new();
    for kver in kver::find(client, version, distros).await? {
        let packages = kver::packages(client, &kver.kernel, &AsOf::Now).await?;
        shown.push(ShownKernel { kver, packages });
    }
    context.printer.value(&shown, || {
        shown.iter().map(describe).collect::<Vec<_>>().join("\n\n")
    })?;
    let distros_shown: Vec<DistroName> = shown
        .iter()
        .map(|shown| shown.kver.kernel.distro.clone())
        .collect();
    metadata::warn(
        context.printer,
        &sqern_db::crawl::incomplete(client, &distros_shown, None).await?,
    );
    Ok(ExitStatus::Success)
}
