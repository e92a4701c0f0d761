//! `sqern source show`: the sources and rules of a distribution.

use sqern_core::sources::definition;
use sqern_model::{DistroName, SourceSet};

use crate::cli::Context;
use crate::error::{CliError, ExitStatus};
use crate::output::source::describe;

pub(super) fn run(
    name: &DistroName,
    toml: bool,
    set: &SourceSet,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let def = definition(set, name)?;
    let file = set.files.get(name);
    if toml {
        context
            .printer
            .data(file.map_or("", |file| file.text.as_str()))?;
        return Ok(ExitStatus::Success);
    }
    context.printer.value(def, || describe(def, file))?;
    Ok(ExitStatus::Success)
}
