//! Claims: kernels that nobody else is at, taken so that nobody else takes them.

use std::collections::BTreeSet;
use std::time::Duration;

use sqern_model::{Kernel, RunKind};
use tokio_postgres::Transaction;

use super::plan::{Candidate, PlanFilter, plan};
use crate::{DbError, text};

/// How often those are looked at again that another transaction was at.
const LOOKS: u32 = 50;
/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Takes up to `count` kernels of the plan, its first ones that nobody else is taking; for tests all of one build. They are this
/// transaction's until its end, and whoever starts a run over them in it keeps them. Kernels that another one is taking are passed over,
/// and waited for only when there is nothing else to take: that one may be for another revision, or come to nothing.
///
/// Two who claim at once see the same plan. Each locks rows of it, skipping those that are locked; but one that the other has unlocked at
/// his end a moment ago looks free. So what was locked is compared with a plan that was made after the lock.
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
        candidates.retain(|one| one.build == filter.build);
    }
    for look in 0..LOOKS {
        while claimed.len() < count && !candidates.is_empty() {
            let locked = lock(transaction, kind, &candidates, count - claimed.len()).await?;
            if locked.is_empty() {
                break;
            }
            let (locked, left): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|one| locked.contains(&one.kernel));
            candidates = left;
            // A statement of its own sees all that was committed before the locks were had.
            filter.versions = locked.iter().map(|one| one.kernel.version.clone()).collect();
            let free: BTreeSet<Kernel> = plan(transaction, kind, &filter).await?.into_iter().map(|one| one.kernel).collect();
            claimed.extend(locked.into_iter().filter(|one| free.contains(&one.kernel)));
        }
        // What is left is what others hold.
        if claimed.len() == count || candidates.is_empty() {
            break;
        }
        if look + 1 < LOOKS {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(claimed)
}

/// Locks what stands for a kernel, its headers or the build of it, for the first `most` candidates that no other transaction has locked.
async fn lock(
    transaction: &Transaction<'_>,
    kind: RunKind,
    candidates: &[Candidate],
    most: usize,
) -> Result<BTreeSet<Kernel>, DbError> {
    let distros: Vec<&str> = candidates.iter().map(|one| one.kernel.distro.as_str()).collect();
    let versions: Vec<&str> = candidates.iter().map(|one| one.kernel.version.as_str()).collect();
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = match kind {
        RunKind::Build => {
            let lock = "SELECT f.distro, f.version
                 FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS named (distro, version, place)
                 JOIN kver_fetched AS f ON f.distro = named.distro AND f.version = named.version
                 ORDER BY named.place LIMIT $3 FOR NO KEY UPDATE OF f SKIP LOCKED";
            transaction.query(lock, &[&distros, &versions, &most]).await?
        }
        RunKind::Test => {
            let builds: Vec<Option<i64>> = candidates.iter().map(|one| one.build).collect();
            let lock = "SELECT k.distro, k.version
                 FROM unnest($1::text[], $2::text[], $4::bigint[]) WITH ORDINALITY AS named (distro, version, build_id, place)
                 JOIN sp_build_kver AS k ON k.distro = named.distro AND k.version = named.version AND k.build_id = named.build_id
                     AND k.deleted_at = '-infinity'
                 ORDER BY named.place LIMIT $3 FOR NO KEY UPDATE OF k SKIP LOCKED";
            transaction.query(lock, &[&distros, &versions, &most, &builds]).await?
        }
    };
    rows.iter().map(|row| Ok(Kernel { distro: text::distro(row.get(0))?, version: text::version(row.get(1))? })).collect()
}
