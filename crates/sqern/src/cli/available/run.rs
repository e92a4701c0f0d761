//! The execution of `sqern available`.

use sqern_core::available::{self, AvailableFilter, Evidence, ModuleSelection, SucceededModules};
use sqern_model::RunKind;

use super::{AvailableCommand, Which};
use crate::cli::Context;
use crate::error::{CliError, ExitStatus};
use crate::output::available::print;
use crate::output::metadata::{self, ListMetadata};

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
            let (snapshot, as_of) = at.begin(&mut session.client).await?;
            let available = available::list(
                &snapshot,
                &AvailableFilter {
                    revision,
                    target,
                    distros,
                    kernels,
                },
                &as_of,
            )
            .await?;
            metadata::list(
                context.printer,
                &available,
                &rows,
                &ListMetadata::from(&as_of),
            )?;
            Ok(ExitStatus::Success)
        }
        AvailableCommand::Add(args) => {
            let options = args.change.options(context);
            let change = available::add(&mut session.client, &args.into(), &options).await?;
            print(&change, "available", options.dry_run, context.printer)
        }
        AvailableCommand::Remove(args) => {
            let options = args.change.options(context);
            let change = available::remove(&mut session.client, &args.into(), &options).await?;
            print(
                &change,
                "no longer available",
                options.dry_run,
                context.printer,
            )
        }
    }
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
