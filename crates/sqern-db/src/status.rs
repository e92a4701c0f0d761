//! Stages and missing steps of kernels: the view `kver_status`, also for earlier states, one
//! release target or one revision.

mod stage;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{DistroName, Kernel, KernelVersion, RunResult, newest_first};
use tokio_postgres::{Row, Transaction};

pub use stage::{Missing, Stage};

use crate::decode::{FromRow, column, query_row, query_rows, query_value, unsigned};
use crate::kernel::kernel_arrays;
use crate::parameter::{Parameter, Parameters};
use crate::{AsOf, DbError, read_model};

/// The selection of kernels, and of the builds, tests and available modules that count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusFilter {
    /// The distributions; all if empty.
    pub distros: Vec<DistroName>,
    /// The kernels; all if none. Kernels that are not recorded are skipped.
    pub kernels: Option<Vec<Kernel>>,
    /// The release target of the builds, their tests and the available modules that count; all if
    /// none.
    pub target: Option<String>,
    /// The revision of the builds, their tests and the available modules that count; all if none.
    pub revision: Option<String>,
    /// Whether to count hosts, which reads all hosts.
    pub with_hosts: bool,
}

impl StatusFilter {
    /// Returns whether the builds, tests and available modules of all revisions and targets count.
    fn counts_all_builds(&self) -> bool {
        self.target.is_none() && self.revision.is_none()
    }
}

/// The state of a kernel: a row of `kver_status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Status {
    /// The distribution and version.
    #[serde(flatten)]
    pub kernel: Kernel,
    /// The furthest stage of the kernel.
    pub stage: Stage,
    /// Whether the kernel is neither ignored nor archived.
    pub wanted: bool,
    /// Whether the kernel is archived. Another unwanted kernel is ignored.
    pub archived: bool,
    /// The missing step; null if modules are available.
    pub missing: Option<Missing>,
    /// The time from which the step is missing.
    pub missing_since: Option<Timestamp>,
    /// The time at which the kernel was recorded.
    pub known_at: Option<Timestamp>,
    /// The time at which the kernel was first found in a repository.
    pub seen_at: Option<Timestamp>,
    /// The time at which the headers were fetched.
    pub fetched_at: Option<Timestamp>,
    /// The start time of the first successful build.
    pub built_at: Option<Timestamp>,
    /// The start time of the first successful test run.
    pub tested_at: Option<Timestamp>,
    /// The time at which the first of the available modules became available.
    pub available_at: Option<Timestamp>,
    /// The id of the newest build.
    pub build_id: Option<i64>,
    /// The result of the newest build for the kernel; null while it is in progress, or without a
    /// build.
    pub build_result: Option<RunResult>,
    /// The id of the newest successful build.
    pub built_by: Option<i64>,
    /// The id of the newest test run.
    pub test_id: Option<i64>,
    /// The result of the newest test run for the kernel; null while it is in progress, or without a
    /// test run.
    pub test_result: Option<RunResult>,
    /// The id of the newest successful test run.
    pub tested_by: Option<i64>,
    /// The release targets of the available modules.
    pub available_for: Vec<String>,
    /// The number of customer hosts that run the kernel; null if hosts are not counted.
    pub hosts_running: Option<i64>,
    /// The number of customer hosts on which the kernel is installed; null if hosts are not
    /// counted.
    pub hosts_installed: Option<i64>,
}

impl FromRow for Status {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            kernel: Kernel::from_row(row)?,
            stage: column(row, "stage")?,
            wanted: column(row, "wanted")?,
            archived: column(row, "archived")?,
            missing: column(row, "missing")?,
            missing_since: column(row, "missing_since")?,
            known_at: column(row, "known_at")?,
            seen_at: column(row, "seen_at")?,
            fetched_at: column(row, "fetched_at")?,
            built_at: column(row, "built_at")?,
            tested_at: column(row, "tested_at")?,
            available_at: column(row, "available_at")?,
            build_id: column(row, "build_id")?,
            build_result: column(row, "build_result")?,
            built_by: column(row, "built_by")?,
            test_id: column(row, "test_id")?,
            test_result: column(row, "test_result")?,
            tested_by: column(row, "tested_by")?,
            available_for: column::<Option<Vec<String>>>(row, "available_for")?.unwrap_or_default(),
            hosts_running: column(row, "hosts_running")?,
            hosts_installed: column(row, "hosts_installed")?,
        })
    }
}

impl Status {
    /// Returns the missing step of a wanted kernel; none if the kernel is not wanted, or its
    /// modules are available.
    #[must_use]
    pub fn missing_if_wanted(&self) -> Option<Missing> {
        self.missing.filter(|_| self.wanted)
    }
}

const COLUMNS: &str =
    "s.distro, s.version, s.stage, NOT (s.archived OR s.ignored) AS wanted, s.archived, s.missing, s.missing_since,
    s.known_at, s.seen_at, s.fetched_at, s.built_at, s.tested_at, s.available_at, s.build_id, s.build_result, s.built_by,
    s.test_id, s.test_result, s.tested_by, s.available_for";

/// Returns the query of the view `kver_status` over the rows that match a filter, and appends its
/// parameters to `values`. `view` is the definition of the view. A common table expression shadows
/// the table with its name.
fn query<'a>(
    view: &str,
    filter: &'a StatusFilter,
    kernels: &'a KernelArrays<'a>,
    as_of: &AsOf,
    values: &mut Vec<&'a (dyn Parameter + Sync)>,
) -> String {
    // The view reads some tables twice. A past state is computed once, but the planner uses the
    // indexes of a present table for each.
    let materialized = match as_of {
        AsOf::Now => "NOT MATERIALIZED",
        AsOf::Past(_) => "MATERIALIZED",
    };
    let mut value = |value: &'a (dyn Parameter + Sync)| {
        values.push(value);
        format!("${}", values.len())
    };
    let mut parts = vec![];
    let mut part = |table: &str, condition: &str| {
        parts.push(format!(
            "{table} AS {materialized} (SELECT t.* FROM {table} AS t WHERE {condition})"
        ));
    };
    let mut of_kernels = vec![];
    if !filter.distros.is_empty() {
        of_kernels.push(format!(
            "t.distro = ANY ({}::text[])",
            value(&filter.distros)
        ));
    }
    if filter.kernels.is_some() {
        let (distros, versions) = (value(&kernels.0), value(&kernels.1));
        of_kernels.push(format!(
            "(t.distro, t.version) IN (SELECT * FROM unnest({distros}::text[], {versions}::text[]))"
        ));
    }
    if !of_kernels.is_empty() {
        for table in ["kver", "sp_build_kver", "sp_test_kver", "cust_host_kver"] {
            part(table, &of_kernels.join(" AND "));
        }
    }
    let mut of_revision = vec![];
    if let Some(target) = &filter.target {
        of_revision.push(format!("t.release_target = {}::text", value(target)));
    }
    if let Some(revision) = &filter.revision {
        of_revision.push(format!("t.storpool_revision = {}::text", value(revision)));
    }
    if !of_revision.is_empty() {
        part("sp_build", &of_revision.join(" AND "));
        part("sp_available_kver", &of_revision.join(" AND "));
        part("sp_test", "t.build_id IN (SELECT b.id FROM sp_build AS b)");
    }
    let hosts = if filter.with_hosts {
        "s.hosts_running, s.hosts_installed"
    } else {
        "NULL::bigint AS hosts_running, NULL::bigint AS hosts_installed"
    };
    let with = if parts.is_empty() {
        String::new()
    } else {
        format!("WITH {}\n", parts.join(",\n"))
    };
    format!("SELECT {COLUMNS}, {hosts} FROM ({with}{view}) AS s")
}

/// The distributions and versions of kernels.
type KernelArrays<'a> = (Vec<&'a DistroName>, Vec<&'a KernelVersion>);

/// Returns the state of each kernel that matches `filter`, by distribution, newest first.
///
/// Changes the setting `jit` until the end of the transaction.
pub async fn list(
    transaction: &Transaction<'_>,
    filter: &StatusFilter,
    as_of: &AsOf,
) -> Result<Vec<Status>, DbError> {
    // Compiling the query takes longer than running it.
    transaction.batch_execute("SET LOCAL jit = off").await?;
    let kernels = filter.kernels.as_deref().map(kernel_arrays);
    if filter.counts_all_builds() && read_model::is_usable(transaction, as_of).await? {
        let Some((distros, versions)) = kernels else {
            let query = include_str!("../queries/state_list.sql");
            let values: Parameters<'_> = &[&filter.distros, &filter.with_hosts];
            return query_rows(transaction, query, values).await;
        };
        let query = include_str!("../queries/state_list_of.sql");
        let values: Parameters<'_> = &[&filter.distros, &filter.with_hosts, &distros, &versions];
        return query_rows(transaction, query, values).await;
    }
    let kernels = kernels.unwrap_or_default();
    let mut values = vec![];
    let view: String = query_value(
        transaction,
        "SELECT rtrim(pg_get_viewdef('kver_status'::regclass), ';')",
        &[],
    )
    .await?;
    let query = query(&view, filter, &kernels, as_of, &mut values);
    let past_version = match kernels.1.as_slice() {
        [first, others @ ..]
            if *as_of != AsOf::Now && others.iter().all(|other| other == first) =>
        {
            Some(*first)
        }
        _ => None,
    };
    let query = if let Some(version) = &past_version {
        values.push(version);
        as_of.query_of_version(&query, &format!("${}", values.len()))
    } else {
        as_of.query(&query)
    };
    let mut statuses: Vec<Status> = query_rows(transaction, &query, &values).await?;
    statuses.sort_by(|a, b| newest_first(&a.kernel, &b.kernel));
    Ok(statuses)
}

/// The number of kernels of a distribution at a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageCount {
    /// The distribution.
    pub distro: DistroName,
    /// Whether the kernels are wanted.
    pub wanted: bool,
    /// The furthest stage of the kernels.
    pub stage: Stage,
    /// The number of kernels.
    pub kernels: u64,
}

impl FromRow for StageCount {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            distro: column(row, "distro")?,
            wanted: column(row, "wanted")?,
            stage: column(row, "stage")?,
            kernels: unsigned(row, "kernels")?,
        })
    }
}

impl StageCount {
    /// Counts these kernels by distribution and stage.
    #[must_use]
    pub fn of(kernels: &[Status]) -> Vec<Self> {
        let mut counts: BTreeMap<(&DistroName, bool, Stage), u64> = BTreeMap::new();
        for status in kernels {
            let key = (&status.kernel.distro, status.wanted, status.stage);
            *counts.entry(key).or_default() += 1;
        }
        let count = |((distro, wanted, stage), kernels): ((&DistroName, _, _), _)| Self {
            distro: distro.clone(),
            wanted,
            stage,
            kernels,
        };
        counts.into_iter().map(count).collect()
    }
}

/// Returns the numbers of kernels that match `filter`, by distribution and stage.
///
/// Changes the setting `jit` until the end of the transaction.
pub async fn stage_counts(
    transaction: &Transaction<'_>,
    filter: &StatusFilter,
    as_of: &AsOf,
) -> Result<Vec<StageCount>, DbError> {
    if filter.counts_all_builds()
        && filter.kernels.is_none()
        && read_model::is_usable(transaction, as_of).await?
    {
        let query = include_str!("../queries/state_counts.sql");
        return query_rows(transaction, query, &[&filter.distros]).await;
    }
    Ok(StageCount::of(&list(transaction, filter, as_of).await?))
}

/// The number of wanted kernels, and of those with an available module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusCounts {
    /// The available kernels.
    pub available: u64,
    /// The wanted kernels.
    pub wanted: u64,
}

impl FromRow for StatusCounts {
    fn from_row(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            available: unsigned(row, "available")?,
            wanted: unsigned(row, "wanted")?,
        })
    }
}

/// Counts the wanted kernels of these distributions (all if empty), and those that are available
/// for a release target and a revision (all if none). Disables JIT compilation until the end of the
/// transaction.
pub async fn counts(
    transaction: &Transaction<'_>,
    distros: &[DistroName],
    target: Option<&str>,
    revision: Option<&str>,
    as_of: &AsOf,
) -> Result<StatusCounts, DbError> {
    let query = as_of.query(include_str!("../queries/status_counts.sql"));
    // Compiling the query takes longer than running it.
    transaction.batch_execute("SET LOCAL jit = off").await?;
    query_row(transaction, &query, &[&target, &revision, &distros]).await
}
