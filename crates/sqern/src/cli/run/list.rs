//! Runs as lists, and one by one.

use clap::Args;
use serde::Serialize;
use sqern_db::run::{self as db, Filter, LoggedKernel, Run, RunKernel, RunLog};
use sqern_model::RunKind;

use super::refused;
use crate::cli::Context;
use crate::cli::at::{self, AtArgs, Frame};
use crate::failure::{Exit, Failure};
use crate::printer::{Record, time};

/// Selects the runs.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Consider only this revision [default: all]
    #[arg(long, value_name = "REVISION", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    revision: Option<String>,
    /// Consider only this release target [default: all]
    #[arg(long, value_name = "TARGET", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    target: Option<String>,
    /// List only runs in progress
    #[arg(long)]
    open: bool,
    /// Maximum number of rows; 0 for all [default: 20]
    #[arg(long, value_name = "N", default_value = "20", hide_default_value = true)]
    limit: i64,
    #[command(flatten)]
    at: AtArgs,
}

impl Record for Run {
    const SCHEMA: &'static str = "run.list/1";
    const COLUMNS: &'static [&'static str] =
        &["id", "started", "result", "kernels", "succeeded", "failed", "revision", "target", "of build", "job"];
    fn cells(&self) -> Vec<String> {
        let running = match self.state {
            db::Liveness::Ended => "",
            db::Liveness::Held => "(running)",
            db::Liveness::Left => "(lease expired)",
        };
        vec![
            self.id.to_string(),
            time(Some(self.started_at)),
            self.result.clone().unwrap_or_else(|| running.to_owned()),
            self.kernels.to_string(),
            self.succeeded.to_string(),
            self.failed.to_string(),
            self.revision.clone().unwrap_or_default(),
            self.target.clone().unwrap_or_default(),
            self.build.map(|build| build.to_string()).unwrap_or_default(),
            self.jenkins_job.clone().unwrap_or_default(),
        ]
    }
}

/// Lists runs.
pub(in crate::cli) async fn list(kind: RunKind, args: &ListArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let session = context.open().await?;
    let as_of = args.at.resolve(&session.client).await?;
    sqern_db::available::require(&session.client, args.revision.as_deref(), args.target.as_deref()).await?;
    let filter = Filter {
        revision: args.revision.clone(),
        target: args.target.clone(),
        open: args.open,
        limit: (args.limit > 0).then_some(args.limit),
    };
    let runs = db::list(&session.client, kind, &filter, &as_of).await?;
    at::list(context, &runs, &Frame::from(&as_of))?;
    Ok(Exit::Done)
}

impl Record for RunKernel {
    const SCHEMA: &'static str = "run.kernels/1";
    const COLUMNS: &'static [&'static str] = &["distro", "version", "result"];
    fn cells(&self) -> Vec<String> {
        vec![self.kernel.distro.to_string(), self.kernel.version.to_string(), self.result.clone().unwrap_or_default()]
    }
}

/// Lists the kernels of a run.
pub(in crate::cli) async fn kernels(kind: RunKind, id: i64, at: &AtArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let session = context.open().await?;
    let as_of = at.resolve(&session.client).await?;
    let kernels = db::kernels(&session.client, kind, id, &as_of).await?;
    if kernels.is_empty() && as_of == sqern_db::AsOf::Now {
        db::get(&session.client, kind, id).await.map_err(|error| refused(error.into(), kind))?;
    }
    at::list(context, &kernels, &Frame::from(&as_of))?;
    Ok(Exit::Done)
}

/// A run with its kernels.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    run: Run,
    of: Vec<LoggedKernel>,
}

/// Shows a run, its kernels, and the last log lines of failed kernels.
pub(in crate::cli) async fn show(kind: RunKind, id: i64, context: &Context<'_>) -> Result<Exit, Failure> {
    let session = context.open().await?;
    let run = db::get(&session.client, kind, id).await.map_err(|error| refused(error.into(), kind))?;
    let shown = Shown { run, of: RunLog::of(&session.client, kind, id).await? };
    context.printer.one("run.show/1", &shown, || describe(kind, &shown))?;
    Ok(Exit::Done)
}

fn describe(kind: RunKind, shown: &Shown) -> String {
    let Run { id, started_at, result, state, owner, expires_at, .. } = &shown.run;
    let mut lines = vec![format!("{kind} {id}, started {}", time(Some(*started_at)))];
    let state = match (result, state, owner) {
        (Some(result), ..) => result.clone(),
        (None, db::Liveness::Held, Some(owner)) => format!("running: {owner}, lease until {}", time(*expires_at)),
        (None, db::Liveness::Held, None) => "running".to_owned(),
        (None, ..) => "lease expired; the next claim aborts the run".to_owned(),
    };
    lines.push(format!("  result    {state}"));
    let fields = [
        ("revision", shown.run.revision.clone()),
        ("target", shown.run.target.clone()),
        ("profile", shown.run.profile.clone()),
        ("change", shown.run.change_id.clone()),
        ("job", shown.run.jenkins_job.clone()),
        ("official", shown.run.official.then(|| "yes".to_owned())),
        ("build", shown.run.build.map(|build| build.to_string())),
        ("flavor", shown.run.flavor.clone()),
        ("cluster", shown.run.cluster.clone()),
    ];
    lines.extend(fields.into_iter().filter_map(|(name, value)| Some(format!("  {name:<9} {}", value?))));
    for one in &shown.of {
        let kernel = &one.kernel.kernel;
        let result = one.kernel.result.as_deref().unwrap_or("running");
        lines.push(format!("  {:<9} {} {}", result, kernel.distro, kernel.version));
        if let Some(log) = one.log.as_ref().filter(|_| result != "SUCCESS") {
            lines.push(format!("            {}:{} ({:.1} s)", log.host, log.path, log.seconds));
            lines.extend(log.tail.lines().map(|line| format!("            | {line}")));
        }
    }
    lines.join("\n")
}
