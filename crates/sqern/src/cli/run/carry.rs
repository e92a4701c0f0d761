//! `build run` and `test run`: run a command for each kernel.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sqern_db::as_of::snapshot;
use sqern_db::run::{self as db, Lease};
use sqern_model::{RunKind, counted};

use super::carrier::{Carrier, Means};
use super::start::{Fields, Taken, TestFields, duration, take, tell_closed};
use super::{Tested, What, require_input};
use crate::cli::Context;
use crate::cli::store::StoreArgs;
use crate::failure::{Exit, Failure};
use crate::runner;

/// Options of `build run` and `test run`.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct CarryArgs {
    /// Shell command to run for each kernel
    #[arg(long, value_name = "CMD", value_parser = crate::cli::shell_command)]
    pub(super) command: String,
    /// Maximum number of kernels to claim from the plan [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    claim: Option<u32>,
    /// Number of kernels to process in parallel [default: 2]
    #[arg(long, value_name = "N", default_value = "2", hide_default_value = true, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: u16,
    /// Time limit of the command for one kernel
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub(super) time_limit: Duration,
    /// Stop after this number of results other than SUCCESS, and record the other kernels as NOT_BUILT
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_failures: Option<u32>,
    /// Directory of logs [default: $SQERN_LOGS, else /var/log/sqern (root) or ~/.local/state/sqern/logs]
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    /// Lease duration, renewed automatically; kernels of a killed program are released when the lease expires
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    pub(super) lease: Duration,
    #[command(flatten)]
    store: StoreArgs,
    /// Comment of the generations [default: the command line]
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Print the kernels without running the command
    #[arg(long)]
    dry_run: bool,
}

/// Starts a test run for each build with kernels in the plan; a single one with `--build` or `--claim`.
pub(in crate::cli) async fn carry_builds(
    fields: &TestFields,
    what: &What,
    args: &CarryArgs,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    if args.dry_run || args.claim.is_some() || fields.tested.build.is_some() {
        return carry(&Fields::Test(fields.clone()), what, args, context).await;
    }
    let mut session = context.open().await?;
    let transaction = snapshot(&mut session.client).await?;
    what.require(&transaction, RunKind::Test, &fields.tested).await?;
    let mut builds: Vec<i64> = Vec::new();
    for one in db::plan(&transaction, RunKind::Test, &what.filter(&fields.tested)).await? {
        builds.extend(one.build.filter(|build| !builds.contains(build)));
    }
    transaction.commit().await?;
    if builds.is_empty() {
        return carry(&Fields::Test(fields.clone()), what, args, context).await;
    }
    let mut exit = Exit::Done;
    for build in builds {
        let tested = Tested { build: Some(build), ..fields.tested.clone() };
        let fields = Fields::Test(TestFields { tested, ..fields.clone() });
        if carry(&fields, what, args, context).await? != Exit::Done {
            exit = Exit::Unmet;
        }
    }
    Ok(exit)
}

/// Claims kernels, runs the command for each, and finishes the run.
pub(in crate::cli) async fn carry(
    fields: &Fields,
    what: &What,
    args: &CarryArgs,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    let kind = fields.kind();
    if args.dry_run {
        let limit = args.claim.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        return super::plan(kind, what, &fields.tested(), limit, context).await;
    }
    let store = args.store.open(context)?;
    let logs = args.logs.clone().or_else(|| context.settings.logs_dir());
    let logs = logs.ok_or_else(|| {
        Failure::unmet("could not determine the directory of logs: the user has no home directory")
            .hint("Specify a directory with --logs DIR.")
    })?;
    let mut session = context.open().await?;
    let comment = args.comment.clone().unwrap_or_else(|| context.settings.command_line.clone());
    let change = sqern_db::change::begin(&mut session.client, &comment).await?;
    let lease = Lease { lasts: args.lease, owner: runner::owner() };
    let claim = args.claim.map_or(usize::MAX, |count| usize::try_from(count).unwrap_or(usize::MAX));
    let (taken, closed) = take(&change.transaction, fields, what, Some(claim), &lease, context).await?;
    change.finish(false).await?;
    tell_closed(kind, &closed, context);
    let Some(Taken { id, kernels }) = taken else {
        require_input(kind, &session.client).await?;
        context.printer.note(&super::nothing(kind, what));
        return Ok(Exit::Done);
    };
    // The recorded path must be valid in any working directory.
    let logs = std::path::absolute(logs)?.join(format!("{kind}-{id}"));
    let build = match kind {
        RunKind::Build => id,
        RunKind::Test => kernels.first().and_then(|candidate| candidate.build).expect("a test that was started is of a build"),
    };
    context.printer.note(&format!("{kind} {id}: {}, logs in {}", counted(kernels.len(), "kernel"), logs.display()));
    let means = Means { context, args, comment, logs, store, variables: variables(fields, what, id, build) };
    Carrier::new(kind, id, kernels.len(), means, session).all(&kernels).await
}

/// Returns the variables of the command, besides those of the kernel.
fn variables(fields: &Fields, what: &What, id: i64, build: i64) -> Vec<(&'static str, String)> {
    let mut variables = vec![("SQERN_BUILD_ID", build.to_string())];
    let mut add = |name, value: &Option<String>| variables.extend(value.clone().map(|value| (name, value)));
    add("SQERN_REVISION", &what.revision);
    add("SQERN_TARGET", &what.target);
    add("SQERN_PROFILE", &what.profile);
    if let Fields::Test(fields) = fields {
        add("SQERN_TEST_ID", &Some(id.to_string()));
        add("SQERN_FLAVOR", &fields.tested.flavor);
        add("SQERN_CLUSTER", &fields.cluster);
    }
    variables
}
