//! The output of `sqern pipeline`.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_core::pipeline::{Step, quote};

use crate::printer::Document;

/// A step of a pipeline.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlannedStep {
    /// `check`, `fetch`, `build`, `test` or `available`.
    step: &'static str,
    /// The program and the arguments of the command that the step runs.
    arguments: Vec<String>,
}

impl Document for Vec<PlannedStep> {
    const SCHEMA: &'static str = "pipeline.plan/1";
}

impl From<&Step> for PlannedStep {
    fn from(step: &Step) -> Self {
        Self {
            step: step.name().as_str(),
            arguments: step.arguments(),
        }
    }
}

/// Returns the commands of the steps, quoted for a shell.
#[must_use]
pub fn describe(steps: &[PlannedStep]) -> String {
    let lines: Vec<String> = steps.iter().map(|step| quote(&step.arguments)).collect();
    lines.join("\n")
}
