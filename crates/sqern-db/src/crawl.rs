//! What crawls find: tables `crawl` and `kver_package`, and by them `kver` and `kver_seen`.

mod memory;

use jiff::Timestamp;
use sqern_model::upstream::{Known, KnownPackage, PackageKey, UpstreamDiff};
use sqern_model::{Crawl, DistroName, KernelPackage, KernelVersion, PackageRole};
use tokio_postgres::{GenericClient, Transaction};

pub use memory::{Incomplete, LastCrawl, incomplete, last, memory};

use crate::{DbError, text};

/// The advisory lock that one recording crawl of a database holds: "crawl" in ASCII.
const CRAWL_LOCK: i64 = 0x63_72_61_77_6c;

/// Lets one crawl at a time be recorded: what is known must not change between the comparison and its application.
pub async fn lock(transaction: &Transaction<'_>) -> Result<(), DbError> {
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&CRAWL_LOCK]).await?;
    Ok(())
}

/// What the database knows of a distribution's upstream.
pub async fn known(client: &impl GenericClient, distro: &DistroName) -> Result<Known, DbError> {
    let mut known = Known::default();
    let kernels = client
        .query(
            "SELECT kver.version, kver_seen.version IS NOT NULL FROM kver LEFT JOIN kver_seen USING (distro, version) WHERE kver.distro = $1",
            &[&distro.as_str()],
        )
        .await?;
    for row in kernels {
        let version = text::version(row.get(0))?;
        if row.get(1) {
            known.seen.insert(version.clone());
        }
        known.kernels.insert(version);
    }
    let packages = client
        .query(
            "SELECT source, version, name, package_version, architecture, checksum, id, url, role, gone_at IS NOT NULL
             FROM kver_package WHERE distro = $1",
            &[&distro.as_str()],
        )
        .await?;
    for row in packages {
        let key = PackageKey {
            kernel: text::version(row.get(1))?,
            name: row.get(2),
            version: row.get(3),
            architecture: row.get(4),
            checksum: row.get(5),
        };
        let record = KnownPackage { id: row.get(6), url: row.get(7), role: role(row.get(8))?, gone: row.get(9) };
        known.packages.entry(row.get(0)).or_default().insert(key, record);
    }
    Ok(known)
}

/// Applies a difference, and remembers what its crawls kept. Times of what came and went, and of the check, are `now`.
pub async fn apply(
    transaction: &Transaction<'_>,
    distro: &DistroName,
    diff: &UpstreamDiff,
    now: Timestamp,
    generation: i64,
) -> Result<(), DbError> {
    let new_kernels: Vec<&str> = diff.new_kernels.iter().map(KernelVersion::as_str).collect();
    let newly_seen: Vec<&str> = diff.newly_seen.iter().map(KernelVersion::as_str).collect();
    transaction
        .execute("INSERT INTO kver (distro, version) SELECT $1, unnest($2::text[])", &[&distro.as_str(), &new_kernels])
        .await?;
    transaction
        .execute(
            "INSERT INTO kver_seen (distro, version, tstamp) SELECT $1, unnest($2::text[]), $3",
            &[&distro.as_str(), &newly_seen, &now],
        )
        .await?;
    insert_packages(transaction, distro, &diff.new_packages, now).await?;
    update_packages(transaction, &diff.changed_packages).await?;
    transaction.execute("UPDATE kver_package SET gone_at = $2 WHERE id = ANY ($1)", &[&diff.gone_packages, &now]).await?;
    let changed = !diff.new_kernels.is_empty() || !diff.newly_seen.is_empty();
    for (crawl, kernels) in &diff.crawls {
        insert_crawl(transaction, crawl, *kernels, now, changed.then_some(generation)).await?;
        if let Some(kept) = &crawl.kept {
            memory::keep(transaction, distro, &crawl.source, kept).await?;
        }
    }
    Ok(())
}

async fn insert_packages(
    transaction: &Transaction<'_>,
    distro: &DistroName,
    packages: &[(String, KernelPackage)],
    now: Timestamp,
) -> Result<(), DbError> {
    let column = |of: fn(&KernelPackage) -> &str| -> Vec<&str> { packages.iter().map(|(_, package)| of(package)).collect() };
    let sources: Vec<&str> = packages.iter().map(|(source, _)| source.as_str()).collect();
    let sizes = packages.iter().map(|(_, package)| size(package)).collect::<Result<Vec<i64>, _>>()?;
    transaction
        .execute(
            include_str!("../queries/kver_package_insert.sql"),
            &[
                &distro.as_str(),
                &now,
                &sources,
                &column(|package| package.kernel.as_str()),
                &column(|package| package.role.as_str()),
                &column(|package| &package.name),
                &column(|package| &package.version),
                &column(|package| &package.architecture),
                &column(|package| &package.url),
                &sizes,
                &column(|package| &package.checksum),
            ],
        )
        .await?;
    Ok(())
}

async fn update_packages(transaction: &Transaction<'_>, packages: &[(i64, KernelPackage)]) -> Result<(), DbError> {
    let ids: Vec<i64> = packages.iter().map(|(id, _)| *id).collect();
    let urls: Vec<&str> = packages.iter().map(|(_, package)| package.url.as_str()).collect();
    let roles: Vec<&str> = packages.iter().map(|(_, package)| package.role.as_str()).collect();
    transaction
        .execute(
            "UPDATE kver_package SET url = changed.url, role = changed.role, gone_at = NULL
             FROM unnest($1::bigint[], $2::text[], $3::text[]) AS changed (id, url, role)
             WHERE kver_package.id = changed.id",
            &[&ids, &urls, &roles],
        )
        .await?;
    Ok(())
}

async fn insert_crawl(
    transaction: &Transaction<'_>,
    crawl: &Crawl,
    kernels: usize,
    checked_at: Timestamp,
    generation: Option<i64>,
) -> Result<(), DbError> {
    let bytes = i64::try_from(crawl.bytes).unwrap_or(i64::MAX);
    let kernels = i32::try_from(kernels).unwrap_or(i32::MAX);
    transaction
        .execute(
            include_str!("../queries/crawl_insert.sql"),
            &[
                &crawl.distro.as_str(),
                &crawl.source,
                &crawl.started_at,
                &crawl.finished_at,
                &crawl.state.as_str(),
                &crawl.reason,
                &crawl.warnings,
                &crawl.url,
                &crawl.etag,
                &crawl.checksum,
                &bytes,
                &kernels,
                &generation,
                &crawl.dated_at,
                &checked_at,
            ],
        )
        .await?;
    Ok(())
}

fn size(package: &KernelPackage) -> Result<i64, DbError> {
    i64::try_from(package.size_bytes).map_err(|_| DbError::Unexpected {
        expected: "a size below 8 EiB",
        place: "the size of a package",
        got: package.size_bytes.to_string(),
    })
}

pub(crate) fn role(text: &str) -> Result<PackageRole, DbError> {
    match text {
        "headers" => Ok(PackageRole::Headers),
        "support" => Ok(PackageRole::Support),
        _ => Err(DbError::Unexpected { expected: "headers or support", place: "kver_package.role", got: text.to_owned() }),
    }
}
