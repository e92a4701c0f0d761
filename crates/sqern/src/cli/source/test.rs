//! `sqern source test`: a crawl without a database.

use std::path::Path;

use sqern_core::source_test::{self, SourceTestResult, TestSubject};
use sqern_model::{DistroDef, DistroName, KernelVersion, SourceSet};
use sqern_upstream::CrawlOptions;

use crate::cli::Context;
use crate::cli::crawl_progress::CrawlProgress;
use crate::error::{CliError, ExitStatus};
use crate::printer::{Format, RowArgs};

/// Returns the definition of a distribution, or of a distribution file, with the selected sources.
pub(super) fn subject(
    argument: &Path,
    selected: &[String],
    sources: SourceSet,
) -> Result<DistroDef, CliError> {
    let is_file = argument
        .extension()
        .is_some_and(|extension| extension == "toml")
        || argument.components().count() > 1;
    let subject = if is_file {
        TestSubject::File(argument.to_owned())
    } else {
        let name = DistroName::new(argument.display().to_string())
            .map_err(|error| CliError::usage(error.to_string()))?;
        TestSubject::Distro(name)
    };
    Ok(source_test::select(sources, &subject, selected)?)
}

/// Crawls the sources and prints the results, and with `print_kernels` the kernels.
pub(super) async fn run(
    distro: &DistroDef,
    print_kernels: bool,
    options: &CrawlOptions,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let (printer, progress) = (context.printer, CrawlProgress::new(context.printer));
    let results = source_test::test(distro, options, &progress).await?;
    progress.clear();
    printer.list(&results, &RowArgs::default())?;
    if print_kernels && printer.format() == Format::Table {
        let kernels = source_test::kernels(&distro.name, &results);
        printer.text(&format!(
            "\n{}",
            kernels
                .iter()
                .map(KernelVersion::as_str)
                .collect::<Vec<_>>()
                .join("\n")
        ))?;
    }
    for SourceTestResult {
        source,
        state,
        reason,
        warnings,
        ..
    } in &results
    {
        for warning in warnings {
            printer.warning(&format!("{source}: {warning}"));
        }
        if let Some(reason) = reason {
            printer.problem(&CliError::failed(format!("{source} {state}: {reason}")));
        }
    }
    Ok(if source_test::is_complete(&results) {
        ExitStatus::Success
    } else {
        ExitStatus::Failed
    })
}
