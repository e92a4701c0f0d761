//! `build show` and `test show`: print a build or a test run.

use sqern_core::runs::{self, RunDetails};
use sqern_db::run::{Liveness, Run};
use sqern_model::{RunKind, RunResult};

use crate::cli::Context;
use crate::error::{CliError, ExitStatus};
use crate::printer::time;

/// Shows a run with the result of each kernel and the last log lines of failures.
pub(in crate::cli) async fn show(
    kind: RunKind,
    id: i64,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let session = context.open().await?;
    let details = runs::show(&session.client, kind, id).await?;
    context
        .printer
        .value("run.show/1", &details, || describe(kind, &details))?;
    Ok(ExitStatus::Success)
}

fn describe(kind: RunKind, details: &RunDetails) -> String {
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
            .filter_map(|(name, value)| Some(format!("  {name:<9} {}", value?))),
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
            lines.push(format!(
                "            {}:{} ({:.1} s)",
                log.host, log.path, log.seconds
            ));
            lines.extend(log.tail.lines().map(|line| format!("            | {line}")));
        }
    }
    lines.join("\n")
}
