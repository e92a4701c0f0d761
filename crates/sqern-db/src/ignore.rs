//! Patterns of ignored kernel versions: table `kver_ignore`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{DistroName, KernelName, KernelVersion, LikePattern};
use tokio_postgres::Row;

use crate::decode::{FromRow, column, execute, query_rows, query_values};
use crate::suggest::similar_names;
use crate::{AsOf, DbError, SqlClient, Subject, distro};

/// A pattern of ignored versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ignore {
    /// The distribution of the versions.
    pub distro: DistroName,
    /// The pattern in the syntax of LIKE.
    pub pattern: String,
    /// The equivalent shell glob.
    pub glob: String,
    /// The reason for the pattern.
    pub reason: Option<String>,
    /// The number of recorded versions that match.
    pub matches: i64,
    /// The time at which the pattern was marked as deleted; null while it is live.
    pub deleted_at: Option<Timestamp>,
}

impl FromRow for Ignore {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let pattern: String = column(row, "pattern")?;
        Ok(Self {
            distro: column(row, "distro")?,
            glob: LikePattern::from_database(&pattern).to_glob().to_string(),
            pattern,
            reason: column(row, "comment")?,
            matches: column(row, "matches")?,
            deleted_at: column(row, "deleted_at")?,
        })
    }
}

/// Returns the patterns of these distributions, or of all if `distros` is empty; with `deleted`
/// also the deleted patterns. With `kernels`, only those that match one of these kernels.
pub async fn list(
    client: &impl SqlClient,
    distros: &[DistroName],
    kernels: &[KernelName],
    deleted: bool,
    as_of: &AsOf,
) -> Result<Vec<Ignore>, DbError> {
    let of_kernels: Vec<Option<&DistroName>> =
        kernels.iter().map(|name| name.distro.as_ref()).collect();
    query_rows(
        client,
        &as_of.query(include_str!("../queries/ignore_list.sql")),
        &[
            &KernelName::searched_distros(kernels, distros),
            &deleted,
            &of_kernels,
            &KernelName::versions(kernels),
        ],
    )
    .await
}

/// Returns the wanted versions of a distribution that a pattern matches, which the pattern would
/// make ignored.
pub async fn preview(
    client: &impl SqlClient,
    distro: &DistroName,
    pattern: &LikePattern,
) -> Result<Vec<KernelVersion>, DbError> {
    let query = "SELECT version FROM kver_not_ignored WHERE distro = $1 AND version LIKE $2 ORDER BY version";
    query_values(client, query, &[distro, &pattern.as_str()]).await
}

/// Stores a pattern, and returns whether no such live pattern existed.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] if the distribution does not exist.
pub async fn add(
    client: &impl SqlClient,
    distro: &DistroName,
    pattern: &LikePattern,
    comment: Option<&str>,
) -> Result<bool, DbError> {
    distro::require(client, std::slice::from_ref(distro), &AsOf::Now).await?;
    let insert = "INSERT INTO kver_ignore (distro, pattern, comment) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let added = execute(client, insert, &[distro, &pattern.as_str(), &comment]).await?;
    Ok(added > 0)
}

/// Marks a live pattern as deleted.
///
/// # Errors
///
/// Returns [`DbError::Unknown`] with similar patterns if the distribution has no such live pattern.
pub async fn remove(
    client: &impl SqlClient,
    distro: &DistroName,
    pattern: &LikePattern,
) -> Result<(), DbError> {
    distro::require(client, std::slice::from_ref(distro), &AsOf::Now).await?;
    // The time of the clock, because one transaction can add and remove a pattern twice, and
    // deleted_at is part of the unique key.
    let delete = "UPDATE kver_ignore SET deleted_at = clock_timestamp() WHERE distro = $1 AND pattern = $2 AND deleted_at = '-infinity'";
    let removed = execute(client, delete, &[distro, &pattern.as_str()]).await?;
    if removed == 0 {
        let live = list(client, std::slice::from_ref(distro), &[], false, &AsOf::Now).await?;
        let glob = pattern.to_glob().to_string();
        let near = similar_names(&glob, live.iter().map(|ignore| ignore.glob.as_str()));
        return Err(DbError::Unknown {
            subject: Subject::Pattern,
            got: glob,
            near,
        });
    }
    Ok(())
}
