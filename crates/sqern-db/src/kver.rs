//! The kernel versions: tables `kver`, `kver_seen`, `kver_fetched` and the view `kver_not_ignored`.

use jiff::Timestamp;
use serde::Serialize;
use sqern_model::{DistroName, Kernel, KernelVersion, VersionRule};
use tokio_postgres::{GenericClient, Row};

use crate::{AsOf, DbError, text};

/// One kernel version and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kver {
    /// The kernel.
    #[serde(flatten)]
    pub kernel: Kernel,
    /// When it was first seen upstream.
    pub seen_at: Option<Timestamp>,
    /// When its headers were fetched.
    pub fetched_at: Option<Timestamp>,
    /// Whether it matches a live ignore pattern.
    pub ignored: bool,
    /// Whether it is no longer taken into consideration.
    pub archived: bool,
}

/// One package of a kernel version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KverPackage {
    /// The source that lists it.
    pub source: String,
    /// `headers` or `support`.
    pub role: String,
    /// The package's name.
    pub name: String,
    /// The package's version.
    pub package_version: String,
    /// The package's architecture.
    pub architecture: String,
    /// Where to fetch it.
    pub url: String,
    /// Its size in bytes.
    pub size_bytes: i64,
    /// Its SHA-256 in hexadecimal.
    pub checksum: String,
    /// When the source first listed it.
    pub first_seen_at: Timestamp,
    /// When the source no longer listed it.
    pub gone_at: Option<Timestamp>,
}

/// Which kernel versions to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of these distributions; of all when empty.
    pub distros: Vec<DistroName>,
    /// Of these versions; of all when empty.
    pub versions: Vec<KernelVersion>,
    /// Whose version matches this LIKE pattern.
    pub like: Option<String>,
    /// Also the ignored and the archived ones.
    pub unwanted: bool,
}

/// The kernel versions that `filter` lets through, by distro, newest first.
pub async fn list(client: &impl GenericClient, filter: &Filter, as_of: &AsOf) -> Result<Vec<Kver>, DbError> {
    let distros: Vec<&str> = filter.distros.iter().map(DistroName::as_str).collect();
    let versions: Vec<&str> = filter.versions.iter().map(KernelVersion::as_str).collect();
    let query = as_of.query(include_str!("../queries/kver_list.sql"));
    let rows = client.query(&query, &[&distros, &filter.like, &filter.unwanted, &versions]).await?;
    let mut kernels = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    kernels.sort_by(|a, b| {
        let newest = || VersionRule::of(&a.kernel.distro).cmp(&b.kernel.version, &a.kernel.version);
        a.kernel.distro.cmp(&b.kernel.distro).then_with(newest)
    });
    Ok(kernels)
}

/// Returns the kernels of this version, of all distributions if `distros` is empty.
///
/// # Errors
/// Returns [`DbError::Unknown`] with similar versions if there is none.
pub async fn find(client: &impl GenericClient, version: &KernelVersion, distros: &[DistroName]) -> Result<Vec<Kver>, DbError> {
    let filter = Filter { distros: distros.to_vec(), versions: vec![version.clone()], like: None, unwanted: true };
    let found = list(client, &filter, &AsOf::Now).await?;
    if found.is_empty() { Err(unknown(client, version, distros).await?) } else { Ok(found) }
}

/// Returns the error for a version that does not exist, with similar versions of these distributions.
async fn unknown(client: &impl GenericClient, version: &KernelVersion, distros: &[DistroName]) -> Result<DbError, DbError> {
    let filter = Filter { distros: distros.to_vec(), unwanted: true, ..Filter::default() };
    let all = list(client, &filter, &AsOf::Now).await?;
    let near = text::nearest(version.as_str(), all.iter().map(|kver| kver.kernel.version.as_str()));
    Ok(DbError::Unknown { what: "kernel version", got: version.to_string(), near })
}

/// The packages of a kernel version: those still listed first.
pub async fn packages(client: &impl GenericClient, kernel: &Kernel) -> Result<Vec<KverPackage>, DbError> {
    let rows =
        client.query(include_str!("../queries/kver_packages.sql"), &[&kernel.distro.as_str(), &kernel.version.as_str()]).await?;
    Ok(rows
        .iter()
        .map(|row| KverPackage {
            source: row.get(0),
            role: row.get(1),
            name: row.get(2),
            package_version: row.get(3),
            architecture: row.get(4),
            url: row.get(5),
            size_bytes: row.get(6),
            checksum: row.get(7),
            first_seen_at: row.get(8),
            gone_at: row.get(9),
        })
        .collect())
}

/// Records versions that are not there yet and returns those that were added.
pub async fn add(client: &impl GenericClient, distro: &DistroName, versions: &[KernelVersion]) -> Result<Vec<String>, DbError> {
    crate::distro::get(client, distro).await?;
    let versions: Vec<&str> = versions.iter().map(KernelVersion::as_str).collect();
    let rows = client
        .query(
            "INSERT INTO kver (distro, version) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING RETURNING version",
            &[&distro.as_str(), &versions],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Sets `archived` of versions that must all be known, and returns those that it was not set for before.
pub async fn set_archived(
    client: &impl GenericClient,
    distro: &DistroName,
    versions: &[KernelVersion],
    archived: bool,
) -> Result<Vec<String>, DbError> {
    crate::distro::get(client, distro).await?;
    // Without versions, the filter below would match all kernels.
    if versions.is_empty() {
        return Ok(vec![]);
    }
    let distros = std::slice::from_ref(distro);
    let filter = Filter { distros: distros.to_vec(), versions: versions.to_vec(), like: None, unwanted: true };
    let known = list(client, &filter, &AsOf::Now).await?;
    if let Some(missing) = versions.iter().find(|version| !known.iter().any(|kver| kver.kernel.version == **version)) {
        return Err(unknown(client, missing, distros).await?);
    }
    let versions: Vec<&str> = versions.iter().map(KernelVersion::as_str).collect();
    let rows = client
        .query(
            "UPDATE kver SET archived = $3 WHERE distro = $1 AND version = ANY ($2) AND archived <> $3 RETURNING version",
            &[&distro.as_str(), &versions, &archived],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn from_row(row: &Row) -> Result<Kver, DbError> {
    Ok(Kver {
        kernel: Kernel { distro: text::distro(row.get(0))?, version: text::version(row.get(1))? },
        seen_at: row.get(2),
        fetched_at: row.get(3),
        ignored: row.get(4),
        archived: row.get(5),
    })
}
