//! The output of `sqern build` and `sqern test`.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_core::runs::{Candidate, KernelOutcome, RunDetails};
use sqern_db::run::{Liveness, Run, RunKernel};
use sqern_model::escape::escape_value;
use sqern_model::{RunKind, RunResult};

use crate::printer::{Column, Document, Kind, Record, time};

impl Record for Candidate {
    const SCHEMA: &'static str = "run.plan/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("version"),
        Column::number("hosts_running").headed("running"),
        Column::number("hosts_installed")
            .headed("installed")
            .optional(),
        Column::number("build"),
        Column::number("last_id").headed("last").optional(),
        Column::status("last_result").headed("result"),
    ];
}

/// A started build or test run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Started {
    /// The ID of the build or test run.
    pub id: i64,
    /// The claimed kernels.
    pub kernels: Vec<Candidate>,
    /// The abandoned runs, which were finished with the result ABORTED.
    pub closed: Vec<i64>,
}

/// A build. A test run has the same fields.
#[derive(Debug, Serialize, JsonSchema)]
pub struct BuildRow(pub Run);

impl Record for BuildRow {
    const SCHEMA: &'static str = "run.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::number("id"),
        Column::time("started_at").headed("started"),
        Column::status("state"),
        Column::status("result"),
        Column::number("kernels").optional(),
        Column::number("succeeded"),
        Column::number("failed"),
        Column::name("revision"),
        Column::name("target"),
        Column::text("jenkins_job").headed("job").optional(),
    ];
}

/// A test run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TestRow(pub Run);

impl Record for TestRow {
    const SCHEMA: &'static str = "run.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::number("id"),
        Column::time("started_at").headed("started"),
        Column::status("state"),
        Column::status("result"),
        Column::number("kernels").optional(),
        Column::number("succeeded"),
        Column::number("failed"),
        Column::number("build"),
        Column::name("flavor").optional(),
        Column::name("cluster").optional(),
        Column::name("revision").optional(),
        Column::name("target").optional(),
    ];
}

impl Record for RunKernel {
    const SCHEMA: &'static str = "run.kernels/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("version"),
        Column::status("result"),
    ];
}

impl Record for KernelOutcome {
    const SCHEMA: &'static str = "run.run/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("version"),
        Column::status("result"),
        Column::new("seconds", Kind::Seconds),
        Column::name("log").optional(),
    ];
}

/// Returns a build or test run with its kernels and the last lines of logs.
#[must_use]
pub fn describe(kind: RunKind, details: &RunDetails) -> String {
    let Run {
        id,
        started_at,
        result,
        state,
        owner,
        expires_at,
        ..
    } = &details.run;
    let mut lines = vec![format!("{kind} {id}, started {}", time(Some(*started_at)))];
    let state = match (result, state, owner) {
        (Some(result), ..) => result.to_string(),
        (None, Liveness::Running, Some(owner)) => {
            let owner = escape_value(owner);
            format!("running: {owner}, lease until {}", time(*expires_at))
        }
        (None, Liveness::Running, None) => "running".to_owned(),
        (None, ..) => "lease expired; the next claim aborts the run".to_owned(),
    };
    lines.push(format!("  result    {state}"));
    let fields = [
        ("revision", details.run.revision.clone()),
        ("target", details.run.target.clone()),
        ("profile", details.run.profile.clone()),
        ("change", details.run.change_id.clone()),
        ("job", details.run.jenkins_job.clone()),
        ("official", details.run.official.then(|| "yes".to_owned())),
        ("build", details.run.build.map(|build| build.to_string())),
        ("flavor", details.run.flavor.clone()),
        ("cluster", details.run.cluster.clone()),
    ];
    lines.extend(
        fields
            .into_iter()
            .filter_map(|(name, value)| Some(format!("  {name:<9} {}", escape_value(&value?)))),
    );
    for logged in &details.kernels {
        let kernel = &logged.kernel.kernel;
        let result = logged.kernel.result.map_or("running", RunResult::as_str);
        lines.push(format!(
            "  {:<9} {} {}",
            result, kernel.distro, kernel.version
        ));
        if let Some(log) = logged
            .log
            .as_ref()
            .filter(|_| logged.kernel.result != Some(RunResult::Success))
        {
            let file = format!("{}:{}", log.host, log.path);
            lines.push(format!(
                "            {} ({:.1} s)",
                escape_value(&file),
                log.seconds
            ));
            lines.extend(log.tail.lines().map(|line| format!("            | {line}")));
        }
    }
    lines.join("\n")
}

impl Document for Started {
    const SCHEMA: &'static str = "run.start/1";
}

impl Document for RunDetails {
    const SCHEMA: &'static str = "run.show/1";
}
