//! The execution of `sqern fetch`.

use sqern_core::Error;
use sqern_core::environment;
use sqern_core::fetch::{self, FetchConfig, FetchPlan, KernelPlan};
use sqern_core::sandbox::SandboxRequest;
use sqern_db::crawl;
use sqern_model::{counted, join_some};

use super::FetchArgs;
use super::progress::FetchProgress;
use crate::cli::Context;
use crate::cli::interrupt::stop_on_interrupt;
use crate::error::{CliError, ExitStatus};
use crate::output::change::generation_note;
use crate::output::fetch::{FetchRow, print};
use crate::output::metadata::warn_never_checked;
use crate::printer::{Format, RowArgs};
use crate::settings::Settings;

pub(in crate::cli) async fn run(
    args: FetchArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let sources = args.sources.load(context)?;
    let session = context.open().await?;
    let plan = fetch::plan(&session.client, &args.request()).await?;
    if plan.republished > 0 {
        let kernels = counted(plan.republished, "fetched kernel");
        context.printer.warning_with_hint(
            &format!("the headers package of {kernels} was published again with other content"),
            Some("sqern fetch --republished"),
        );
    }
    if plan.skipped > 0 {
        let skipped = counted(plan.skipped, "kernel");
        context.printer.note(&format!(
            "skipped {skipped} without a headers package for {}",
            args.arch
        ));
    }
    if plan.is_empty() {
        if context.printer.format() != Format::Table {
            context.printer.list::<FetchRow>(&[], &RowArgs::default())?;
        }
        context.printer.note("nothing to fetch");
        let never_checked = crawl::never_checked(&session.client, &args.distros, None).await?;
        warn_never_checked(context.printer, &never_checked);
        return Ok(ExitStatus::Success);
    }
    if args.change.dry_run {
        return print_plan(plan, context);
    }
    drop(session);
    let config = FetchConfig {
        sources,
        store: args.store.open(context)?,
        jobs: args.jobs,
        compile_module: !args.no_prove,
        sandbox: SandboxRequest {
            mode: args
                .sandbox
                .or(context.settings.config.sandbox)
                .unwrap_or_default(),
            launcher: context.settings.launcher(),
        },
        environment: environment::select(Settings::variables(), &args.env),
        comment: args.change.comment(context),
        clock: context.settings.clock(),
    };
    let progress = FetchProgress::new(context.printer, plan.kernels.len());
    let summary = fetch::execute(
        &context.database(),
        &plan,
        &config,
        &progress,
        &stop_on_interrupt(),
    )
    .await?;
    progress.clear();
    let with_tree = summary.kernels.iter();
    let with_tree = with_tree.filter(|fetch| fetch.outcome.tree().is_some());
    let with_tree: Vec<String> = with_tree.map(|fetch| fetch.kernel.to_string()).collect();
    let rejected = plan.rejected.into_iter().map(FetchRow::rejected);
    let rows = rejected
        .chain(summary.kernels.into_iter().map(FetchRow::from))
        .collect();
    let printed = print(rows, context.printer);
    match summary.recorded {
        Ok(finished) => {
            let exit = printed.map_err(|error| error.after_generation(finished))?;
            context
                .printer
                .note(&generation_note(finished, false, "nothing was recorded"));
            Ok(exit)
        }
        Err(error) => {
            if let Err(output) = &printed {
                context.printer.problem(output);
            }
            Err(not_recorded(error, &with_tree, context))
        }
    }
}

/// Returns the error of recording these kernels. The same command records their trees.
fn not_recorded(error: Error, kernels: &[String], context: &Context<'_>) -> CliError {
    let failure = CliError::from(error);
    if kernels.is_empty() {
        return failure;
    }
    let command = &context.settings.command_line;
    failure
        .during(format!("could not record {}", join_some(kernels)))
        .hint(format!("{command}  # records the headers in the store"))
}

/// Prints the plan of a dry run.
fn print_plan(plan: FetchPlan, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    let size: u64 = plan.kernels.iter().map(KernelPlan::size_bytes).sum();
    let count = counted(plan.kernels.len(), "kernel");
    let rejected = plan.rejected.into_iter().map(FetchRow::rejected);
    let rows: Vec<FetchRow> = rejected
        .chain(plan.kernels.iter().map(FetchRow::planned))
        .collect();
    let size = indicatif::HumanBytes(size);
    let exit = print(rows, context.printer)?;
    context.printer.note(&format!(
        "would fetch {count} ({size}); nothing was fetched"
    ));
    Ok(exit)
}
