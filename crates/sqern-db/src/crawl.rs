//! Crawls of upstream sources: tables `crawl`, `kver_package`, `kver` and `kver_seen`.

mod cache;

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqern_model::upstream::{Known, KnownPackage, ListedPackage, PackageKey, UpstreamDiff};
use sqern_model::{Crawl, DistroName, KernelPackage, KernelVersion, PackageRole};
use tokio_postgres::{Row, Transaction};

pub use cache::{
    Incomplete, LastCheck, LastCrawl, cache, incomplete, last, last_checks, never_checked,
};

use crate::decode::{
    FromRow, column, execute, from_row, query, query_optional_value, query_rows, unexpected,
};
use crate::{DbError, SqlClient};

/// Returns an error if the role cannot record crawls. Only members of `sqern_crawler` can: `sqern fetch`
/// executes Makefiles of recorded packages.
///
/// # Errors
///
/// Returns [`DbError::NotCrawler`] if the role is not a member of `sqern_crawler`.
pub async fn require_crawler(client: &impl SqlClient) -> Result<(), DbError> {
    let query = "SELECT current_user::text WHERE NOT has_table_privilege('public.crawl', 'UPDATE')";
    match query_optional_value(client, query, &[]).await? {
        Some(role) => Err(DbError::NotCrawler { role }),
        None => Ok(()),
    }
}

struct KnownKernel {
    version: KernelVersion,
    is_seen: bool,
}

from_row!(KnownKernel { version, is_seen });

impl FromRow for (PackageKey, KnownPackage) {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let key = PackageKey {
            kernel: column(row, "version")?,
            name: column(row, "name")?,
            version: column(row, "package_version")?,
            architecture: column(row, "architecture")?,
            checksum: column(row, "checksum")?,
        };
        let package = KnownPackage {
            id: column(row, "id")?,
            url: column(row, "url")?,
            role: column(row, "role")?,
            gone: column(row, "gone")?,
            verified_by: column(row, "verified_by")?,
        };
        Ok((key, package))
    }
}

/// Returns the recorded kernels and packages of a distribution.
pub async fn known(client: &impl SqlClient, distro: &DistroName) -> Result<Known, DbError> {
    let mut known = Known::default();
    let kernels = "SELECT kver.version, kver_seen.version IS NOT NULL AS is_seen
         FROM kver LEFT JOIN kver_seen USING (distro, version) WHERE kver.distro = $1";
    for KnownKernel { version, is_seen } in query_rows(client, kernels, &[distro]).await? {
        if is_seen {
            known.seen.insert(version.clone());
        }
        known.kernels.insert(version);
    }
    let packages =
        "SELECT source, version, name, package_version, architecture, checksum, id, url, role, gone_at IS NOT NULL AS gone, verified_by
         FROM kver_package WHERE distro = $1";
    for row in query(client, packages, &[distro]).await? {
        let (key, package) = FromRow::from_row(&row)?;
        known
            .packages
            .entry(column(&row, "source")?)
            .or_default()
            .insert(key, package);
    }
    Ok(known)
}

/// Applies a difference, and stores the cached metadata of its crawls. `now` is the time of the
/// check, and the time at which packages and kernels appeared or disappeared.
pub async fn apply(
    transaction: &Transaction<'_>,
    distro: &DistroName,
    diff: &UpstreamDiff,
    now: Timestamp,
    generation: i64,
) -> Result<(), DbError> {
    let new_kernels: Vec<&KernelVersion> = diff.new_kernels.iter().collect();
    let newly_seen: Vec<&KernelVersion> = diff.newly_seen.iter().collect();
    execute(
        transaction,
        "INSERT INTO kver (distro, version) SELECT $1, unnest($2::text[])",
        &[distro, &new_kernels],
    )
    .await?;
    execute(
        transaction,
        "INSERT INTO kver_seen (distro, version, tstamp) SELECT $1, unnest($2::text[]), $3",
        &[distro, &newly_seen, &now],
    )
    .await?;
    insert_packages(transaction, distro, &diff.new_packages, now).await?;
    update_packages(transaction, &diff.changed_packages).await?;
    execute(
        transaction,
        "UPDATE kver_package SET gone_at = $2 WHERE id = ANY ($1)",
        &[&diff.gone_packages, &now],
    )
    .await?;
    let changed = !diff.new_kernels.is_empty() || !diff.newly_seen.is_empty();
    for (crawl, kernels) in &diff.crawls {
        insert_crawl(
            transaction,
            crawl,
            *kernels,
            now,
            changed.then_some(generation),
        )
        .await?;
        if let Some(metadata) = &crawl.kept {
            cache::store(transaction, distro, &crawl.source, metadata).await?;
        }
    }
    Ok(())
}

async fn insert_packages(
    transaction: &Transaction<'_>,
    distro: &DistroName,
    listed: &[ListedPackage],
    now: Timestamp,
) -> Result<(), DbError> {
    let texts = |field: fn(&KernelPackage) -> &str| -> Vec<&str> {
        listed.iter().map(|listed| field(&listed.package)).collect()
    };
    let sources: Vec<&str> = listed.iter().map(|listed| listed.source.as_str()).collect();
    let kernels: Vec<&KernelVersion> = listed.iter().map(|listed| &listed.package.kernel).collect();
    let roles: Vec<PackageRole> = listed.iter().map(|listed| listed.package.role).collect();
    let sizes = listed
        .iter()
        .map(|listed| size_bytes(&listed.package))
        .collect::<Result<Vec<i64>, _>>()?;
    execute(
        transaction,
        include_str!("../queries/kver_package_insert.sql"),
        &[
            distro,
            &now,
            &sources,
            &kernels,
            &roles,
            &texts(|package| &package.name),
            &texts(|package| &package.version),
            &texts(|package| &package.architecture),
            &texts(|package| &package.url),
            &sizes,
            &texts(|package| &package.checksum),
            &signers(listed),
        ],
    )
    .await?;
    Ok(())
}

async fn update_packages(
    transaction: &Transaction<'_>,
    changed: &BTreeMap<i64, ListedPackage>,
) -> Result<(), DbError> {
    let ids: Vec<i64> = changed.keys().copied().collect();
    let listed = || changed.values();
    let urls: Vec<&str> = listed().map(|listed| listed.package.url.as_str()).collect();
    let roles: Vec<PackageRole> = listed().map(|listed| listed.package.role).collect();
    execute(
        transaction,
        "UPDATE kver_package SET url = changed.url, role = changed.role, gone_at = NULL, verified_by = changed.verified_by
             FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS changed (id, url, role, verified_by)
             WHERE kver_package.id = changed.id",
        &[&ids, &urls, &roles, &signers(listed())],
    )
    .await?;
    Ok(())
}

/// Returns the signer of the metadata that lists each package.
fn signers<'a>(listed: impl IntoIterator<Item = &'a ListedPackage>) -> Vec<Option<&'a str>> {
    listed
        .into_iter()
        .map(|listed| listed.verified_by.as_deref())
        .collect()
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
    execute(
        transaction,
        include_str!("../queries/crawl_insert.sql"),
        &[
            &crawl.distro,
            &crawl.source,
            &crawl.started_at,
            &crawl.finished_at,
            &crawl.state,
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
            &crawl.verified_by,
        ],
    )
    .await?;
    Ok(())
}

fn size_bytes(package: &KernelPackage) -> Result<i64, DbError> {
    i64::try_from(package.size_bytes).map_err(|_| {
        unexpected(
            "size_bytes",
            format!("expected a size below 8 EiB, found {}", package.size_bytes),
        )
    })
}
