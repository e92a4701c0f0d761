//! The output of a report: a list or an HTML page.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::Context;
use crate::error::CliError;
use crate::output::html::{Origin, Page, page};
use crate::output::metadata::{self, ListMetadata, ReportMetadata};
use crate::printer::{Format, Record, RowArgs};

/// The option `--html`, which writes the report to a file.
#[derive(Debug, Args)]
pub(super) struct HtmlArgs {
    /// Write an HTML page with a chart and all tables instead of the list; - for standard output
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl HtmlArgs {
    pub(super) fn is_wanted(&self) -> bool {
        self.html.is_some()
    }

    /// Rejects `--html` with another output format.
    pub(super) fn require_alone(&self, context: &Context<'_>) -> Result<(), CliError> {
        match context.printer.format() {
            Format::Json | Format::Csv { .. } if self.html.is_some() => Err(CliError::usage(
                "--html cannot be used with --json, --csv or --csv-raw",
            )),
            _ => Ok(()),
        }
    }
}

/// Prints a report as a list or writes it as an HTML page.
pub(super) struct ReportOutput<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) metadata: &'a ListMetadata,
    pub(super) html: &'a HtmlArgs,
    pub(super) rows: &'a RowArgs,
}

impl ReportOutput<'_> {
    /// Writes the page if `--html` is specified.
    pub(super) fn page(&self, create: impl FnOnce() -> Page) -> Result<(), CliError> {
        let Some(file) = &self.html.html else {
            return Ok(());
        };
        let settings = self.context.settings;
        let file_text = file.to_string_lossy();
        let all_rows = |option: &str| {
            settings.command_with(
                option,
                &["--html", &file_text, &format!("--html={file_text}"), option],
            )
        };
        let text = page(&create(), &self.origin(&all_rows));
        if file.as_os_str() == "-" {
            return self.context.printer.data(&text);
        }
        let failed = |error: std::io::Error| {
            CliError::failed(format!("could not write {}: {error}", file.display()))
                .hint("Specify another file with --html FILE.")
        };
        // The file is replaced atomically, so that readers never see a part of the page.
        let directory = file
            .parent()
            .filter(|directory| !directory.as_os_str().is_empty())
            .unwrap_or_else(|| ".".as_ref());
        let mut staged = tempfile::Builder::new()
            .permissions(permissions())
            .tempfile_in(directory)
            .map_err(failed)?;
        staged.write_all(text.as_bytes()).map_err(failed)?;
        staged.persist(file).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Returns the origin of the data of a page.
    fn origin<'a>(&self, all_rows: &'a dyn Fn(&str) -> String) -> Origin<'a> {
        Origin {
            data: self.metadata.state().unwrap_or_default(),
            warnings: self.metadata.incomplete_lines(),
            command: self.context.settings.command_line.clone(),
            all_rows,
        }
    }

    /// Prints the list with its metadata and further fields, unless a page was written. Then prints
    /// the state.
    pub(super) fn list<R: Record>(
        &self,
        records: &[R],
        fields: &impl Serialize,
    ) -> Result<(), CliError> {
        if !self.html.is_wanted() {
            self.context.printer.list_in(
                records,
                self.rows,
                &ReportMetadata {
                    common: self.metadata,
                    fields,
                },
            )?;
        }
        metadata::print_state(self.context.printer, self.metadata);
        Ok(())
    }
}

/// Returns the permissions of a new file, before the umask applies.
fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}
