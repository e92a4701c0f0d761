//! Lists of runs and of their kernels.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use sqern_core::runs;
use sqern_db::run::{self as db, Filter, Run, RunKernel};
use sqern_model::{RunKind, RunResult};

use crate::cli::Context;
use crate::cli::at::{self, AtArgs, Frame};
use crate::failure::{Exit, Failure};
use crate::printer::{Record, time};

/// Selects the runs.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Consider only this revision [default: all]
    #[arg(long, value_name = "REVISION", value_parser = NonEmptyStringValueParser::new())]
    revision: Option<String>,
    /// Consider only this release target [default: all]
    #[arg(long, value_name = "TARGET", value_parser = NonEmptyStringValueParser::new())]
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
            db::Liveness::Finished => "",
            db::Liveness::Running => "(running)",
            db::Liveness::Expired => "(lease expired)",
        };
        vec![
            self.id.to_string(),
            time(Some(self.started_at)),
            self.result.map_or(running, RunResult::as_str).to_owned(),
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
        vec![
            self.kernel.distro.to_string(),
            self.kernel.version.to_string(),
            self.result.map(|result| result.to_string()).unwrap_or_default(),
        ]
    }
}

/// Lists the kernels of a run.
pub(in crate::cli) async fn kernels(kind: RunKind, id: i64, at: &AtArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let session = context.open().await?;
    let as_of = at.resolve(&session.client).await?;
    let kernels = runs::kernels(&session.client, kind, id, &as_of).await?;
    at::list(context, &kernels, &Frame::from(&as_of))?;
    Ok(Exit::Done)
}
