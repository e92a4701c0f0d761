//! Available modules: table `sp_available_kver`.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{DistroName, Kernel, KernelName, RunKind, newest_first};
use tokio_postgres::Transaction;

use crate::decode::{from_row, query_rows, query_value, query_values};
use crate::kernel::kernel_arrays;
use crate::run::RunSelection;
use crate::suggest::similar_names;
use crate::{AsOf, DbError, SqlClient, Subject};

/// Available modules of a revision for a kernel.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Available {
    /// The revision of the modules: `storpool_revision`.
    pub revision: String,
    /// The release target of the modules: `release_target`.
    pub target: String,
    /// The kernel that the modules were built for.
    #[serde(flatten)]
    pub kernel: Kernel,
}

from_row!(Available { ..kernel, revision = "storpool_revision", target = "release_target" });

/// The selection of available modules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The revision; all if none.
    pub revision: Option<String>,
    /// The release target; all if none.
    pub target: Option<String>,
    /// The distributions; all if empty.
    pub distros: Vec<DistroName>,
    /// The names of the kernels; all if empty.
    pub kernels: Vec<KernelName>,
}

/// Returns an error with similar names if no build and no available module has the revision or the
/// target, now or earlier.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] for the first name that does not exist.
pub async fn require(
    client: &impl SqlClient,
    revision: Option<&str>,
    target: Option<&str>,
) -> Result<(), DbError> {
    let columns = [
        (Subject::Revision, "storpool_revision", revision),
        (Subject::ReleaseTarget, "release_target", target),
    ];
    for (subject, column, name) in columns {
        let Some(name) = name else { continue };
        let exists = format!(
            "SELECT EXISTS (SELECT FROM sp_build WHERE {column} = $1) OR EXISTS (SELECT FROM sp_available_kver WHERE {column} = $1)"
        );
        if query_value(client, &exists, &[&name]).await? {
            continue;
        }
        let all = format!(
            "SELECT {column} FROM sp_build WHERE {column} IS NOT NULL UNION SELECT {column} FROM sp_available_kver"
        );
        let names: Vec<String> = query_values(client, &all, &[]).await?;
        let near = similar_names(name, names.iter().map(String::as_str));
        return Err(DbError::Unknown {
            subject,
            got: name.to_owned(),
            near,
        });
    }
    Ok(())
}

/// Returns the available modules by revision, target and distribution, the newest kernel first.
pub async fn list(
    client: &impl SqlClient,
    filter: &Filter,
    as_of: &AsOf,
) -> Result<Vec<Available>, DbError> {
    let query = as_of.query(include_str!("../queries/available_list.sql"));
    let mut available: Vec<Available> = query_rows(
        client,
        &query,
        &[
            &filter.revision,
            &filter.target,
            &KernelName::searched_distros(&filter.kernels, &filter.distros),
        ],
    )
    .await?;
    available.retain(|module| KernelName::select(&filter.kernels, &filter.distros, &module.kernel));
    available.sort_by(|a, b| {
        (&a.revision, &a.target)
            .cmp(&(&b.revision, &b.target))
            .then_with(|| newest_first(&a.kernel, &b.kernel))
    });
    Ok(available)
}

/// The kernels with a successful build or test run, for which modules can be made available or
/// withdrawn.
#[derive(Debug, Clone, Copy)]
pub struct Succeeded<'a> {
    /// Whether a test run is required.
    pub kind: RunKind,
    /// The revision, target, profile and distributions of the builds.
    pub selection: &'a RunSelection,
    /// The flavor of the test runs; all if none.
    pub flavor: Option<&'a str>,
    /// Whether to omit unwanted kernels, and kernels whose modules were withdrawn.
    pub only_addable: bool,
}

/// Returns the kernels with a successful build or test run.
pub async fn succeeded(
    client: &impl SqlClient,
    succeeded: Succeeded<'_>,
) -> Result<Vec<Kernel>, DbError> {
    let Succeeded {
        kind,
        selection,
        flavor,
        only_addable,
    } = succeeded;
    let RunSelection {
        revision,
        target,
        profile,
        distros,
        ..
    } = selection;
    let tested = kind == RunKind::Test;
    let query = include_str!("../queries/available_succeeded.sql");
    query_rows(
        client,
        query,
        &[
            revision,
            target,
            profile,
            distros,
            &tested,
            &flavor,
            &only_addable,
        ],
    )
    .await
}

/// Marks the modules for kernels as available, and returns the kernels whose modules were not
/// available before.
pub async fn add(
    transaction: &Transaction<'_>,
    revision: &str,
    target: &str,
    kernels: &[Kernel],
) -> Result<Vec<Kernel>, DbError> {
    let (distros, versions) = kernel_arrays(kernels);
    let insert =
        "INSERT INTO sp_available_kver (storpool_revision, release_target, distro, version)
         SELECT $1, $2, named.* FROM unnest($3::text[], $4::text[]) AS named
         ON CONFLICT DO NOTHING RETURNING distro, version";
    query_rows(
        transaction,
        insert,
        &[&revision, &target, &distros, &versions],
    )
    .await
}

/// Marks the rows of available modules for kernels as deleted, and returns the kernels whose
/// modules were available before.
pub async fn remove(
    transaction: &Transaction<'_>,
    revision: &str,
    target: &str,
    kernels: &[Kernel],
) -> Result<Vec<Kernel>, DbError> {
    let (distros, versions) = kernel_arrays(kernels);
    let update = "UPDATE sp_available_kver AS a SET deleted_at = now()
         FROM unnest($3::text[], $4::text[]) AS named (distro, version)
         WHERE a.storpool_revision = $1 AND a.release_target = $2 AND a.distro = named.distro AND a.version = named.version
           AND a.deleted_at = '-infinity' RETURNING a.distro, a.version";
    query_rows(
        transaction,
        update,
        &[&revision, &target, &distros, &versions],
    )
    .await
}
