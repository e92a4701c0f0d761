//! How far kernels have come: the view `kver_status`, at any time, for all that is recorded or for one target or revision.

mod words;

use jiff::Timestamp;
use serde::Serialize;
use sqern_model::{DistroName, Kernel, VersionRule};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Transaction};

pub use words::{Missing, Stage};

use crate::{AsOf, DbError, text};

/// Of which kernels, and what of theirs counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusFilter {
    /// Of these distributions; of all when empty.
    pub distros: Vec<DistroName>,
    /// These kernels; all when none. Those that are not recorded are left out.
    pub kernels: Option<Vec<Kernel>>,
    /// Only builds for this release target count, their tests, and what is available for it.
    pub target: Option<String>,
    /// Only builds of this revision count, their tests, and what is available of it.
    pub revision: Option<String>,
    /// Whether to count hosts: that reads all of them.
    pub with_hosts: bool,
}

/// How far a kernel has come: one row of `kver_status`, whose columns' comments say what each field is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The kernel.
    #[serde(flatten)]
    pub kernel: Kernel,
    /// The furthest that it has come.
    pub stage: Stage,
    /// Whether it is wanted: neither ignored nor archived.
    pub wanted: bool,
    /// Whether it is archived; else what is not wanted is ignored.
    pub archived: bool,
    /// What is missing next; none where it is available.
    pub missing: Option<Missing>,
    /// Since when.
    pub missing_since: Option<Timestamp>,
    /// When it was first recorded.
    pub known_at: Option<Timestamp>,
    /// When it was first seen upstream.
    pub seen_at: Option<Timestamp>,
    /// When its headers were fetched.
    pub fetched_at: Option<Timestamp>,
    /// When the first build that succeeded was started.
    pub built_at: Option<Timestamp>,
    /// When the first test run that succeeded was started.
    pub tested_at: Option<Timestamp>,
    /// When it first became available, of what is available.
    pub available_at: Option<Timestamp>,
    /// The newest build.
    pub build_id: Option<i64>,
    /// What the newest build came to for it, in upper case; none while it runs, or where there is none.
    pub build_result: Option<String>,
    /// The newest build that succeeded.
    pub built_by: Option<i64>,
    /// The newest test run.
    pub test_id: Option<i64>,
    /// What the newest test came to for it.
    pub test_result: Option<String>,
    /// The newest test run that succeeded.
    pub tested_by: Option<i64>,
    /// For which release targets it is available.
    pub available_for: Vec<String>,
    /// How many of customers' hosts run it; none where hosts are not counted.
    pub hosts_running: Option<i64>,
    /// How many have it installed, running or not; none where hosts are not counted.
    pub hosts_installed: Option<i64>,
}

impl Status {
    /// What is missing for users: nothing where it is available or not wanted.
    #[must_use]
    pub fn lacks(&self) -> Option<Missing> {
        self.missing.filter(|_| self.wanted)
    }
}

/// The view's text, so that it can be asked of another time, and of a part of what is recorded.
const VIEW: &str = include_str!("../../../schema/functions/kver_status.sql");

const COLUMNS: &str = "s.distro, s.version, s.stage, NOT (s.archived OR s.ignored), s.archived, s.missing, s.missing_since,
    s.known_at, s.seen_at, s.fetched_at, s.built_at, s.tested_at, s.available_at, s.build_id, s.build_result, s.built_by,
    s.test_id, s.test_result, s.tested_by, s.available_for";

/// The query of the view.
fn view() -> &'static str {
    let query = VIEW.split_once(" AS\nSELECT").map_or(VIEW, |(create, _)| &VIEW[create.len() + " AS\n".len()..]);
    query.split_once(";\n").map_or(query, |(query, _)| query)
}

/// The query of the view over the part of the tables that a filter leaves: a common table expression hides the table of its name. The
/// values that it takes are added to `values`.
fn query<'a>(filter: &'a StatusFilter, names: &'a Names<'a>, values: &mut Vec<&'a (dyn ToSql + Sync)>) -> String {
    let mut value = |value: &'a (dyn ToSql + Sync)| {
        values.push(value);
        format!("${}", values.len())
    };
    let mut parts = vec![];
    let mut part = |table: &str, condition: &str| {
        parts.push(format!("{table} AS NOT MATERIALIZED (SELECT t.* FROM {table} AS t WHERE {condition})"));
    };
    let mut of_kernels = vec![];
    if !names.distros.is_empty() {
        of_kernels.push(format!("t.distro = ANY ({}::text[])", value(&names.distros)));
    }
    if filter.kernels.is_some() {
        let (distros, versions) = (value(&names.kernel_distros), value(&names.kernel_versions));
        of_kernels.push(format!("(t.distro, t.version) IN (SELECT * FROM unnest({distros}::text[], {versions}::text[]))"));
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
    let hosts = if filter.with_hosts { "s.hosts_running, s.hosts_installed" } else { "NULL::bigint, NULL::bigint" };
    let with = if parts.is_empty() { String::new() } else { format!("WITH {}\n", parts.join(",\n")) };
    format!("SELECT {COLUMNS}, {hosts} FROM ({with}{}) AS s", view())
}

/// The filter's names as PostgreSQL takes them.
struct Names<'a> {
    distros: Vec<&'a str>,
    kernel_distros: Vec<&'a str>,
    kernel_versions: Vec<&'a str>,
}

/// Returns the state of each kernel that matches `filter`, by distribution, newest first.
///
/// Changes the setting `jit` until the end of the transaction.
pub async fn list(transaction: &Transaction<'_>, filter: &StatusFilter, as_of: &AsOf) -> Result<Vec<Status>, DbError> {
    let kernels = filter.kernels.as_deref().unwrap_or_default();
    let names = Names {
        distros: filter.distros.iter().map(DistroName::as_str).collect(),
        kernel_distros: kernels.iter().map(|kernel| kernel.distro.as_str()).collect(),
        kernel_versions: kernels.iter().map(|kernel| kernel.version.as_str()).collect(),
    };
    let mut values = vec![];
    let query = query(filter, &names, &mut values);
    // Compiling the query takes longer than running it.
    transaction.batch_execute("SET LOCAL jit = off").await?;
    let rows = transaction.query(&as_of.query(&query), &values).await?;
    let mut all = rows.iter().map(status).collect::<Result<Vec<_>, _>>()?;
    all.sort_by(|a, b| {
        let newest = || VersionRule::of(&a.kernel.distro).cmp(&b.kernel.version, &a.kernel.version);
        a.kernel.distro.cmp(&b.kernel.distro).then_with(newest)
    });
    Ok(all)
}

fn status(row: &Row) -> Result<Status, DbError> {
    Ok(Status {
        kernel: Kernel { distro: text::distro(row.get(0))?, version: text::version(row.get(1))? },
        stage: Stage::read(row.get(2))?,
        wanted: row.get(3),
        archived: row.get(4),
        missing: row.get::<_, Option<&str>>(5).map(Missing::read).transpose()?,
        missing_since: row.get(6),
        known_at: row.get(7),
        seen_at: row.get(8),
        fetched_at: row.get(9),
        built_at: row.get(10),
        tested_at: row.get(11),
        available_at: row.get(12),
        build_id: row.get(13),
        build_result: row.get(14),
        built_by: row.get(15),
        test_id: row.get(16),
        test_result: row.get(17),
        tested_by: row.get(18),
        available_for: row.get::<_, Option<Vec<String>>>(19).unwrap_or_default(),
        hosts_running: row.get(20),
        hosts_installed: row.get(21),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_what_stands_in_the_view() {
        assert!(view().starts_with("SELECT kver.distro") && view().trim_end().ends_with("hosts.version = kver.version"));
    }
}
