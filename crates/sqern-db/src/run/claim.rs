//! Claims: kernels of the plan that are locked for a new run.

use std::collections::BTreeSet;
use std::time::Duration;

use sqern_model::{Kernel, RunKind};
use tokio_postgres::Transaction;

use super::plan::{Candidate, PlanFilter, plan};
use crate::DbError;
use crate::decode::query_rows;
use crate::kernel::kernel_arrays;

/// The maximum number of attempts to lock candidates that other transactions have locked.
const ATTEMPTS: u32 = 50;
/// The time between 2 attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Locks up to `count` kernels until the end of the transaction, and returns them. A run that this
/// transaction starts with them then holds them.
///
/// The kernels are the first unlocked ones of the plan, and all candidates of a test belong to the
/// same build. Kernels that another transaction has locked are skipped. If no other kernel is left,
/// this function waits for them: the other transaction might start a run of another revision, or
/// roll back.
///
/// Concurrent claims compute the same plan. A kernel is unlocked after another claim has committed,
/// although the plan from before the commit still contains it. The plan is therefore computed again
/// after the lock, and only kernels of the second plan are claimed.
pub async fn claim(
    transaction: &Transaction<'_>,
    kind: RunKind,
    filter: &PlanFilter,
    count: usize,
) -> Result<Vec<Candidate>, DbError> {
    let mut claimed: Vec<Candidate> = Vec::new();
    let mut candidates = plan(transaction, kind, filter).await?;
    let mut filter = filter.clone();
    if kind == RunKind::Test {
        filter.build = candidates.first().and_then(|first| first.build);
        candidates.retain(|candidate| candidate.build == filter.build);
    }
    for attempt in 1..=ATTEMPTS {
        while claimed.len() < count && !candidates.is_empty() {
            let locked = lock(transaction, kind, &candidates, count - claimed.len()).await?;
            if locked.is_empty() {
                break;
            }
            let (locked, unlocked): (Vec<_>, Vec<_>) = candidates
                .into_iter()
                .partition(|candidate| locked.contains(&candidate.kernel));
            candidates = unlocked;
            // A separate statement has a newer snapshot, which contains all commits from before the
            // lock.
            filter.selection.kernels = locked
                .iter()
                .map(|candidate| candidate.kernel.clone().into())
                .collect();
            let planned = plan(transaction, kind, &filter).await?;
            let free: BTreeSet<Kernel> = planned
                .into_iter()
                .map(|candidate| candidate.kernel)
                .collect();
            claimed.extend(
                locked
                    .into_iter()
                    .filter(|candidate| free.contains(&candidate.kernel)),
            );
        }
        // The remaining candidates are locked by other transactions.
        if claimed.len() == count || candidates.is_empty() {
            break;
        }
        if attempt < ATTEMPTS {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(claimed)
}

/// Locks the first `limit` candidates that no other transaction has locked, and returns their
/// kernels. The locked row is that of the fetched headers, or that of the kernel in the build to
/// test.
async fn lock(
    transaction: &Transaction<'_>,
    kind: RunKind,
    candidates: &[Candidate],
    limit: usize,
) -> Result<BTreeSet<Kernel>, DbError> {
    let (distros, versions) = kernel_arrays(candidates.iter().map(|candidate| &candidate.kernel));
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let kernels: Vec<Kernel> = match kind {
        RunKind::Build => {
            let lock = "SELECT f.distro, f.version
                 FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS named (distro, version, position)
                 JOIN kver_fetched AS f ON f.distro = named.distro AND f.version = named.version
                 ORDER BY named.position LIMIT $3 FOR NO KEY UPDATE OF f SKIP LOCKED";
            query_rows(transaction, lock, &[&distros, &versions, &limit]).await?
        }
        RunKind::Test => {
            let builds: Vec<Option<i64>> =
                candidates.iter().map(|candidate| candidate.build).collect();
            let lock = "SELECT k.distro, k.version
                 FROM unnest($1::text[], $2::text[], $4::bigint[]) WITH ORDINALITY AS named (distro, version, build_id, position)
                 JOIN sp_build_kver AS k ON k.distro = named.distro AND k.version = named.version AND k.build_id = named.build_id
                     AND k.deleted_at = '-infinity'
                 ORDER BY named.position LIMIT $3 FOR NO KEY UPDATE OF k SKIP LOCKED";
            query_rows(transaction, lock, &[&distros, &versions, &limit, &builds]).await?
        }
    };
    Ok(kernels.into_iter().collect())
}
