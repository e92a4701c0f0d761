//! Kernel versions: tables `kver`, `kver_seen`, `kver_fetched` and `kver_package`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{DistroName, Kernel, KernelName, KernelVersion, PackageRole, newest_first};
use tokio_postgres::Transaction;

use crate::decode::{execute, from_row, query_optional_value, query_rows, query_values};
use crate::suggest::similar_names;
use crate::{AsOf, DbError, SqlClient, Subject, distro};

/// A kernel version and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Kver {
    /// The distribution and version.
    #[serde(flatten)]
    pub kernel: Kernel,
    /// The time at which a repository first contained the kernel.
    pub seen_at: Option<Timestamp>,
    /// The time at which the headers were fetched.
    pub fetched_at: Option<Timestamp>,
    /// Whether the version matches a live ignore pattern.
    pub ignored: bool,
    /// Whether the kernel is archived.
    pub archived: bool,
}

from_row!(Kver { ..kernel, seen_at, fetched_at, ignored, archived });

/// A package of a kernel version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KverPackage {
    /// The source that lists the package.
    pub source: String,
    /// The role of the package for the kernel.
    pub role: PackageRole,
    /// The name of the package.
    pub name: String,
    /// The version of the package.
    pub package_version: String,
    /// The architecture of the package.
    pub architecture: String,
    /// The URL of the package.
    pub url: String,
    /// The size of the package in bytes.
    pub size_bytes: i64,
    /// The SHA-256 in hexadecimal, or another checksum as `ALGORITHM:DIGITS`.
    pub checksum: String,
    /// The time at which the source first listed the package.
    pub first_seen_at: Timestamp,
    /// The time at which the source no longer listed the package; null while it is listed.
    pub gone_at: Option<Timestamp>,
    /// The fingerprint of the OpenPGP certificate whose key signed the metadata that last listed the
    /// package, or `apt`; null if no signature was verified.
    pub verified_by: Option<String>,
}

from_row!(KverPackage {
    source,
    role,
    name,
    package_version,
    architecture,
    url,
    size_bytes,
    checksum,
    first_seen_at,
    gone_at,
    verified_by
});

/// The selection of kernel versions.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// The distributions; all if empty.
    pub distros: Vec<DistroName>,
    /// The versions; all if empty.
    pub versions: Vec<KernelVersion>,
    /// A LIKE pattern that the version must match.
    pub like: Option<String>,
    /// Whether to select also ignored and archived versions.
    pub unwanted: bool,
    /// The time after which a repository first contained the kernel; all kernels if none.
    pub seen_since: Option<Timestamp>,
}

/// Returns the kernel versions that match `filter` by distribution, newest first.
pub async fn list(
    client: &impl SqlClient,
    filter: &Filter,
    as_of: &AsOf,
) -> Result<Vec<Kver>, DbError> {
    let query = as_of.query(include_str!("../queries/kver_list.sql"));
    let Filter {
        distros,
        versions,
        like,
        unwanted,
        seen_since,
    } = filter;
    let mut kernels: Vec<Kver> = query_rows(
        client,
        &query,
        &[distros, like, unwanted, versions, seen_since],
    )
    .await?;
    kernels.sort_by(|a, b| newest_first(&a.kernel, &b.kernel));
    Ok(kernels)
}

/// Returns the kernels with this version, of all distributions if `distros` is empty.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] with similar versions if there is none.
pub async fn find(
    client: &impl SqlClient,
    version: &KernelVersion,
    distros: &[DistroName],
) -> Result<Vec<Kver>, DbError> {
    let filter = Filter {
        distros: distros.to_vec(),
        versions: vec![version.clone()],
        unwanted: true,
        ..Filter::default()
    };
    let found = list(client, &filter, &AsOf::Now).await?;
    if found.is_empty() {
        Err(unknown(client, version, distros).await?)
    } else {
        Ok(found)
    }
}

/// Checks that the distributions exist, and that the kernels exist in them or in the distribution
/// of their name.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] with similar names for the first one that does not exist.
pub async fn require(
    client: &impl SqlClient,
    distros: &[DistroName],
    names: &[KernelName],
    as_of: &AsOf,
) -> Result<(), DbError> {
    distro::require(client, distros, as_of).await?;
    for name in names {
        find(client, &name.version, &name.distros(distros)).await?;
    }
    Ok(())
}

/// Returns the error for a version that does not exist, with similar versions of these
/// distributions.
async fn unknown(
    client: &impl SqlClient,
    version: &KernelVersion,
    distros: &[DistroName],
) -> Result<DbError, DbError> {
    let query = "SELECT DISTINCT version FROM kver WHERE $1::text[] = '{}' OR distro = ANY ($1)";
    let existing: Vec<KernelVersion> = query_values(client, query, &[&distros]).await?;
    let near = similar_names(version.as_str(), existing.iter().map(KernelVersion::as_str));
    Ok(DbError::Unknown {
        subject: Subject::KernelVersion,
        got: version.to_string(),
        near,
    })
}

/// Returns the packages of a kernel version, first those that are still listed.
///
/// As of a generation before the journal of `kver_package` began, the packages are those with which
/// it began. Packages and losses with a later time are omitted.
pub async fn packages(
    client: &impl SqlClient,
    kernel: &Kernel,
    as_of: &AsOf,
) -> Result<Vec<KverPackage>, DbError> {
    let query = as_of.query(include_str!("../queries/kver_packages.sql"));
    let until = if as_of.is_before_journal_of(client, "kver_package").await? {
        as_of.time()
    } else {
        None
    };
    query_rows(client, &query, &[&kernel.distro, &kernel.version, &until]).await
}

/// Locks the kernel versions against other writers until the end of the transaction. They must not
/// change between the computation of a difference and its application.
///
/// # Errors
///
/// Returns an error that names the other session if it holds a lock for more than 30 seconds.
pub async fn lock(transaction: &Transaction<'_>) -> Result<(), DbError> {
    execute(transaction, "SELECT lock_table('public.kver')", &[]).await?;
    Ok(())
}

/// Records the versions that do not exist, and returns them.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] if the distribution does not exist.
pub async fn add(
    client: &impl SqlClient,
    distro: &DistroName,
    versions: &[KernelVersion],
) -> Result<Vec<KernelVersion>, DbError> {
    distro::require(client, std::slice::from_ref(distro), &AsOf::Now).await?;
    let insert = "INSERT INTO kver (distro, version) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING RETURNING version";
    query_values(client, insert, &[distro, &versions]).await
}

/// Sets the field `archived` of versions, and returns the versions that changed.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] and changes nothing if the distribution or a version does not
/// exist.
pub async fn set_archived(
    client: &impl SqlClient,
    distro: &DistroName,
    versions: &[KernelVersion],
    archived: bool,
) -> Result<Vec<KernelVersion>, DbError> {
    let distros = std::slice::from_ref(distro);
    distro::require(client, distros, &AsOf::Now).await?;
    let query =
        "SELECT named.version FROM unnest($2::text[]) WITH ORDINALITY AS named (version, position)
         WHERE NOT EXISTS (SELECT FROM kver WHERE kver.distro = $1 AND kver.version = named.version)
         ORDER BY named.position LIMIT 1";
    if let Some(missing) = query_optional_value(client, query, &[distro, &versions]).await? {
        return Err(unknown(client, &missing, distros).await?);
    }
    let update = "UPDATE kver SET archived = $3 WHERE distro = $1 AND version = ANY ($2) AND archived <> $3 RETURNING version";
    query_values(client, update, &[distro, &versions, &archived]).await
}
