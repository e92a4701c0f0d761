//! A monitoring report becomes clusters and hosts: received into temporary tables, compared there as sets, applied by few statements.
//!
//! 1. [`receive`] copies the report's rows into `cust_report`, outside of any transaction that matters: whoever sends slowly holds no
//!    lock and no generation.
//! 2. [`compare`] takes the lock that loads serialise by, and puts what must change into `cust_cluster_diff` and `cust_host_diff`.
//! 3. [`apply`] does just that.

use std::fmt;
use std::io::Cursor;
use std::pin::pin;

use futures_util::SinkExt as _;
use jiff::Timestamp;
use serde::Serialize;
use sqern_model::Shrink;
use tokio::sync::mpsc::Receiver;
use tokio_postgres::{Client, Row, Transaction};

use crate::{DbError, crawl};

/// The advisory lock that one load of a database holds: "cust" in ASCII.
const LOAD_LOCK: i64 = 0x63_75_73_74;

/// The session's tables that a load works in.
///
/// `cust_report` holds a row a kernel of a host, of which the host's first also says where in the report it stands (`line`, `record`);
/// and a row a cluster with its `name` and `cltype`, which may come after its hosts: they only share the number `cluster`.
pub const TABLES: &str = "
CREATE TEMPORARY TABLE cust_report (
    line bigint, record bigint, cluster integer NOT NULL, cltype integer, current boolean, host text, distro text, version text, name text
);
CREATE TEMPORARY TABLE cust_report_cluster (cluster integer PRIMARY KEY, first integer, name text, cltype integer, line bigint);
CREATE TEMPORARY TABLE cust_cluster_diff (name text, was integer, was_live boolean, becomes integer);
CREATE TEMPORARY TABLE cust_host_diff (
    id bigint, cluster_name text, host_name text, distro text, version text, was boolean, becomes boolean
);";

/// Of the server's memory that a load's joins may take before they go to the disk.
const WORK_MEMORY: &str = "SET LOCAL work_mem = '64MB'";

/// Where something stands in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: i64,
    /// Which host of the report it is, from 1.
    pub record: Option<i64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        self.record.map_or(Ok(()), |record| write!(f, " (record {record})"))
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
        /// Its name.
        name: String,
        /// Its first two places.
        places: [Place; 2],
    },
    /// The parts of a cluster have different types.
    #[error("cluster {name:?} has 2 types, {} at {} and {} at {}", types[0], places[0], types[1], places[1])]
    TwoTypes {
        /// Its name.
        name: String,
        /// The numbers of the types.
        types: [i32; 2],
        /// The places of the types.
        places: [Place; 2],
    },
    /// The report contains a host twice.
    #[error("host {host:?} of cluster {cluster:?} is listed twice, at {} and at {}", places[0], places[1])]
    HostTwice {
        /// Its cluster.
        cluster: String,
        /// Its name.
        host: String,
        /// Its first and last place.
        places: [Place; 2],
    },
}

impl From<tokio_postgres::Error> for CompareError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Db(error.into())
    }
}

/// New, changed, brought back and no longer there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Not known before.
    pub added: i64,
    /// Known and other now.
    pub changed: i64,
    /// Marked as deleted before, and there again.
    pub brought_back: i64,
    /// To be marked as deleted.
    pub removed: i64,
}

/// How much a report changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Clusters.
    pub clusters: Counts,
    /// Hosts; one that comes back counts as new.
    pub hosts: Counts,
    /// Kernels on hosts; one is changed when its host runs it now, or no longer does.
    pub host_kernels: Counts,
    /// Kernels that `kver` does not have.
    pub new_kernels: i64,
    /// How many of the live clusters go. Nothing is counted where none does.
    #[serde(skip)]
    pub cluster_shrink: Shrink,
    /// How many of the live hosts go, of those that the report is about.
    #[serde(skip)]
    pub host_shrink: Shrink,
}

/// One thing that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `+` new or there again, `~` changed, `-` no longer there.
    pub sign: String,
    /// The cluster; none for a kernel that is new to `kver`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The host, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The kernel's distribution, where it is about a kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distro: Option<String>,
    /// The kernel's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Of a cluster its type, of a kernel on a host `running` or `installed`; none where it was not.
    pub was: Option<String>,
    /// The same for what it becomes.
    pub becomes: Option<String>,
    /// Whether a cluster is brought back that was marked as deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub brought_back: bool,
}

/// Copies the blocks of rows, in COPY's text format, into [`TABLES`] that it makes; once a session. `whole` tells, after the last
/// block, whether the report was read to its end: if it was not, nothing of it is kept.
pub async fn receive(client: &Client, blocks: &mut Receiver<Vec<u8>>, whole: impl FnOnce() -> bool) -> Result<(), DbError> {
    client.batch_execute(TABLES).await?;
    let mut sink = pin!(client.copy_in::<_, Cursor<Vec<u8>>>("COPY cust_report FROM STDIN").await?);
    while let Some(block) = blocks.recv().await {
        sink.feed(Cursor::new(block)).await?;
    }
    if whole() {
        sink.finish().await?;
    }
    Ok(())
}

/// Waits until no other load is at work, and works out what must change. With `partial`, clusters that are not named stay; with `parts` a
/// cluster may come in parts. What there are of duplicates is refused.
pub async fn compare(transaction: &Transaction<'_>, partial: bool, parts: bool) -> Result<Totals, CompareError> {
    transaction.batch_execute(WORK_MEMORY).await?;
    if transaction.execute(include_str!("../../queries/cust_load_clusters.sql"), &[]).await? == 0 {
        return Err(CompareError::Empty);
    }
    transaction.batch_execute("ANALYZE cust_report_cluster").await?;
    refuse_twice(transaction, parts).await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOAD_LOCK]).await?;
    let clusters = transaction.execute(include_str!("../../queries/cust_load_cluster_diff.sql"), &[&partial]).await?;
    let hosts = transaction.execute(include_str!("../../queries/cust_load_host_diff.sql"), &[&partial]).await?;
    if clusters + hosts > 0 {
        transaction.batch_execute("ANALYZE cust_cluster_diff; ANALYZE cust_host_diff").await?;
    }
    let row = transaction.query_one(include_str!("../../queries/cust_load_count.sql"), &[&partial]).await?;
    Ok(totals(&row))
}

async fn refuse_twice(transaction: &Transaction<'_>, parts: bool) -> Result<(), CompareError> {
    let row = transaction.query_opt(include_str!("../../queries/cust_load_cluster_twice.sql"), &[&parts]).await?;
    if let Some(row) = row {
        let name = row.get(0);
        let places = [Place { line: row.get(1), record: None }, Place { line: row.get(3), record: None }];
        return Err(if parts {
            CompareError::TwoTypes { name, types: [row.get(2), row.get(4)], places }
        } else {
            CompareError::ClusterTwice { name, places }
        });
    }
    let row = transaction.query_opt(include_str!("../../queries/cust_load_host_twice.sql"), &[]).await?;
    if let Some(row) = row {
        let first: i32 = row.get(0);
        let cluster = transaction.query_one("SELECT name FROM cust_report_cluster WHERE cluster = $1", &[&first]).await?.get(0);
        let places = [Place { line: row.get(2), record: row.get(3) }, Place { line: row.get(4), record: row.get(5) }];
        return Err(CompareError::HostTwice { cluster, host: row.get(1), places });
    }
    Ok(())
}

fn totals(row: &Row) -> Totals {
    let clusters = Counts { added: row.get(0), changed: row.get(1), brought_back: row.get(2), removed: row.get(3) };
    let hosts = Counts { added: row.get(4), changed: row.get(5), brought_back: 0, removed: row.get(6) };
    Totals {
        clusters,
        hosts,
        host_kernels: Counts { added: row.get(7), changed: row.get(8), brought_back: 0, removed: row.get(9) },
        new_kernels: row.get(10),
        cluster_shrink: Shrink { live: row.get(11), removed: clusters.removed },
        host_shrink: Shrink { live: row.get(12), removed: hosts.removed },
    }
}

/// The first `limit` things that change: clusters, kernels that are new, kernels on hosts.
pub async fn changes(transaction: &Transaction<'_>, limit: i64) -> Result<Vec<Change>, DbError> {
    let rows = transaction.query(include_str!("../../queries/cust_load_changes.sql"), &[&limit]).await?;
    let read = |row: &Row| Change {
        sign: row.get(1),
        cluster: row.get(2),
        host: row.get(3),
        distro: row.get(4),
        version: row.get(5),
        was: row.get(6),
        becomes: row.get(7),
        brought_back: row.get(8),
    };
    Ok(rows.iter().map(read).collect())
}

/// Does what [`compare`] worked out.
pub async fn apply(transaction: &Transaction<'_>, totals: &Totals) -> Result<(), DbError> {
    // The clock's time under the lock, not the transaction's: a load that waited comes after the one that it waited for.
    let now: Timestamp = transaction.query_one("SELECT clock_timestamp()", &[]).await?.get(0);
    if totals.new_kernels > 0 {
        // A crawl that is being recorded must not meet a kernel that it holds for new.
        crawl::lock(transaction).await?;
        transaction.execute(include_str!("../../queries/cust_load_kver.sql"), &[]).await?;
    }
    let Totals { clusters, host_kernels, .. } = totals;
    if clusters.added > 0 {
        let insert =
            "INSERT INTO cust_cluster (name, cltype) SELECT name, becomes FROM cust_cluster_diff WHERE was IS NULL ORDER BY name";
        transaction.execute(insert, &[]).await?;
    }
    if clusters.changed + clusters.brought_back + clusters.removed > 0 {
        transaction.execute(include_str!("../../queries/cust_load_clusters_update.sql"), &[&now]).await?;
    }
    if host_kernels.removed > 0 {
        transaction.execute(include_str!("../../queries/cust_load_hosts_delete.sql"), &[&now]).await?;
    }
    if host_kernels.changed > 0 {
        for current in [false, true] {
            transaction.execute(include_str!("../../queries/cust_load_hosts_update.sql"), &[&current]).await?;
        }
    }
    if host_kernels.added > 0 {
        transaction.execute(include_str!("../../queries/cust_load_hosts_insert.sql"), &[]).await?;
    }
    Ok(())
}
