//! Runs the commands of steps.

use sqern_core::pipeline::{Step, StepOutcome, StepRunner, quote};
use sqern_core::runs::RunSpec;

use crate::cli::available::AvailableCommand;
use crate::cli::{Context, available, check, fetch, run};
use crate::error::{CliError, ExitStatus};
use crate::settings::{without_secrets, without_userinfo};

/// Runs the command of each step, and prints its errors.
pub(super) struct CommandRunner<'a> {
    pub(super) context: &'a Context<'a>,
}

impl StepRunner for CommandRunner<'_> {
    async fn run_step(&self, step: &Step) -> StepOutcome {
        let arguments: Vec<String> = step
            .arguments()
            .iter()
            .map(|argument| without_userinfo(argument))
            .collect();
        let printer = self.context.printer;
        printer.note(&format!("$ {}", quote(&arguments)));
        let command_line = without_secrets(arguments.into_iter());
        let settings = self.context.settings.for_command(command_line);
        let context = Context {
            settings: &settings,
            ..*self.context
        };
        match execute(step, &context).await {
            Ok(ExitStatus::Success) => StepOutcome::Succeeded,
            Ok(_) => StepOutcome::Failed,
            Err(failure) => {
                printer.problem(&failure);
                StepOutcome::Failed
            }
        }
    }
}

async fn execute(step: &Step, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    match step {
        Step::Check(step) => check::run(step.into(), context).await,
        Step::Fetch(step) => fetch::run(step.into(), context).await,
        Step::Build(step) => {
            let spec = RunSpec::Build(step.spec.clone());
            run::execute(spec, &step.selection, &step.execution, None, context).await
        }
        Step::Test(step) => {
            let spec = RunSpec::Test(step.spec.clone());
            run::execute(spec, &step.selection, &step.execution, None, context).await
        }
        Step::Available(step) => available::run(AvailableCommand::Add(step.into()), context).await,
    }
}
