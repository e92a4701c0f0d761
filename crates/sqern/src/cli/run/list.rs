//! Lists of runs and of their kernels.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use sqern_core::runs;
use sqern_db::kver;
use sqern_db::run::{self as db, Filter};
use sqern_model::{At, DistroName, KernelName, RunKind};

use crate::cli::Context;
use crate::cli::at::{self, AtArgs};
use crate::error::{CliError, ExitStatus};
use crate::output::metadata::{self, ListMetadata};
use crate::output::run::{BuildRow, TestRow};
use crate::printer::{DEFAULT_LIMIT, RowArgs};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Consider only this revision [default: all]
    #[arg(long, value_name = "REVISION", value_parser = NonEmptyStringValueParser::new())]
    revision: Option<String>,
    /// Consider only this release target [default: all]
    #[arg(long, value_name = "TARGET", value_parser = NonEmptyStringValueParser::new())]
    target: Option<String>,
    /// Distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    /// Kernel, written as [DISTRO/]VERSION (repeatable) [default: all]
    #[arg(long = "kernel", value_name = "KERNEL")]
    kernels: Vec<KernelName>,
    /// List only builds or test runs in progress
    #[arg(long)]
    open: bool,
    /// List only builds or test runs that started after this generation or time
    #[arg(long, value_name = "GENERATION|TIME")]
    since: Option<At>,
    #[command(flatten)]
    at: AtArgs,
    #[command(flatten)]
    rows: RowArgs,
}

pub(in crate::cli) async fn list(
    kind: RunKind,
    args: &ListArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    let (snapshot, as_of) = args.at.begin(&mut session.client).await?;
    let since = at::since(&snapshot, args.since).await?;
    sqern_db::available::require(&snapshot, args.revision.as_deref(), args.target.as_deref())
        .await?;
    kver::require(&snapshot, &args.distros, &args.kernels, &as_of).await?;
    let filter = Filter {
        revision: args.revision.clone(),
        target: args.target.clone(),
        distros: args.distros.clone(),
        kernels: args.kernels.clone(),
        open: args.open,
        since: since.map(|past| past.time()),
        limit: Some(args.rows.query_limit(DEFAULT_LIMIT)),
    };
    let runs = db::list(&snapshot, kind, &filter, &as_of).await?;
    let (rows, frame) = (
        args.rows.clone().with_default_limit(DEFAULT_LIMIT),
        ListMetadata::from(&as_of),
    );
    match kind {
        RunKind::Build => metadata::list(
            context.printer,
            &runs.into_iter().map(BuildRow).collect::<Vec<_>>(),
            &rows,
            &frame,
        )?,
        RunKind::Test => metadata::list(
            context.printer,
            &runs.into_iter().map(TestRow).collect::<Vec<_>>(),
            &rows,
            &frame,
        )?,
    }
    Ok(ExitStatus::Success)
}

/// Lists the kernels of a run.
pub(in crate::cli) async fn kernels(
    kind: RunKind,
    id: i64,
    at: &AtArgs,
    rows: &RowArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    let (snapshot, as_of) = at.begin(&mut session.client).await?;
    let kernels = runs::kernels(&snapshot, kind, id, &as_of).await?;
    metadata::list(context.printer, &kernels, rows, &ListMetadata::from(&as_of))?;
    Ok(ExitStatus::Success)
}
