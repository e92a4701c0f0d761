//! What may be shipped: table `sp_available_kver`.

use serde::Serialize;
use sqern_model::{DistroName, Kernel, RunKind, VersionRule};
use tokio_postgres::{GenericClient, Transaction};

use crate::run::PlanFilter;
use crate::{AsOf, DbError, text};

/// Modules of a revision for a kernel, uploaded for a release target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Available {
    /// `sp_available_kver.storpool_revision`.
    pub revision: String,
    /// `sp_available_kver.release_target`.
    pub target: String,
    /// The kernel.
    #[serde(flatten)]
    pub kernel: Kernel,
}

/// Which.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this revision; of all when none.
    pub revision: Option<String>,
    /// For this release target; for all when none.
    pub target: Option<String>,
    /// Of these distributions; of all when empty.
    pub distros: Vec<DistroName>,
}

/// Returns an error with similar names if no build and no available module has the revision or the target, now or earlier.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] for the first name that does not exist.
pub async fn require(client: &impl GenericClient, revision: Option<&str>, target: Option<&str>) -> Result<(), DbError> {
    let columns = [("revision", "storpool_revision", revision), ("release target", "release_target", target)];
    for (what, column, name) in columns {
        let Some(name) = name else { continue };
        let exists = format!(
            "SELECT EXISTS (SELECT FROM sp_build WHERE {column} = $1) OR EXISTS (SELECT FROM sp_available_kver WHERE {column} = $1)"
        );
        if client.query_one(&exists, &[&name]).await?.get(0) {
            continue;
        }
        let all =
            format!("SELECT {column} FROM sp_build WHERE {column} IS NOT NULL UNION SELECT {column} FROM sp_available_kver");
        let rows = client.query(&all, &[]).await?;
        let near = text::nearest(name, rows.iter().map(|row| row.get(0)));
        return Err(DbError::Unknown { what, got: name.to_owned(), near });
    }
    Ok(())
}

/// What is available: by revision, target and distro, the newest kernel first.
pub async fn list(client: &impl GenericClient, filter: &Filter, as_of: &AsOf) -> Result<Vec<Available>, DbError> {
    let distros: Vec<&str> = filter.distros.iter().map(DistroName::as_str).collect();
    let query = as_of.query(include_str!("../queries/available_list.sql"));
    let rows = client.query(&query, &[&filter.revision, &filter.target, &distros]).await?;
    let mut available = Vec::new();
    for row in rows {
        let kernel = Kernel { distro: text::distro(row.get(2))?, version: text::version(row.get(3))? };
        available.push(Available { revision: row.get(0), target: row.get(1), kernel });
    }
    available.sort_by(|a, b| {
        let place = |one: &Available| (one.revision.clone(), one.target.clone(), one.kernel.distro.clone());
        let newest = || VersionRule::of(&a.kernel.distro).cmp(&b.kernel.version, &a.kernel.version);
        place(a).cmp(&place(b)).then_with(newest)
    });
    Ok(available)
}

/// The kernels that a build, or a test run, of the filter's revision and target succeeded for, and that were never taken back for these.
pub async fn ready(client: &impl GenericClient, kind: RunKind, filter: &PlanFilter) -> Result<Vec<Kernel>, DbError> {
    let distros: Vec<&str> = filter.distros.iter().map(DistroName::as_str).collect();
    let PlanFilter { revision, target, profile, flavor, .. } = filter;
    let tested = kind == RunKind::Test;
    let query = include_str!("../queries/available_ready.sql");
    let rows = client.query(query, &[revision, target, profile, &distros, &tested, flavor]).await?;
    rows.iter().map(|row| Ok(Kernel { distro: text::distro(row.get(0))?, version: text::version(row.get(1))? })).collect()
}

/// Records that modules for kernels are available; gives those that were not yet.
pub async fn add(
    transaction: &Transaction<'_>,
    revision: &str,
    target: &str,
    kernels: &[Kernel],
) -> Result<Vec<Kernel>, DbError> {
    change(
        transaction,
        "INSERT INTO sp_available_kver (storpool_revision, release_target, distro, version)
         SELECT $1, $2, named.* FROM unnest($3::text[], $4::text[]) AS named
         ON CONFLICT DO NOTHING RETURNING distro, version",
        (revision, target),
        kernels,
    )
    .await
}

/// Marks as deleted that modules for kernels are available; gives those that were.
pub async fn remove(
    transaction: &Transaction<'_>,
    revision: &str,
    target: &str,
    kernels: &[Kernel],
) -> Result<Vec<Kernel>, DbError> {
    change(
        transaction,
        "UPDATE sp_available_kver AS a SET deleted_at = now()
         FROM unnest($3::text[], $4::text[]) AS named (distro, version)
         WHERE a.storpool_revision = $1 AND a.release_target = $2 AND a.distro = named.distro AND a.version = named.version
           AND a.deleted_at = '-infinity' RETURNING a.distro, a.version",
        (revision, target),
        kernels,
    )
    .await
}

async fn change(
    transaction: &Transaction<'_>,
    statement: &str,
    (revision, target): (&str, &str),
    kernels: &[Kernel],
) -> Result<Vec<Kernel>, DbError> {
    let distros: Vec<&str> = kernels.iter().map(|kernel| kernel.distro.as_str()).collect();
    let versions: Vec<&str> = kernels.iter().map(|kernel| kernel.version.as_str()).collect();
    let rows = transaction.query(statement, &[&revision, &target, &distros, &versions]).await?;
    rows.iter().map(|row| Ok(Kernel { distro: text::distro(row.get(0))?, version: text::version(row.get(1))? })).collect()
}
