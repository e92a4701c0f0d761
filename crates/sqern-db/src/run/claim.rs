//! Claims: kernels of the plan that are locked for a new run.

use std::collections::BTreeSet;
use std::time::Duration;

use sqern_model::{Kernel, RunKind};
use tokio_postgres::Transaction;

use super::plan::{Candidate, PlanFilter, RunSelection, first_candidates, plan};
use crate::DbError;
use crate::decode::query_rows;
use crate::kernel::kernel_arrays;
use crate::parameter::Parameters;

/// The maximum number of attempts to lock candidates that other transactions have locked.
const ATTEMPTS: u32 = 50;
/// The number of candidates that are read in addition to twice the number to claim. Other transactions
/// might have locked the first ones.
const SPARE: i64 = 64;

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
    let mut limit = i64::try_from(count)
        .ok()
        .and_then(|count| count.checked_mul(2)?.checked_add(SPARE));
    let mut candidates = first_candidates(transaction, kind, filter, limit).await?;
    if limit.is_some_and(|limit| i64::try_from(candidates.len()).is_ok_and(|found| found != limit))
    {
        limit = None;
    }
    let mut filter = filter.clone();
    if kind == RunKind::Test {
        filter.build = candidates.first().and_then(|first| first.build);
        candidates.retain(|candidate| candidate.build == filter.build);
    }
    let mut claimed: Vec<Candidate> = Vec::new();
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
            let planned = still_planned(transaction, kind, &filter, &locked).await?;
            claimed.extend(
                locked
                    .into_iter()
                    .filter(|candidate| planned.contains(&candidate.kernel)),
            );
        }
        if claimed.len() == count {
            break;
        }
        if limit.take().is_some() {
            candidates = plan(transaction, kind, &filter).await?;
            let is_claimed = |candidate: &Candidate| {
                claimed
                    .iter()
                    .any(|claimed| claimed.kernel == candidate.kernel)
            };
            candidates.retain(|candidate| !is_claimed(candidate));
            continue;
        }
        if candidates.is_empty() {
            break;
        }
        // The remaining candidates are locked by other transactions.
        if attempt < ATTEMPTS {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(claimed)
}

/// Returns those of the locked kernels that are still in the plan.
///
/// A separate statement has a newer snapshot, which contains all commits from before the lock.
async fn still_planned(
    transaction: &Transaction<'_>,
    kind: RunKind,
    filter: &PlanFilter,
    locked: &[Candidate],
) -> Result<BTreeSet<Kernel>, DbError> {
    let RunSelection {
        revision,
        target,
        profile,
        ..
    } = &filter.selection;
    if kind == RunKind::Build && !filter.again && !filter.selection.untried {
        let (distros, versions) = kernel_arrays(locked.iter().map(|candidate| &candidate.kernel));
        let query = include_str!("../../queries/build_free.sql");
        let values: Parameters<'_> = &[revision, target, profile, &distros, &versions];
        let free: Vec<Kernel> = query_rows(transaction, query, values).await?;
        return Ok(free.into_iter().collect());
    }
    let mut filter = filter.clone();
    filter.selection.kernels = locked
        .iter()
        .map(|candidate| candidate.kernel.clone().into())
        .collect();
    let planned = plan(transaction, kind, &filter).await?;
    Ok(planned
        .into_iter()
        .map(|candidate| candidate.kernel)
        .collect())
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
