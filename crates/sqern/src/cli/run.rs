//! Commands that builds and tests share: plan, start, run, renew, finish, list and show.

mod carrier;
mod carry;
mod lines;
mod list;
mod start;

use clap::Args;
use sqern_db::as_of::snapshot;
use sqern_db::run::{self as db, Candidate, PlanFilter, RunError};
use sqern_model::{DistroName, KernelResult, KernelVersion, RunKind, RunResult, counted};

use tokio_postgres::Transaction;

use super::Context;
use super::change::{ChangeArgs, report};
use crate::failure::{Exit, Failure};
use crate::printer::{Record, time};

pub(super) use carry::{CarryArgs, carry, carry_builds};
pub(super) use list::{ListArgs, kernels, list, show};
pub(super) use start::{BuildFields, ClaimArgs, Fields, TestFields, start};

/// Selects the revision and the kernels.
#[derive(Debug, Clone, Args)]
pub(super) struct What {
    /// Revision of the module source
    #[arg(long, value_name = "REVISION", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    revision: Option<String>,
    /// Release target of the build
    #[arg(long, value_name = "TARGET", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    target: Option<String>,
    /// Profile of the build containers
    #[arg(long, value_name = "PROFILE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    profile: Option<String>,
    /// Distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    /// Kernel version (repeatable) [default: all]
    #[arg(long = "kernel", value_name = "VERSION")]
    versions: Vec<KernelVersion>,
    /// Exclude kernels whose last result is FAILURE or UNSTABLE
    #[arg(long)]
    untried: bool,
}

/// Selects the tested build and the flavor of tests.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Tested {
    /// Build to test [default: the newest successful build of each kernel]
    #[arg(long, value_name = "ID")]
    build: Option<i64>,
    /// Flavor of the tests, such as smoke
    #[arg(long, value_name = "FLAVOR", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    flavor: Option<String>,
}

impl What {
    /// Checks the names of existing objects: the distributions, the tested build, and the kernels, which can be built or tested.
    ///
    /// # Errors
    ///
    /// Returns an error with similar names if an object does not exist, or with a hint if a kernel lacks an earlier stage.
    async fn require(&self, transaction: &Transaction<'_>, kind: RunKind, tested: &Tested) -> Result<(), Failure> {
        sqern_db::distro::require(transaction, &self.distros, &sqern_db::AsOf::Now).await?;
        if let Some(build) = tested.build {
            let build = db::get(transaction, RunKind::Build, build).await;
            build.map_err(|error| refused(error.into(), RunKind::Build))?;
        }
        for version in &self.versions {
            sqern_db::kver::find(transaction, version, &self.distros).await?;
        }
        if self.versions.is_empty() {
            return Ok(());
        }
        let known = db::plan(transaction, kind, &PlanFilter { again: true, ..self.filter(tested) }).await?;
        let missing = self.versions.iter().find(|version| !known.iter().any(|one| one.kernel.version == **version));
        if let Some(version) = missing {
            let (message, hint) = match kind {
                RunKind::Build => ("headers are not fetched", format!("sqern fetch --kernel {version}")),
                RunKind::Test => ("no build has succeeded", format!("sqern build plan --kernel {version}")),
            };
            return Err(Failure::unmet(format!("cannot {} {version}: {message}", kind.noun())).hint(hint));
        }
        Ok(())
    }

    fn filter(&self, tested: &Tested) -> PlanFilter {
        PlanFilter {
            revision: self.revision.clone(),
            target: self.target.clone(),
            profile: self.profile.clone(),
            distros: self.distros.clone(),
            versions: self.versions.clone(),
            untried: self.untried,
            again: false,
            build: tested.build,
            flavor: tested.flavor.clone(),
        }
    }
}

impl Record for Candidate {
    const SCHEMA: &'static str = "run.plan/1";
    const COLUMNS: &'static [&'static str] = &["distro", "version", "running", "installed", "build", "last", "result"];
    fn cells(&self) -> Vec<String> {
        let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
        vec![
            self.kernel.distro.to_string(),
            self.kernel.version.to_string(),
            self.hosts_running.to_string(),
            self.hosts_installed.to_string(),
            id(self.build),
            id(self.last_id),
            self.last_result.clone().unwrap_or_default(),
        ]
    }
}

/// Lists the kernels to build or test.
pub(super) async fn plan(
    kind: RunKind,
    what: &What,
    tested: &Tested,
    limit: Option<usize>,
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    let mut session = context.open().await?;
    let transaction = snapshot(&mut session.client).await?;
    what.require(&transaction, kind, tested).await?;
    let mut candidates = db::plan(&transaction, kind, &what.filter(tested)).await?;
    transaction.commit().await?;
    if candidates.is_empty() {
        require_input(kind, &session.client).await?;
    }
    let total = candidates.len();
    candidates.truncate(limit.unwrap_or(usize::MAX));
    context.printer.list(&candidates)?;
    context.printer.note(&match (candidates.len(), total) {
        (0, _) => nothing(kind, what),
        (shown, total) if shown < total => format!("{shown} of {total} shown"),
        (_, total) => format!("{} to {}", counted(total, "kernel"), kind.noun()),
    });
    Ok(Exit::Done)
}

/// Returns the note for an empty plan.
fn nothing(kind: RunKind, what: &What) -> String {
    let versions: Vec<&str> = what.versions.iter().map(KernelVersion::as_str).collect();
    match versions.first() {
        None => format!("nothing to {}", kind.noun()),
        Some(first) => format!("nothing to {} for {}; the reason is in sqern why {first}", kind.noun(), versions.join(", ")),
    }
}

/// Reports the reason of an empty plan if no kernel can be built or tested at all.
async fn require_input(kind: RunKind, client: &tokio_postgres::Client) -> Result<(), Failure> {
    let (query, message, hint) = match kind {
        RunKind::Build => ("SELECT EXISTS (SELECT FROM kver_fetched)", "no kernel headers are fetched", "sqern fetch --limit 3"),
        RunKind::Test => (
            "SELECT EXISTS (SELECT FROM sp_build_kver AS k JOIN sp_build AS b ON b.id = k.build_id
             WHERE k.deleted_at = '-infinity' AND b.deleted_at = '-infinity' AND coalesce(k.success, b.success))",
            "no build has succeeded",
            "sqern build plan",
        ),
    };
    let there: bool = client.query_one(query, &[]).await?.get(0);
    if there { Ok(()) } else { Err(Failure::unmet(message).hint(hint)) }
}

/// The result of a run.
#[derive(Debug, Args)]
pub(super) struct FinishArgs {
    /// Run ID, as printed by start
    #[arg(value_parser = super::id)]
    id: i64,
    /// SUCCESS, UNSTABLE, FAILURE, NOT_BUILT or ABORTED (not case-sensitive)
    result: RunResult,
    /// Result of a kernel that differs from RESULT (repeatable)
    #[arg(long = "kernel", value_name = "[DISTRO/]VERSION=RESULT")]
    kernels: Vec<KernelResult>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Finishes a run.
pub(super) async fn finish(kind: RunKind, args: &FinishArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let mut session = context.open().await?;
    let change = sqern_db::change::begin(&mut session.client, &args.change.comment(context)).await?;
    db::finish(&change.transaction, kind, args.id, args.result, &args.kernels).await.map_err(|error| refused(error, kind))?;
    let line = format!("{kind} {}: {}", args.id, args.result);
    report(context, &[line], change.finish(args.change.dry_run).await?, args.change.dry_run)
}

/// Renews the lease of a run.
pub(super) async fn renew(kind: RunKind, id: i64, context: &Context<'_>) -> Result<Exit, Failure> {
    let session = context.open().await?;
    let until = db::renew(&session.client, kind, id).await.map_err(|error| refused(error, kind))?;
    context.printer.note(&format!("lease of {kind} {id} renewed until {}", time(Some(until))));
    Ok(Exit::Done)
}

/// Adds a hint to an error.
fn refused(error: RunError, kind: RunKind) -> Failure {
    match error {
        RunError::Db(error) => Failure::from(error).hint(format!("sqern {kind} list")),
        RunError::Finished { id, .. } => Failure::unmet(error.to_string()).hint(format!("sqern {kind} show {id}")),
        RunError::Kernel { id, .. } => Failure::unmet(error.to_string()).hint(format!("sqern {kind} kernels {id}")),
    }
}
