//! The patterns of kernel versions that are not wanted: table `kver_ignore`.

use jiff::Timestamp;
use serde::Serialize;
use sqern_model::{DistroName, LikePattern};
use tokio_postgres::GenericClient;

use crate::{AsOf, DbError, text};

/// One record of `kver_ignore`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ignore {
    /// The distribution whose versions it is about.
    pub distro: DistroName,
    /// The pattern as LIKE takes it.
    pub pattern: String,
    /// The same as a shell glob.
    pub glob: String,
    /// Why these are not wanted.
    pub reason: Option<String>,
    /// How many known versions it matches.
    pub matches: i64,
    /// When the record was marked as deleted; null while it is live.
    pub deleted_at: Option<Timestamp>,
}

/// The patterns of these distributions (all when empty), with the deleted ones on request.
pub async fn list(
    client: &impl GenericClient,
    distros: &[DistroName],
    deleted: bool,
    as_of: &AsOf,
) -> Result<Vec<Ignore>, DbError> {
    let distros: Vec<&str> = distros.iter().map(DistroName::as_str).collect();
    let rows = client.query(&as_of.query(include_str!("../queries/ignore_list.sql")), &[&distros, &deleted]).await?;
    rows.iter()
        .map(|row| {
            let pattern: String = row.get(1);
            Ok(Ignore {
                distro: text::distro(row.get(0))?,
                glob: LikePattern::from_database(&pattern).to_glob().to_string(),
                pattern,
                reason: row.get(2),
                matches: row.get(3),
                deleted_at: row.get(4),
            })
        })
        .collect()
}

/// The known versions of a distribution that a pattern matches and that are wanted so far: what storing it would hide.
pub async fn preview(client: &impl GenericClient, distro: &DistroName, pattern: &LikePattern) -> Result<Vec<String>, DbError> {
    let rows = client
        .query(
            "SELECT version FROM kver_not_ignored WHERE distro = $1 AND version LIKE $2 ORDER BY version",
            &[&distro.as_str(), &pattern.as_str()],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Stores a pattern; `false` when it is live already.
pub async fn add(
    client: &impl GenericClient,
    distro: &DistroName,
    pattern: &LikePattern,
    comment: Option<&str>,
) -> Result<bool, DbError> {
    crate::distro::get(client, distro).await?;
    let added = client
        .execute(
            "INSERT INTO kver_ignore (distro, pattern, comment) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            &[&distro.as_str(), &pattern.as_str(), &comment],
        )
        .await?;
    Ok(added > 0)
}

/// Marks a live pattern as deleted; an error that names its likes when there is none.
pub async fn remove(client: &impl GenericClient, distro: &DistroName, pattern: &LikePattern) -> Result<(), DbError> {
    crate::distro::get(client, distro).await?;
    // The clock's time, not the transaction's: a pattern may come and go twice in one transaction.
    let removed = client
        .execute(
            "UPDATE kver_ignore SET deleted_at = clock_timestamp() WHERE distro = $1 AND pattern = $2 AND deleted_at = '-infinity'",
            &[&distro.as_str(), &pattern.as_str()],
        )
        .await?;
    if removed == 0 {
        let live = list(client, std::slice::from_ref(distro), false, &AsOf::Now).await?;
        let glob = pattern.to_glob().to_string();
        let near = text::nearest(&glob, live.iter().map(|ignore| ignore.glob.as_str()));
        return Err(DbError::Unknown { what: "pattern", got: glob, near });
    }
    Ok(())
}
