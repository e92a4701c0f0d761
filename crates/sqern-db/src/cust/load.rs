//! Loads a customer report: inserts it into temporary tables, compares them with the recorded rows,
//! and applies the differences.
//!
//! 1. [`create_tables`] and [`insert_rows`] fill `cust_report`. The report must have been read to its end before, so that a slow sender
//!    holds no lock and no generation.
//! 2. [`compare`] takes the lock for loads, and writes the differences to `cust_cluster_diff` and `cust_host_diff`.
//! 3. [`apply`] applies the differences.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{DistroName, KernelVersion, Shrink};
use tokio_postgres::{Row, Transaction};

use crate::decode::{
    FromRow, column, execute, from_row, query_optional, query_row, query_rows, query_value,
};
use crate::text_enum::text_enum;
use crate::{DbError, kver};

/// The temporary tables of a load, which exist until the end of the transaction.
///
/// `cust_report` has a row for each kernel of a host. The first row of a host also has its location
/// in the report (`line`, `record`). A row with `name` and `cltype` describes a cluster and can
/// follow the rows of its hosts, which have the same number in `cluster`.
pub const TABLES: &str = "
CREATE TEMPORARY TABLE cust_report (
    line bigint, record bigint, cluster integer NOT NULL, cltype integer, current boolean, host text, distro text, version text, name text
) ON COMMIT DROP;
CREATE TEMPORARY TABLE cust_report_cluster (cluster integer PRIMARY KEY, first integer, name text, cltype integer, line bigint) ON COMMIT DROP;
CREATE TEMPORARY TABLE cust_cluster_diff (name text, was integer, was_live boolean, becomes integer) ON COMMIT DROP;
CREATE TEMPORARY TABLE cust_host_diff (
    id bigint, cluster_name text, host_name text, distro text, version text, was boolean, becomes boolean
) ON COMMIT DROP;";

/// The memory of a join of a load before it uses temporary files.
const WORK_MEMORY: &str = "SET LOCAL work_mem = '64MB'";

/// The location of a cluster or host in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number of the line, from 1.
    pub line: i64,
    /// The number of the host in the report, from 1; none for a cluster.
    pub record: Option<i64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        self.record
            .map_or(Ok(()), |record| write!(f, " (record {record})"))
    }
}

/// The error of comparing a report with the database.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The database reported an error.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The report contains no clusters.
    #[error("report contains no clusters")]
    Empty,
    /// The report contains a cluster twice.
    #[error("cluster {name:?} is listed twice, at {0} and at {1}", places[0], places[1])]
    ClusterTwice {
        /// The name of the cluster.
        name: String,
        /// Its first two locations.
        places: [Place; 2],
    },
    /// The parts of a cluster have different types.
    #[error("cluster {name:?} has conflicting types: type {} at {}, type {} at {}", types[0], places[0], types[1], places[1])]
    TwoTypes {
        /// The name of the cluster.
        name: String,
        /// The numbers of the types.
        types: [i32; 2],
        /// The locations of the types.
        places: [Place; 2],
    },
    /// The report contains a host twice.
    #[error("host {host:?} of cluster {cluster:?} is listed twice, at {} and at {}", places[0], places[1])]
    HostTwice {
        /// The name of the cluster.
        cluster: String,
        /// The name of the host.
        host: String,
        /// Its first and last location.
        places: [Place; 2],
    },
}

impl From<tokio_postgres::Error> for CompareError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Db(error.into())
    }
}

/// The number of new, changed, restored and removed objects of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    /// The number of objects that were not recorded before.
    pub added: i64,
    /// The number of recorded objects that change.
    pub changed: i64,
    /// The number of objects that are marked as deleted, and become live again.
    pub brought_back: i64,
    /// The number of live objects that are marked as deleted.
    pub removed: i64,
}

/// The number of changes of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// The changes of clusters.
    pub clusters: Counts,
    /// The changes of hosts. A restored host counts as new.
    pub hosts: Counts,
    /// The changes of kernels on hosts. A kernel changes if the host starts or stops running it.
    pub host_kernels: Counts,
    /// The number of kernels that `kver` does not contain.
    pub new_kernels: i64,
    /// The share of live clusters that are removed. Live clusters are only counted if at least one
    /// is removed.
    #[serde(skip)]
    pub cluster_shrink: Shrink,
    /// The share of live hosts that are removed, among the hosts of the clusters that the report
    /// covers.
    #[serde(skip)]
    pub host_shrink: Shrink,
}

impl FromRow for Totals {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        let clusters = Counts {
            added: column(row, "clusters_added")?,
            changed: column(row, "clusters_changed")?,
            brought_back: column(row, "clusters_restored")?,
            removed: column(row, "clusters_removed")?,
        };
        let hosts = Counts {
            added: column(row, "hosts_added")?,
            changed: column(row, "hosts_changed")?,
            brought_back: 0,
            removed: column(row, "hosts_removed")?,
        };
        let host_kernels = Counts {
            added: column(row, "kernels_added")?,
            changed: column(row, "kernels_changed")?,
            brought_back: 0,
            removed: column(row, "kernels_removed")?,
        };
        Ok(Self {
            clusters,
            hosts,
            host_kernels,
            new_kernels: column(row, "new_kernels")?,
            cluster_shrink: Shrink {
                live: column(row, "live_clusters")?,
                removed: clusters.removed,
            },
            host_shrink: Shrink {
                live: column(row, "live_hosts")?,
                removed: hosts.removed,
            },
        })
    }
}

text_enum! {
    /// The kind of a change, as the sign of a line of output.
    Sign:
    /// The object is new or restored.
    Added = "+",
    /// A recorded object changes.
    Changed = "~",
    /// The object is removed.
    Removed = "-",
}

/// A change of a cluster, a kernel or a kernel on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Change {
    /// The kind of the change.
    pub sign: Sign,
    /// The cluster; null for a kernel that is new to `kver`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The host; null for a change of a cluster or of `kver`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The distribution of the kernel; null for a change of a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distro: Option<DistroName>,
    /// The version of the kernel; null for a change of a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<KernelVersion>,
    /// The old cluster type, or `running` or `installed` for a kernel on a host; null for a new
    /// object.
    pub was: Option<String>,
    /// The new value of the same kind; null for a removed object.
    pub becomes: Option<String>,
    /// Whether a cluster is restored that was marked as deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub brought_back: bool,
}

from_row!(Change { sign, cluster, host, distro, version, was, becomes, brought_back = "back" });

/// A row of `cust_report`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportRow<'a> {
    /// The line of a cluster or of the first row of a host.
    pub line: Option<i64>,
    /// The number of the host, in its first row.
    pub record: Option<i64>,
    /// The number of the cluster.
    pub cluster: i32,
    /// The type of a cluster.
    pub cltype: Option<i32>,
    /// Whether the host runs the kernel.
    pub current: Option<bool>,
    /// The name of the host.
    pub host: Option<&'a str>,
    /// The distribution of the kernel.
    pub distro: Option<&'a str>,
    /// The version of the kernel.
    pub version: Option<&'a str>,
    /// The name of a cluster.
    pub name: Option<&'a str>,
}

/// Creates the temporary tables.
pub async fn create_tables(transaction: &Transaction<'_>) -> Result<(), DbError> {
    Ok(transaction.batch_execute(TABLES).await?)
}

/// Inserts rows into `cust_report`.
pub async fn insert_rows(
    transaction: &Transaction<'_>,
    rows: &[ReportRow<'_>],
) -> Result<(), DbError> {
    // COPY would require a prepared statement, which could remain in the session of a pooler.
    execute(
        transaction,
        include_str!("../../queries/cust_load_report.sql"),
        &[
            &column_of(rows, |row| row.line),
            &column_of(rows, |row| row.record),
            &column_of(rows, |row| row.cluster),
            &column_of(rows, |row| row.cltype),
            &column_of(rows, |row| row.current),
            &column_of(rows, |row| row.host),
            &column_of(rows, |row| row.distro),
            &column_of(rows, |row| row.version),
            &column_of(rows, |row| row.name),
        ],
    )
    .await?;
    Ok(())
}

fn column_of<'a, T>(rows: &[ReportRow<'a>], value: impl Fn(&ReportRow<'a>) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// Waits for other loads to end, and computes the differences. With `partial`, clusters that the
/// report does not contain do not change. With `parts`, the report can contain a cluster several
/// times.
///
/// # Errors
///
/// Returns an error if the report contains no cluster, or contains a cluster or host twice.
pub async fn compare(
    transaction: &Transaction<'_>,
    partial: bool,
    parts: bool,
) -> Result<Totals, CompareError> {
    transaction.batch_execute(WORK_MEMORY).await?;
    if execute(
        transaction,
        include_str!("../../queries/cust_load_clusters.sql"),
        &[],
    )
    .await?
        == 0
    {
        return Err(CompareError::Empty);
    }
    transaction
        .batch_execute("ANALYZE cust_report_cluster")
        .await?;
    reject_duplicates(transaction, parts).await?;
    execute(transaction, "SELECT lock_table('public.cust_cluster')", &[]).await?;
    let clusters = execute(
        transaction,
        include_str!("../../queries/cust_load_cluster_diff.sql"),
        &[&partial],
    )
    .await?;
    let hosts = execute(
        transaction,
        include_str!("../../queries/cust_load_host_diff.sql"),
        &[&partial],
    )
    .await?;
    if clusters + hosts > 0 {
        transaction
            .batch_execute("ANALYZE cust_cluster_diff; ANALYZE cust_host_diff")
            .await?;
    }
    Ok(query_row(
        transaction,
        include_str!("../../queries/cust_load_count.sql"),
        &[&partial],
    )
    .await?)
}

struct DuplicateCluster {
    name: String,
    first_line: i64,
    first_type: i32,
    second_line: i64,
    second_type: i32,
}

from_row!(DuplicateCluster {
    name,
    first_line,
    first_type,
    second_line,
    second_type
});

struct DuplicateHost {
    cluster: i32,
    host: String,
    first_line: i64,
    first_record: Option<i64>,
    last_line: i64,
    last_record: Option<i64>,
}

from_row!(DuplicateHost {
    cluster,
    host,
    first_line,
    first_record,
    last_line,
    last_record
});

async fn reject_duplicates(transaction: &Transaction<'_>, parts: bool) -> Result<(), CompareError> {
    let query = include_str!("../../queries/cust_load_cluster_twice.sql");
    let cluster: Option<DuplicateCluster> = query_optional(transaction, query, &[&parts]).await?;
    if let Some(DuplicateCluster {
        name,
        first_line,
        first_type,
        second_line,
        second_type,
    }) = cluster
    {
        let places = [first_line, second_line].map(|line| Place { line, record: None });
        return Err(if parts {
            CompareError::TwoTypes {
                name,
                types: [first_type, second_type],
                places,
            }
        } else {
            CompareError::ClusterTwice { name, places }
        });
    }
    let query = include_str!("../../queries/cust_load_host_twice.sql");
    let host: Option<DuplicateHost> = query_optional(transaction, query, &[]).await?;
    if let Some(DuplicateHost {
        cluster,
        host,
        first_line,
        first_record,
        last_line,
        last_record,
    }) = host
    {
        let query = "SELECT name FROM cust_report_cluster WHERE cluster = $1";
        let cluster = query_value(transaction, query, &[&cluster]).await?;
        let places = [
            Place {
                line: first_line,
                record: first_record,
            },
            Place {
                line: last_line,
                record: last_record,
            },
        ];
        return Err(CompareError::HostTwice {
            cluster,
            host,
            places,
        });
    }
    Ok(())
}

/// Returns the first `limit` changes: of clusters, of kernels that are new to `kver`, and of
/// kernels on hosts.
pub async fn changes(transaction: &Transaction<'_>, limit: i64) -> Result<Vec<Change>, DbError> {
    query_rows(
        transaction,
        include_str!("../../queries/cust_load_changes.sql"),
        &[&limit],
    )
    .await
}

/// Applies the differences that [`compare`] computed.
pub async fn apply(transaction: &Transaction<'_>, totals: &Totals) -> Result<(), DbError> {
    // The time of the clock, because the transaction might have begun before an earlier holder of
    // the lock committed.
    let now: Timestamp = query_value(transaction, "SELECT clock_timestamp()", &[]).await?;
    if totals.new_kernels > 0 {
        // A concurrent crawl would fail to insert a kernel that it computed as new.
        kver::lock(transaction).await?;
        execute(
            transaction,
            include_str!("../../queries/cust_load_kver.sql"),
            &[],
        )
        .await?;
    }
    let Totals {
        clusters,
        host_kernels,
        ..
    } = totals;
    if clusters.added > 0 {
        let insert = "INSERT INTO cust_cluster (name, cltype) SELECT name, becomes FROM cust_cluster_diff WHERE was IS NULL ORDER BY name";
        execute(transaction, insert, &[]).await?;
    }
    if clusters.changed + clusters.brought_back + clusters.removed > 0 {
        execute(
            transaction,
            include_str!("../../queries/cust_load_clusters_update.sql"),
            &[&now],
        )
        .await?;
    }
    if host_kernels.removed > 0 {
        execute(
            transaction,
            include_str!("../../queries/cust_load_hosts_delete.sql"),
            &[&now],
        )
        .await?;
    }
    if host_kernels.changed > 0 {
        for current in [false, true] {
            execute(
                transaction,
                include_str!("../../queries/cust_load_hosts_update.sql"),
                &[&current],
            )
            .await?;
        }
    }
    if host_kernels.added > 0 {
        execute(
            transaction,
            include_str!("../../queries/cust_load_hosts_insert.sql"),
            &[],
        )
        .await?;
    }
    Ok(())
}
