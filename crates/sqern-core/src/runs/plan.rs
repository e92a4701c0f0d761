//! Plans: the kernels to build or test.

use sqern_db::kver::{self, Kver};
use sqern_db::run::{self as db, Candidate, PlanFilter};
use sqern_db::snapshot;
use sqern_db::{AsOf, SqlClient, distro};
use sqern_model::{KernelName, RunKind};
use tokio_postgres::{Client, Transaction};

use super::{NotReadyReason, RunSelection, RunSpec};
use crate::read_model::{self, StaleReason};
use crate::{Error, Progress};

/// Returns the kernels to build or test, most important first.
///
/// # Errors
///
/// Returns [`Error::NoInput`] if no kernel can be built or tested at all, [`Error::NotReady`] if a
/// selected kernel cannot be built or tested, and an error of the database if a selected object
/// does not exist.
pub async fn plan(
    client: &mut Client,
    spec: &RunSpec,
    selection: &RunSelection,
    progress: &impl Progress<StaleReason>,
) -> Result<Vec<Candidate>, Error> {
    let transaction = match spec {
        RunSpec::Build(_) if selection.kernels.is_empty() => {
            read_model::snapshot(client, None, progress).await?
        }
        _ => snapshot(client).await?,
    };
    require(&transaction, spec, selection).await?;
    let candidates = db::plan(&transaction, spec.kind(), &spec.filter(selection)).await?;
    transaction.commit().await?;
    if candidates.is_empty() {
        require_input(client, spec.kind()).await?;
    }
    Ok(candidates)
}

/// Checks the names of existing objects: the distributions, the tested build, and the kernels,
/// which can be built or tested.
///
/// # Errors
///
/// Returns an error with similar names if an object does not exist, or with the reason if a kernel
/// cannot be built or tested.
pub(super) async fn require(
    transaction: &Transaction<'_>,
    spec: &RunSpec,
    selection: &RunSelection,
) -> Result<(), Error> {
    distro::require(transaction, &selection.distros, &AsOf::Now).await?;
    if let Some(build) = spec.tested_build() {
        db::get(transaction, RunKind::Build, build)
            .await
            .map_err(|error| Error::run(RunKind::Build, error))?;
    }
    let mut named = Vec::new();
    for name in &selection.kernels {
        let distros = name.distros(&selection.distros);
        named.push((
            name,
            kver::find(transaction, &name.version, &distros).await?,
        ));
    }
    if named.is_empty() {
        return Ok(());
    }
    let kind = spec.kind();
    let mut filter = PlanFilter {
        again: true,
        ..spec.filter(selection)
    };
    filter.selection.untried = false;
    let ready = db::plan(transaction, kind, &filter).await?;
    let is_ready = |name: &KernelName| {
        ready
            .iter()
            .any(|candidate| name.matches(&candidate.kernel))
    };
    match named.into_iter().find(|(name, _)| !is_ready(name)) {
        None => Ok(()),
        Some((name, kernels)) => Err(Error::NotReady {
            kind,
            kernel: name.clone(),
            reason: reason(spec, &kernels),
        }),
    }
}

/// Returns the reason why none of these kernels can be built or tested.
fn reason(spec: &RunSpec, kernels: &[Kver]) -> NotReadyReason {
    if kernels.iter().all(|kernel| kernel.archived) {
        NotReadyReason::Archived
    } else if kernels
        .iter()
        .all(|kernel| kernel.archived || kernel.ignored)
    {
        NotReadyReason::Ignored
    } else {
        match spec {
            RunSpec::Build(_) => NotReadyReason::NotFetched,
            RunSpec::Test(test) => NotReadyReason::NotBuilt { build: test.build },
        }
    }
}

/// Returns an error if no kernel can be built or tested at all.
pub(super) async fn require_input(client: &impl SqlClient, kind: RunKind) -> Result<(), Error> {
    let has_input = db::has_input(client, kind).await?;
    if has_input {
        Ok(())
    } else {
        Err(Error::NoInput { kind })
    }
}
