//! A run that is carried out here: a command a kernel, some at once, each result recorded as it comes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sqern_db::as_of::snapshot;
use sqern_db::run::{self as db, Lease};
use sqern_model::RunKind;

use super::carrier::{Carrier, Means};
use super::start::{Fields, Taken, TestFields, duration, take, tell_closed};
use super::{Tested, What, require_input};
use crate::cli::Context;
use crate::cli::store::StoreArgs;
use crate::failure::{Exit, Failure};
use crate::runner;

/// How a run is carried out.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct CarryArgs {
    /// What is run for each kernel, by /bin/sh
    #[arg(long, value_name = "CMD")]
    pub(super) command: String,
    /// At most so many kernels [default: all of the plan]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    claim: Option<u32>,
    /// Kernels at once [default: 2]
    #[arg(long, value_name = "N", default_value = "2", hide_default_value = true, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: u16,
    /// How long the command may take for one kernel
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub(super) time_limit: Duration,
    /// Begin no more kernels after so many that did not succeed; the rest is NOT_BUILT
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_failures: Option<u32>,
    /// The folder of the logs [default: $SQERN_LOGS, /var/log/sqern for root, ~/.local/state/sqern/logs]
    #[arg(long, value_name = "DIR")]
    logs: Option<PathBuf>,
    /// How long it counts as running when it is killed without a word; it is renewed all the time
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    pub(super) lease: Duration,
    #[command(flatten)]
    store: StoreArgs,
    /// Why: the comment of the generations [default: the command as typed]
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// List what it would be run for, and run nothing
    #[arg(long)]
    dry_run: bool,
}

/// Tests what is to be tested: a run for each build that has kernels in the plan, unless it is said which, or how many.
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

/// Takes kernels, runs the command for each, and ends the run.
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
    let logs = logs.ok_or_else(|| Failure::unmet("expected a folder for logs, got no home").hint("--logs DIR"))?;
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
        context.printer.note(&format!("nothing to {}", kind.noun()));
        return Ok(Exit::Done);
    };
    // The log is looked for later, from wherever.
    let logs = std::path::absolute(logs)?.join(format!("{kind}-{id}"));
    let build = match kind {
        RunKind::Build => id,
        RunKind::Test => kernels.first().and_then(|candidate| candidate.build).expect("a test that was started is of a build"),
    };
    context.printer.note(&format!("{kind} {id} of {} kernels, logs in {}", kernels.len(), logs.display()));
    let means = Means { context, args, comment, logs, store, variables: variables(fields, what, id, build) };
    Carrier::new(kind, id, kernels.len(), means, session).all(&kernels).await
}

/// What the command finds in its environment besides what is of its kernel.
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
