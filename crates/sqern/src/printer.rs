//! All output: data to standard output, everything else to standard error.

mod column;
mod json;
mod pager;
mod rows;
pub mod schema;
mod table;
mod wrap;

use std::borrow::Cow;
use std::io::{self, Read, Write};

use jiff::Timestamp;
use rustix::fs::OFlags;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::escape::{escape_json, escape_lines, escape_message, escape_value};
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use unicode_width::UnicodeWidthStr as _;

pub use self::column::{Column, Kind, duration, percent, relative};
pub use self::rows::{DEFAULT_LIMIT, RowArgs, query_limit};
pub use self::schema::{Document, ErrorDocument, NoMetadata};

use self::column::TimeFormat;
use self::rows::{RowColumn, Rows};
use self::schema::{ListDocument, ValueDocument, full_name};
pub use self::table::GAP;
use self::table::Style;
pub use self::wrap::wrap;
use crate::error::{CliError, code};
use crate::settings::{Pager, Settings};

/// The crates whose events `--verbose` prints.
const OWN_CRATES: [&str; 10] = [
    "sqern",
    "sqern_core",
    "sqern_db",
    "sqern_model",
    "sqern_store",
    "sqern_upstream",
    "sqern_archive",
    "sqern_process",
    "pg_connect",
    "pg_local",
];

/// A format of the output of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A table.
    #[default]
    Table,
    /// One JSON document with the name and version of its schema.
    Json,
    /// RFC 4180 with a header line.
    Csv {
        /// Whether values are printed without changes. Otherwise, unprintable characters are escaped,
        /// and values that a spreadsheet would execute are marked.
        is_raw: bool,
    },
}

/// A kind of record that can be listed. The names of the columns are fields of its JSON, which CSV
/// and tables print.
pub trait Record: Serialize + JsonSchema {
    /// The name and version of its JSON: `kver.list/1`.
    const SCHEMA: &'static str;
    /// The columns of tables and CSV.
    const COLUMNS: &'static [Column];
}

/// The amount of output besides data and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verbosity {
    /// Whether notes and progress are omitted.
    pub is_quiet: bool,
    /// 0 prints warnings, 1 also the steps of the work, 2 also its details, 3 everything.
    pub level: u8,
}

/// Returns the texts of records in their columns. Times are in UTC. A record that cannot be
/// serialized has no text.
#[must_use]
pub fn texts<R: Record>(records: &[R]) -> Vec<Vec<String>> {
    let row = |record: &R| {
        let fields = rows::fields(record).unwrap_or_default();
        let text = |column: &Column| {
            fields
                .get(column.name)
                .map(|value| column.kind.text_of(value, TimeFormat::Utc))
                .unwrap_or_default()
        };
        R::COLUMNS.iter().map(text).collect()
    };
    records.iter().map(row).collect()
}

/// Standard output or standard error.
#[derive(Debug, Clone, Copy, Default)]
struct Stream {
    is_terminal: bool,
    color: bool,
}

impl Stream {
    /// Returns a stream that is colored if it is a terminal and color is enabled.
    fn new(is_terminal: bool, is_color_allowed: bool) -> Self {
        Self {
            is_terminal,
            color: is_terminal && is_color_allowed,
        }
    }
}

/// Prints the output of a command.
#[derive(Debug)]
pub struct Printer {
    format: Format,
    stdout: Stream,
    stderr: Stream,
    /// The width of `COLUMNS`.
    columns: Option<usize>,
    verbosity: Verbosity,
    pager: Option<Pager>,
    /// The current time, for relative times.
    now: Timestamp,
}

impl Printer {
    /// Returns a printer for this terminal and this format.
    #[must_use]
    pub fn new(settings: &Settings, format: Format, verbosity: Verbosity) -> Self {
        Self {
            format,
            stdout: Stream::new(settings.stdout_is_terminal, settings.color),
            stderr: Stream::new(settings.stderr_is_terminal, settings.color),
            columns: settings.columns,
            verbosity,
            pager: settings
                .pager
                .clone()
                .filter(|_| settings.stdout_is_terminal),
            now: settings.now(),
        }
    }

    /// Returns a printer for errors before the settings are known: no color, no width.
    #[must_use]
    pub fn plain(format: Format) -> Self {
        Self {
            format,
            stdout: Stream::default(),
            stderr: Stream::default(),
            columns: None,
            verbosity: Verbosity::default(),
            pager: None,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    /// Prints the warnings of libraries and, with `--verbose`, the events of the crates of this
    /// project.
    pub fn show_events(&self) {
        let level = match self.verbosity.level {
            0 => LevelFilter::WARN,
            1 => LevelFilter::INFO,
            2 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        };
        let filter = Targets::new()
            .with_default(LevelFilter::WARN)
            .with_targets(OWN_CRATES.map(|name| (name, level)));
        // The fields contain names from repositories and the database.
        let fields = debug_fn(|writer, field, value| {
            let text = format!("{value:?}");
            let text = escape_value(&text);
            match field.name() {
                "message" => write!(writer, "{text}"),
                name => write!(writer, "{name}={text}"),
            }
        });
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(fields.delimited(" "))
            .with_writer(io::stderr)
            .with_ansi(self.stderr.color)
            .with_target(false)
            .without_time();
        // Only the first printer of a process, such as a test, sets the subscriber.
        let _ = tracing_subscriber::registry()
            .with(filter)
            .with(layer)
            .try_init();
    }

    /// Returns the requested format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether progress is printed: standard error is a terminal, and the output is not quiet.
    #[must_use]
    pub fn shows_progress(&self) -> bool {
        self.stderr.is_terminal && !self.verbosity.is_quiet
    }

    /// Prints a list.
    ///
    /// # Errors
    ///
    /// Returns an error if a requested column does not exist, or if standard output cannot be
    /// written.
    pub fn list<R: Record>(&self, records: &[R], args: &RowArgs) -> Result<(), CliError> {
        self.list_in(records, args, &NoMetadata {})
    }

    /// Prints a list with metadata, whose fields are next to the items in JSON.
    ///
    /// # Errors
    ///
    /// Returns an error if a requested column does not exist, or if standard output cannot be
    /// written.
    pub fn list_in<R: Record>(
        &self,
        records: &[R],
        args: &RowArgs,
        metadata: &impl Serialize,
    ) -> Result<(), CliError> {
        let rows = Rows::new(records, args)?;
        match self.format {
            Format::Json => self.json(&ListDocument {
                schema: full_name(R::SCHEMA),
                metadata,
                items: &rows.rows,
            }),
            Format::Csv { is_raw } => self.csv(&rows, is_raw),
            Format::Table => self.table(&rows),
        }
    }

    /// Prints one value: as JSON with its schema, else as the text of `describe`. Commands that
    /// print no list reject CSV before they start.
    pub fn value<T: Document>(
        &self,
        value: &T,
        describe: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        match self.format {
            Format::Json => self.json(&ValueDocument {
                schema: full_name(T::SCHEMA),
                item: value,
            }),
            Format::Table | Format::Csv { .. } => self.text(&describe()),
        }
    }

    /// Returns an error if standard output is closed or read-only, so that each later output would
    /// be lost. Other errors, such as a full disk, are known only after a write.
    pub fn require_stdout(&self) -> Result<(), CliError> {
        check_written(require_writable()).map(drop)
    }

    /// Prints text for a reader to standard output. Its line breaks are kept, so values in it must
    /// be escaped by [`escape_value`]. Other unprintable characters are escaped.
    pub fn text(&self, text: &str) -> Result<(), CliError> {
        write_out(escape_lines(text).trim_end_matches('\n'))
    }

    /// Prints text for a program, such as a file, to standard output. It is changed only on a
    /// terminal, like [`Self::text`].
    pub fn data(&self, text: &str) -> Result<(), CliError> {
        if self.stdout.is_terminal {
            return self.text(text);
        }
        write_out(text.trim_end_matches('\n'))
    }

    /// Prints a line of JSON of any length and its newline. Returns whether standard output is still
    /// open.
    pub fn json_line(&self, document: impl Read) -> Result<bool, CliError> {
        let mut stdout = io::stdout().lock();
        let written = require_writable().and_then(|()| json::copy(document, &mut stdout));
        check_written(
            written
                .and_then(|()| writeln!(stdout))
                .and_then(|()| stdout.flush()),
        )
    }

    /// Prints a prompt to standard error, also if the output is quiet.
    pub fn prompt(&self, text: &str) {
        self.message("", text);
    }

    /// Prints a message to standard error, escaped by [`escape_message`]. On a terminal, its lines
    /// wrap with a hanging indent.
    fn message(&self, mark: &str, text: &str) {
        let text = escape_message(text);
        let plain_mark = escape_lines(mark);
        let head = match &*plain_mark {
            "" => String::new(),
            mark => format!("{mark} "),
        };
        let width = terminal_size::terminal_size_of(io::stderr())
            .filter(|_| self.stderr.is_terminal)
            .map(|(width, _)| usize::from(width.0));
        let lines: Vec<String> = match width {
            Some(width) => text
                .lines()
                .enumerate()
                .flat_map(|(index, line)| {
                    let start = if index == 0 { head.as_str() } else { "" };
                    if start.width() + line.width() <= width {
                        return vec![format!("{start}{line}")];
                    }
                    let indent = &line[..line.len() - line.trim_start().len()];
                    wrap(line, if index == 0 { &head } else { indent }, width)
                })
                .collect(),
            None => vec![format!("{head}{text}")],
        };
        let text = lines.join("\n").replacen(&*plain_mark, mark, 1);
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Prints a note to standard error.
    pub fn note(&self, text: &str) {
        if self.verbosity.is_quiet {
            return;
        }
        self.prompt(text);
    }

    /// Prints a warning to standard error.
    pub fn warning(&self, text: &str) {
        let mark = if self.stderr.color {
            "\u{1b}[33mwarning:\u{1b}[0m"
        } else {
            "warning:"
        };
        self.message(mark, text);
    }

    /// Prints a warning, and the command that resolves it.
    pub fn warning_with_hint(&self, text: &str, hint: Option<&str>) {
        self.warning(text);
        if let Some(hint) = hint {
            self.hint(hint);
        }
    }

    /// Prints the error of the command to standard error: in the format JSON as an object, else
    /// like [`Self::problem`].
    pub fn failure(&self, failure: &CliError) {
        if self.format != Format::Json {
            return self.problem(failure);
        }
        let text = serde_json::to_string(&ErrorDocument::from(failure)).unwrap_or_default();
        let _ = writeln!(io::stderr().lock(), "{}", escape_json(&text));
    }

    /// Prints a note, and the command that resolves it. Quiet output omits both.
    pub fn note_with_hint(&self, text: &str, hint: Option<&str>) {
        self.note(text);
        if let Some(hint) = hint.filter(|_| !self.verbosity.is_quiet) {
            self.hint(hint);
        }
    }

    fn hint(&self, text: &str) {
        let mark = if self.stderr.color {
            "\u{1b}[36mhint:\u{1b}[0m"
        } else {
            "hint:"
        };
        let _ = writeln!(io::stderr().lock(), " {mark} {}", escape_message(text));
    }

    /// Prints an error of a part of the work, and its hints, to standard error.
    pub fn problem(&self, failure: &CliError) {
        let mark = if self.stderr.color {
            "\u{1b}[31merror:\u{1b}[0m"
        } else {
            "error:"
        };
        self.message(mark, failure.message());
        for line in failure.hints() {
            self.hint(line);
        }
    }

    fn json(&self, value: &impl Serialize) -> Result<(), CliError> {
        let text = if self.stdout.is_terminal {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        write_out(&escape_json(&text.map_err(io::Error::from)?))
    }

    /// Prints a list as CSV. Cells are escaped, because a file with this output might be displayed on a
    /// terminal. Raw cells are escaped only on a terminal.
    fn csv(&self, rows: &Rows, is_raw: bool) -> Result<(), CliError> {
        let mut writer = csv::WriterBuilder::new().from_writer(vec![]);
        let header = rows.columns.iter().map(|column| &column.name);
        let written = writer.write_record(header).and_then(|()| {
            rows.rows.iter().try_for_each(|row| {
                let cell = |column: &RowColumn| {
                    let value = row.get(&column.name).unwrap_or(&serde_json::Value::Null);
                    let cell = column.kind.csv_of(value, is_raw);
                    if is_raw && !self.stdout.is_terminal {
                        cell
                    } else {
                        escape_value(&cell).into_owned()
                    }
                };
                writer.write_record(rows.columns.iter().map(cell))
            })
        });
        written.map_err(io::Error::other)?;
        let bytes = writer
            .into_inner()
            .map_err(|error| io::Error::other(error.to_string()))?;
        write_out(String::from_utf8_lossy(&bytes).trim_end_matches('\n'))
    }

    fn table(&self, rows: &Rows) -> Result<(), CliError> {
        if rows.rows.is_empty() {
            self.note("nothing to show");
            return Ok(());
        }
        let times = if self.stdout.is_terminal {
            TimeFormat::RelativeTo(self.now)
        } else {
            TimeFormat::Utc
        };
        let layout = table::layout(
            rows,
            Style {
                width: self.width().map(usize::from),
                color: self.stdout.color,
                times,
            },
        );
        self.page(&layout.lines)?;
        if !layout.omitted.is_empty() {
            self.note(&format!(
                "columns that do not fit the terminal are omitted: {}; --columns prints them",
                layout.omitted.join(", ")
            ));
        }
        if rows.rows.len() < rows.total {
            let of_total = if rows.is_total_known {
                format!(" of {}", rows.total)
            } else {
                String::new()
            };
            let shown = rows.rows.len();
            self.note(&format!("{shown}{of_total} shown; --limit 0 prints all"));
        }
        Ok(())
    }

    /// Prints lines, with a pager if they do not fit the terminal.
    fn page(&self, lines: &[String]) -> Result<(), CliError> {
        let text = lines.join("\n");
        let fits = terminal_size::terminal_size_of(io::stdout())
            .is_none_or(|(_, height)| lines.len() < usize::from(height.0));
        match &self.pager {
            Some(pager) if !fits && pager::page(pager, &format!("{text}\n"))? => Ok(()),
            _ => write_out(&text),
        }
    }

    /// Returns the width for wrapped text: that of the terminal, else `COLUMNS`.
    #[must_use]
    pub fn text_width(&self) -> Option<usize> {
        self.width().map(usize::from).or(self.columns)
    }

    /// Returns the width of the terminal; `None` for a file or a pipe, where lines are not wrapped.
    fn width(&self) -> Option<u16> {
        let (width, _) =
            terminal_size::terminal_size_of(io::stdout()).filter(|_| self.stdout.is_terminal)?;
        Some(width.0)
    }
}

/// Writes data. A closed pipe (`sqern kver list | head`) is not an error.
fn write_out(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    let written = require_writable()
        .and_then(|()| writeln!(stdout, "{text}"))
        .and_then(|()| stdout.flush());
    check_written(written).map(drop)
}

/// Prints the help, the version or a usage error of clap. Returns the exit status.
///
/// # Errors
///
/// Returns an error if standard output cannot be written.
pub fn print_clap(error: &clap::Error) -> Result<i32, CliError> {
    if error.use_stderr() {
        let text = error.render().to_string();
        // An error of this write cannot be reported.
        let _ = match escape_lines(&text) {
            Cow::Borrowed(_) => error.print(),
            Cow::Owned(escaped) => io::stderr().write_all(escaped.as_bytes()),
        };
        return Ok(error.exit_code());
    }
    check_written(
        require_writable()
            .and_then(|()| error.print())
            .and_then(|()| io::stdout().flush()),
    )?;
    Ok(error.exit_code())
}

/// Returns an error if standard output was closed when the program started, or is open for reading
/// only. The standard library ignores both errors of a write.
fn require_writable() -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(io::stdout())?;
    let is_writable = flags & OFlags::ACCMODE != OFlags::RDONLY;
    if is_writable && start_stdio::was_stdout_open() {
        Ok(())
    } else {
        Err(rustix::io::Errno::BADF.into())
    }
}

/// Returns whether standard output is still open. A closed pipe is not an error.
fn check_written(written: io::Result<()>) -> Result<bool, CliError> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(
            CliError::failed(format!("could not write to standard output: {error}"))
                .with_code(code::IO),
        ),
    }
}

/// Formats a time to the second, in UTC; returns an empty string for `None`.
#[must_use]
pub fn time(at: Option<Timestamp>) -> String {
    at.map(column::utc).unwrap_or_default()
}
