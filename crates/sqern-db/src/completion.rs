//! Values for the completion of command lines.

use crate::decode::query;
use crate::{DbError, SqlClient};

/// A kind of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Distributions.
    Distro,
    /// Kernel versions, or `DISTRO/VERSION` after a slash was typed.
    Kernel,
    /// Clusters of customers.
    Cluster,
    /// Build IDs, the newest first.
    Build,
    /// Test run IDs, the newest first.
    Test,
    /// Release targets.
    Target,
    /// Revisions.
    Revision,
}

impl ValueKind {
    /// Returns the query. Its parameter is the prefix, and its columns are the value and its
    /// description.
    fn query(self) -> &'static str {
        match self {
            Self::Distro => "SELECT name, variant FROM distro WHERE starts_with(name, $1) ORDER BY name",
            Self::Kernel => {
                "SELECT version, string_agg(distro, ' ') FROM kver WHERE starts_with(version, $1) GROUP BY version
                 UNION ALL
                 SELECT distro || '/' || version, NULL FROM kver
                 WHERE position('/' IN $1) > 0 AND distro = split_part($1, '/', 1) AND starts_with(distro || '/' || version, $1)
                 ORDER BY 1 LIMIT 200"
            }
            Self::Cluster => {
                "SELECT c.name, t.name FROM cust_cluster AS c JOIN cust_cluster_type AS t ON t.id = c.cltype
                 WHERE c.deleted_at = '-infinity' AND starts_with(c.name, $1) ORDER BY c.name LIMIT 200"
            }
            Self::Build => {
                "SELECT id::text, concat_ws(' ', coalesce(upper(result), 'running'), storpool_revision, release_target)
                 FROM sp_build WHERE deleted_at = '-infinity' AND starts_with(id::text, $1) ORDER BY id DESC LIMIT 50"
            }
            Self::Test => {
                "SELECT t.id::text, concat_ws(' ', coalesce(upper(r.result), 'running'), t.test_flavor, 'build ' || t.build_id)
                 FROM sp_test AS t LEFT JOIN sp_test_result AS r ON r.test_id = t.id AND r.deleted_at = '-infinity'
                 WHERE t.deleted_at = '-infinity' AND starts_with(t.id::text, $1) ORDER BY t.id DESC LIMIT 50"
            }
            Self::Target => {
                "SELECT release_target, NULL FROM
                 (SELECT release_target FROM sp_build UNION SELECT release_target FROM sp_available_kver) AS targets
                 WHERE starts_with(release_target, $1) ORDER BY 1"
            }
            Self::Revision => {
                "SELECT storpool_revision, NULL FROM
                 (SELECT storpool_revision, id FROM sp_build UNION ALL SELECT storpool_revision, 0 FROM sp_available_kver) AS revisions
                 WHERE starts_with(storpool_revision, $1) GROUP BY 1 ORDER BY max(id) DESC LIMIT 50"
            }
        }
    }
}

/// Returns the values that start with a prefix, each with a description if there is one.
///
/// # Errors
///
/// Returns an error if the query fails.
pub async fn values(
    client: &impl SqlClient,
    kind: ValueKind,
    prefix: &str,
) -> Result<Vec<(String, Option<String>)>, DbError> {
    let rows = query(client, kind.query(), &[&prefix]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}
