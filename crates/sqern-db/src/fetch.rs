//! Which kernels' headers are to be fetched, and which were: table `kver_fetched`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqern_model::{DistroName, Kernel, KernelPackage, KernelVersion, VersionRule};
use tokio_postgres::{GenericClient, Transaction};

use crate::{DbError, crawl, text};

/// A kernel whose headers are to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The kernel.
    pub kernel: Kernel,
    /// How many of customers' hosts run it.
    pub hosts_running: i64,
    /// How many have it installed.
    pub hosts: i64,
    /// Its packages, each with the source that lists it.
    pub packages: Vec<(String, KernelPackage)>,
}

/// What vouches for the packages of a source: its top at the last crawl that was whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vouched {
    /// The URL of the signed top.
    pub url: String,
    /// The crawl's own checksum, over the top and the rules.
    pub checksum: Option<String>,
    /// When the top says that it was made.
    pub dated_at: Option<Timestamp>,
    /// When it was last read.
    pub crawled_at: Timestamp,
}

/// The kernels that were seen, are wanted and not fetched: those that customers run first, then those that they have, then the newest.
pub async fn wanted(
    client: &impl GenericClient,
    distros: &[DistroName],
    versions: &[KernelVersion],
) -> Result<Vec<Wanted>, DbError> {
    let names: Vec<&str> = distros.iter().map(DistroName::as_str).collect();
    let asked: Vec<&str> = versions.iter().map(KernelVersion::as_str).collect();
    let mut wanted = Vec::new();
    for row in client.query(include_str!("../queries/fetch_wanted.sql"), &[&names, &asked]).await? {
        let kernel = Kernel { distro: text::distro(row.get(0))?, version: text::version(row.get(1))? };
        wanted.push(Wanted { kernel, hosts_running: row.get(2), hosts: row.get(3), packages: Vec::new() });
    }
    wanted.sort_by(|a, b| {
        let hosts = (b.hosts_running, b.hosts).cmp(&(a.hosts_running, a.hosts));
        let newest = || VersionRule::of(&a.kernel.distro).cmp(&b.kernel.version, &a.kernel.version);
        hosts.then_with(|| a.kernel.distro.cmp(&b.kernel.distro)).then_with(newest)
    });
    Ok(wanted)
}

/// Adds their packages to kernels.
pub async fn add_packages(client: &impl GenericClient, wanted: &mut [Wanted]) -> Result<(), DbError> {
    let distros: Vec<&str> = wanted.iter().map(|one| one.kernel.distro.as_str()).collect();
    let versions: Vec<&str> = wanted.iter().map(|one| one.kernel.version.as_str()).collect();
    let rows = client.query(include_str!("../queries/fetch_packages.sql"), &[&distros, &versions]).await?;
    let mut packages: BTreeMap<Kernel, Vec<(String, KernelPackage)>> = BTreeMap::new();
    for row in rows {
        let kernel = Kernel { distro: text::distro(row.get(0))?, version: text::version(row.get(1))? };
        let size: i64 = row.get(8);
        let package = KernelPackage {
            kernel: kernel.version.clone(),
            role: crawl::role(row.get(3))?,
            name: row.get(4),
            version: row.get(5),
            architecture: row.get(6),
            url: row.get(7),
            size_bytes: u64::try_from(size).map_err(|_| DbError::Unexpected {
                expected: "a size of at least 0",
                place: "kver_package.size_bytes",
                got: size.to_string(),
            })?,
            checksum: row.get(9),
        };
        packages.entry(kernel).or_default().push((row.get(2), package));
    }
    for one in wanted {
        one.packages = packages.remove(&one.kernel).unwrap_or_default();
    }
    Ok(())
}

/// What vouches for the packages of a distribution's sources, by the source's name.
pub async fn vouched(client: &impl GenericClient, distro: &DistroName) -> Result<BTreeMap<String, Vouched>, DbError> {
    let rows = client.query(include_str!("../queries/fetch_vouched.sql"), &[&distro.as_str()]).await?;
    let read = |row: &tokio_postgres::Row| {
        let vouched = Vouched { url: row.get(1), checksum: row.get(2), dated_at: row.get(3), crawled_at: row.get(4) };
        (row.get(0), vouched)
    };
    Ok(rows.iter().map(read).collect())
}

/// Records kernels as fetched at `now`; those that are already stay as they are. Gives those that were added.
pub async fn record(transaction: &Transaction<'_>, kernels: &[Kernel], now: Timestamp) -> Result<Vec<Kernel>, DbError> {
    let distros: Vec<&str> = kernels.iter().map(|kernel| kernel.distro.as_str()).collect();
    let versions: Vec<&str> = kernels.iter().map(|kernel| kernel.version.as_str()).collect();
    let rows = transaction
        .query(
            "INSERT INTO kver_fetched (distro, version, tstamp)
             SELECT fetched.*, $3 FROM unnest($1::text[], $2::text[]) AS fetched
             ON CONFLICT (distro, version) DO NOTHING RETURNING distro, version",
            &[&distros, &versions, &now],
        )
        .await?;
    rows.iter().map(|row| Ok(Kernel { distro: text::distro(row.get(0))?, version: text::version(row.get(1))? })).collect()
}

/// The kernels that are recorded as fetched, and when.
pub async fn fetched(client: &impl GenericClient) -> Result<BTreeMap<Kernel, Timestamp>, DbError> {
    let rows = client.query("SELECT distro, version, tstamp FROM kver_fetched", &[]).await?;
    rows.iter()
        .map(|row| Ok((Kernel { distro: text::distro(row.get(0))?, version: text::version(row.get(1))? }, row.get(2))))
        .collect()
}

/// Takes back that kernels were fetched. Gives how many were recorded so.
pub async fn forget(transaction: &Transaction<'_>, kernels: &[Kernel]) -> Result<u64, DbError> {
    let distros: Vec<&str> = kernels.iter().map(|kernel| kernel.distro.as_str()).collect();
    let versions: Vec<&str> = kernels.iter().map(|kernel| kernel.version.as_str()).collect();
    let forgotten = transaction
        .execute(
            "DELETE FROM kver_fetched USING unnest($1::text[], $2::text[]) AS gone (distro, version)
             WHERE kver_fetched.distro = gone.distro AND kver_fetched.version = gone.version",
            &[&distros, &versions],
        )
        .await?;
    Ok(forgotten)
}
