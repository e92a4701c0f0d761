//! A report as a list, or as a page.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::Context;
use crate::cli::at::{self, Frame};
use crate::failure::Failure;
use crate::printer::{Format, Record, RowArgs};
use crate::reports::html::{HeatMap, Page, Table, page};

/// Whether a page is written.
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
    pub(super) fn require_alone(&self, context: &Context<'_>) -> Result<(), Failure> {
        match context.printer.format() {
            Format::Json | Format::Csv if self.html.is_some() => {
                Err(Failure::usage("--html cannot be used with --json or --csv"))
            }
            _ => Ok(()),
        }
    }
}

/// How a report is given.
pub(super) struct Give<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) frame: &'a Frame,
    pub(super) html: &'a HtmlArgs,
    pub(super) rows: &'a RowArgs,
}

impl Give<'_> {
    /// Writes the page, where one is asked for.
    pub(super) fn page(
        &self,
        title: &str,
        mut about: Vec<String>,
        map: impl FnOnce() -> HeatMap,
        tables: impl FnOnce() -> Vec<Table>,
    ) -> Result<(), Failure> {
        let Some(file) = &self.html.html else { return Ok(()) };
        about.extend(self.frame.state());
        about.extend(self.frame.lacking());
        let text = page(&Page { title: title.to_owned(), about, maps: vec![map()], tables: tables() });
        if file.as_os_str() == "-" {
            return self.context.printer.data(&text);
        }
        let told = |error: std::io::Error| {
            Failure::unmet(format!("could not write {}: {error}", file.display())).hint("Specify another file with --html FILE.")
        };
        // Readers see the page before or the page after, never half of one.
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| ".".as_ref());
        let mut staged = tempfile::Builder::new().permissions(permissions()).tempfile_in(folder).map_err(told)?;
        staged.write_all(text.as_bytes()).map_err(told)?;
        staged.persist(file).map_err(|error| told(error.error))?;
        Ok(())
    }

    /// Prints the list with its metadata, unless a page was written. Then prints the state.
    pub(super) fn list<R: Record>(&self, records: &[R], more: &impl Serialize) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Framed<'a, M: Serialize> {
            #[serde(flatten)]
            frame: &'a Frame,
            #[serde(flatten)]
            more: &'a M,
        }
        if !self.html.is_wanted() {
            self.context.printer.list_in(records, self.rows, &Framed { frame: self.frame, more })?;
        }
        at::tell(self.context, self.frame);
        Ok(())
    }
}

/// As other files have them; the user's umask takes its part.
fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}
