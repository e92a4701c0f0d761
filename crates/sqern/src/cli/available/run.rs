//! The execution of `sqern available`.

use sqern_core::available::{
    self, AvailabilityChange, Available, AvailableFilter, Evidence, ModuleSelection,
    SucceededModules,
};
use sqern_model::RunKind;

use super::{AvailableCommand, Which};
use crate::cli::Context;
use crate::cli::at::{self, ListMetadata};
use crate::cli::change::report;
use crate::error::{CliError, ExitStatus};
use crate::printer::{Column, Record};

impl Record for Available {
    const SCHEMA: &'static str = "available.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("revision"),
        Column::name("target"),
        Column::name("distro"),
        Column::name("version"),
    ];
}

pub(in crate::cli) async fn run(
    command: AvailableCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let mut session = context.open().await?;
    match command {
        AvailableCommand::List {
            revision,
            target,
            distros,
            kernels,
            at,
            rows,
        } => {
            let as_of = at.resolve(&session.client).await?;
            let available = available::list(
                &session.client,
                &AvailableFilter {
                    revision,
                    target,
                    distros,
                    kernels,
                },
                &as_of,
            )
            .await?;
            at::list(context, &available, &rows, &ListMetadata::from(&as_of))?;
            Ok(ExitStatus::Success)
        }
        AvailableCommand::Add(args) => {
            let options = args.change.options(context);
            let change = available::add(&mut session.client, &args.into(), &options).await?;
            print(&change, "available", options.dry_run, context)
        }
        AvailableCommand::Remove(args) => {
            let options = args.change.options(context);
            let change = available::remove(&mut session.client, &args.into(), &options).await?;
            print(&change, "no longer available", options.dry_run, context)
        }
    }
}

/// Prints a line with the new state for each kernel, and the generation.
fn print(
    change: &AvailabilityChange,
    state: &str,
    dry_run: bool,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let AvailabilityChange {
        target,
        kernels,
        finished,
        ..
    } = change;
    let line = |kernel: &sqern_model::Kernel| {
        format!("{} {}: {state} for {target}", kernel.distro, kernel.version)
    };
    report(
        context,
        &kernels.iter().map(line).collect::<Vec<_>>(),
        *finished,
        dry_run,
    )
}

impl From<Which> for ModuleSelection {
    fn from(args: Which) -> Self {
        let Which {
            build,
            test,
            tested,
            built,
            flavor,
            profile,
            distros,
            kernels,
            revision,
            target,
            change: _,
        } = args;
        if let Some((kind, id)) = build
            .map(|id| (RunKind::Build, id))
            .or(test.map(|id| (RunKind::Test, id)))
        {
            return Self::Run {
                kind,
                id,
                revision,
                target,
            };
        }
        // The options of the other selections require both.
        let (revision, target) = (revision.unwrap_or_default(), target.unwrap_or_default());
        if tested || built {
            let evidence = if tested {
                Evidence::Tested { flavor }
            } else {
                Evidence::Built
            };
            return Self::Succeeded(SucceededModules {
                revision,
                target,
                profile,
                distros,
                evidence,
            });
        }
        Self::Kernels {
            revision,
            target,
            kernels,
        }
    }
}
