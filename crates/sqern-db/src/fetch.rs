//! Kernels whose headers must be fetched, and fetched headers: table `kver_fetched`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use sqern_model::upstream::ListedPackage;
use sqern_model::{DistroName, Kernel, KernelName, KernelPackage, Package, newest_first};
use tokio_postgres::{Row, Transaction};

use crate::decode::{FromRow, column, execute, from_row, query, query_rows, unsigned};
use crate::kernel::kernel_arrays;
use crate::{DbError, SqlClient};

/// A kernel whose headers must be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchCandidate {
    /// The kernel to fetch.
    pub kernel: Kernel,
    /// The number of customer hosts that run the kernel.
    pub hosts_running: i64,
    /// The number of customer hosts on which the kernel is installed.
    pub hosts_installed: i64,
    /// Whether the kernel was fetched, and its source published another headers package under the same
    /// name since then.
    pub is_republished: bool,
    /// The packages of the kernel, of any source; see [`add_packages`].
    pub packages: Vec<ListedPackage>,
}

impl FromRow for FetchCandidate {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            kernel: Kernel::from_row(row)?,
            hosts_running: column(row, "hosts_running")?,
            hosts_installed: column(row, "hosts_installed")?,
            is_republished: column(row, "is_republished")?,
            packages: vec![],
        })
    }
}

/// The origin of the packages of a source: the root metadata of its last complete crawl.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The URL of the root metadata.
    pub url: String,
    /// The creation time in the root metadata.
    pub dated_at: Option<Timestamp>,
}

from_row!(Provenance { url, dated_at });

/// Returns the wanted kernels that were seen and not fetched, or were published again: first the
/// kernels with the most hosts that run them, then those with the most hosts on which they are
/// installed, then the newest.
pub async fn candidates(
    client: &impl SqlClient,
    distros: &[DistroName],
    names: &[KernelName],
) -> Result<Vec<FetchCandidate>, DbError> {
    let query = include_str!("../queries/fetch_wanted.sql");
    let mut candidates: Vec<FetchCandidate> = query_rows(
        client,
        query,
        &[
            &KernelName::searched_distros(names, distros),
            &KernelName::versions(names),
        ],
    )
    .await?;
    candidates.retain(|candidate| KernelName::select(names, distros, &candidate.kernel));
    candidates.sort_by(|a, b| {
        let hosts = (b.hosts_running, b.hosts_installed).cmp(&(a.hosts_running, a.hosts_installed));
        hosts.then_with(|| newest_first(&a.kernel, &b.kernel))
    });
    Ok(candidates)
}

impl FromRow for ListedPackage {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            source: column(row, "source")?,
            verified_by: column(row, "verified_by")?,
            package: KernelPackage::from_row(row)?,
        })
    }
}

impl FromRow for KernelPackage {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            kernel: column(row, "version")?,
            role: column(row, "role")?,
            package: Arc::new(Package {
                name: column(row, "name")?,
                version: column(row, "package_version")?,
                architecture: column(row, "architecture")?,
                url: column(row, "url")?,
                size_bytes: unsigned(row, "size_bytes")?,
                checksum: column(row, "checksum")?,
            }),
        })
    }
}

/// Adds the listed packages to each candidate.
pub async fn add_packages(
    client: &impl SqlClient,
    candidates: &mut [FetchCandidate],
) -> Result<(), DbError> {
    let (distros, versions) = kernel_arrays(candidates.iter().map(|candidate| &candidate.kernel));
    let rows = query(
        client,
        include_str!("../queries/fetch_packages.sql"),
        &[&distros, &versions],
    )
    .await?;
    let mut packages: BTreeMap<Kernel, Vec<ListedPackage>> = BTreeMap::new();
    for row in &rows {
        let kernel = Kernel::from_row(row)?;
        let listed = ListedPackage::from_row(row)?;
        packages.entry(kernel).or_default().push(listed);
    }
    for candidate in candidates {
        candidate.packages = packages.remove(&candidate.kernel).unwrap_or_default();
    }
    Ok(())
}

/// Returns the provenance of the packages of a distribution by the name of the source.
pub async fn provenance(
    client: &impl SqlClient,
    distro: &DistroName,
) -> Result<BTreeMap<String, Provenance>, DbError> {
    let rows = query(
        client,
        include_str!("../queries/fetch_provenance.sql"),
        &[distro],
    )
    .await?;
    rows.iter()
        .map(|row| Ok((column(row, "source")?, Provenance::from_row(row)?)))
        .collect()
}

/// Records kernels as fetched at `now`, and returns the kernels that were not recorded before or were
/// fetched again.
pub async fn record(
    transaction: &Transaction<'_>,
    kernels: &[Kernel],
    now: Timestamp,
) -> Result<Vec<Kernel>, DbError> {
    let (distros, versions) = kernel_arrays(kernels);
    let insert = "INSERT INTO kver_fetched (distro, version, tstamp)
         SELECT fetched.*, $3 FROM unnest($1::text[], $2::text[]) AS fetched
         ON CONFLICT (distro, version) DO UPDATE SET tstamp = EXCLUDED.tstamp WHERE kver_fetched.tstamp < EXCLUDED.tstamp
         RETURNING distro, version";
    query_rows(transaction, insert, &[&distros, &versions, &now]).await
}

/// Returns the kernels that are recorded as fetched with the time of the record.
pub async fn fetched(client: &impl SqlClient) -> Result<BTreeMap<Kernel, Timestamp>, DbError> {
    let rows = query(
        client,
        "SELECT distro, version, tstamp FROM kver_fetched",
        &[],
    )
    .await?;
    rows.iter()
        .map(|row| Ok((Kernel::from_row(row)?, column(row, "tstamp")?)))
        .collect()
}

/// Deletes the records that kernels are fetched, and returns their number.
pub async fn forget(transaction: &Transaction<'_>, kernels: &[Kernel]) -> Result<u64, DbError> {
    let (distros, versions) = kernel_arrays(kernels);
    let deleted = execute(
        transaction,
        "DELETE FROM kver_fetched USING unnest($1::text[], $2::text[]) AS gone (distro, version)
             WHERE kver_fetched.distro = gone.distro AND kver_fetched.version = gone.version",
        &[&distros, &versions],
    )
    .await?;
    Ok(deleted)
}
