//! `build run` and `test run`: run a command for each kernel.

use sqern_core::environment;
use sqern_core::owner::lease_owner;
use sqern_core::runs::{
    ExecutionOptions, ExecutorConfig, Lease, RetryPolicy, RunExecutor, RunSelection, RunSpec,
    RunSummary,
};
use sqern_core::sandbox::SandboxRequest;
use sqern_model::RunResult;

use super::args::{SelectionArgs, with_jenkins_values};
use super::execute_args::ExecuteArgs;
use super::progress::RunProgress;
use crate::cli::Context;
use crate::cli::interrupt::stop_on_interrupt;
use crate::cli::store_args::open_store;
use crate::error::{CliError, ExitStatus};
use crate::printer::{Printer, RowArgs};
use crate::settings::Settings;

/// Executes a build or tests; with `--dry-run`, prints the plan.
pub(in crate::cli) async fn run(
    spec: RunSpec,
    selection: SelectionArgs,
    args: ExecuteArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let (comment, dry_run) = (args.comment.clone(), args.dry_run);
    let (selection, options) = (RunSelection::from(selection), ExecutionOptions::from(args));
    if dry_run {
        let rows = RowArgs {
            limit: options.max_kernels,
            ..RowArgs::default()
        };
        return super::plan(&spec, &selection, &rows, context).await;
    }
    execute(spec, &selection, &options, comment, context).await
}

/// Executes a build, or a test run for each build of the plan. The default comment is the command
/// line.
pub(in crate::cli) async fn execute(
    spec: RunSpec,
    selection: &RunSelection,
    options: &ExecutionOptions,
    comment: Option<String>,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let config = config(options, comment, context)?;
    let (progress, stop) = (RunProgress::new(context.printer), stop_on_interrupt());
    let executor = RunExecutor::new(&config, &progress, &stop);
    let (max_kernels, kind) = (options.max_kernels.map(super::to_usize), spec.kind());
    let mut exit = None;
    let mut print = |summary| {
        progress.clear();
        let is_done = print_summary(summary, context.printer)? == ExitStatus::Success
            && exit != Some(ExitStatus::Failed);
        exit = Some(if is_done {
            ExitStatus::Success
        } else {
            ExitStatus::Failed
        });
        Ok::<_, CliError>(())
    };
    match with_jenkins_values(spec, context) {
        RunSpec::Test(test) => {
            executor
                .test_each_build(&test, selection, max_kernels, print)
                .await?;
        }
        spec @ RunSpec::Build(_) => {
            if let Some(summary) = executor.execute(&spec, selection, max_kernels).await? {
                print(summary)?;
            }
        }
    }
    if exit.is_none() {
        super::note_empty_plan(kind, selection, context);
    }
    Ok(exit.unwrap_or(ExitStatus::Success))
}

fn config(
    options: &ExecutionOptions,
    comment: Option<String>,
    context: &Context<'_>,
) -> Result<ExecutorConfig, CliError> {
    let store = open_store(options.store.as_deref(), context)?;
    let logs = options
        .logs
        .clone()
        .or_else(|| context.settings.logs_dir())
        .ok_or_else(|| {
            CliError::failed(
                "could not determine the directory of logs: the user has no home directory",
            )
            .hint("Specify a directory with --logs DIR.")
        })?;
    Ok(ExecutorConfig {
        database: context.database(),
        command: options.command.clone(),
        jobs: options.jobs,
        time_limit: options.time_limit,
        max_failures: options.max_failures.map(super::to_usize),
        lease: Lease {
            lasts: options.lease,
            owner: lease_owner(),
        },
        logs: std::path::absolute(logs)?,
        environment: environment::select(Settings::variables(), &options.env),
        sandbox: SandboxRequest {
            mode: options.sandbox,
            launcher: context.settings.launcher(),
        },
        writable: options
            .writable
            .iter()
            .map(std::path::absolute)
            .collect::<Result<_, _>>()?,
        network: options.network,
        store,
        comment: comment.unwrap_or_else(|| context.settings.default_comment()),
        clock: context.settings.clock(),
        retry: RetryPolicy::default(),
    })
}

fn print_summary(summary: RunSummary, printer: &Printer) -> Result<ExitStatus, CliError> {
    let RunSummary {
        kind,
        id,
        kernels,
        result,
        error,
    } = summary;
    printer
        .list(&kernels, &RowArgs::default())
        .map_err(|error| {
            error
                .after(format!("{kind} {id} is recorded"))
                .hint(format!("sqern {kind} show {id}"))
        })?;
    if let Some(result) = result {
        printer.note(&format!("{kind} {id}: {result}"));
    }
    match error {
        Some(error) => Err(error.into()),
        None if result == Some(RunResult::Success) => Ok(ExitStatus::Success),
        None => {
            printer.note(&format!("details: sqern {kind} show {id}"));
            Ok(ExitStatus::Failed)
        }
    }
}
