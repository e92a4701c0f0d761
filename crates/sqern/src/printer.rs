//! All output: data to standard output, everything else to standard error.

use std::io::{self, Read, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use jiff::Timestamp;
use rustix::fs::OFlags;
use serde::Serialize;
use serde_json::json;
use sqern_model::escape::replace_control;

use crate::failure::Failure;
use crate::settings::Settings;

/// The number of spaces between two columns of a table.
pub const GAP: u16 = 2;
/// The length up to which a table does not break a word: a date, an id, `ubuntu-22.04`.
const SHORT_WORD: usize = 12;

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// A table for people.
    #[default]
    Table,
    /// One JSON document with the name and version of its schema.
    Json,
    /// RFC 4180 with a header line.
    Csv,
}

/// A kind of record that can be listed.
pub trait Record: Serialize {
    /// The name and version of its JSON: `kver.list/1`.
    const SCHEMA: &'static str;
    /// The names of the columns, as in the database.
    const COLUMNS: &'static [&'static str];
    /// Returns the values of the columns; empty strings for absent values.
    fn cells(&self) -> Vec<String>;
}

/// Prints all output.
#[derive(Debug)]
pub struct Printer {
    format: Format,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    color: bool,
    /// The width of `COLUMNS`.
    columns: Option<usize>,
}

impl Printer {
    /// Returns a printer for this terminal and this format.
    #[must_use]
    pub fn new(settings: &Settings, format: Format) -> Self {
        Self {
            format,
            stdout_is_terminal: settings.stdout_is_terminal,
            stderr_is_terminal: settings.stderr_is_terminal,
            color: settings.color && settings.stderr_is_terminal,
            columns: settings.columns,
        }
    }

    /// Returns a printer for errors before the settings are known: no color, no width.
    #[must_use]
    pub fn plain() -> Self {
        Self { format: Format::Table, stdout_is_terminal: false, stderr_is_terminal: false, color: false, columns: None }
    }

    /// Prints the warnings of libraries, too.
    pub fn show_warnings(&self) {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
            .with_writer(io::stderr)
            .with_ansi(self.color)
            .with_target(false)
            .without_time();
        // A second printer in one process, as in a test, leaves it to the first.
        let _ = subscriber.try_init();
    }

    /// Returns the requested format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether standard error is a terminal, so that progress can be drawn.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.stderr_is_terminal
    }

    /// Prints a list.
    pub fn list<R: Record>(&self, records: &[R]) -> Result<(), Failure> {
        match self.format {
            Format::Table => self.table(records),
            Format::Json => self.json(&json!({"schema": format!("sqern.{}", R::SCHEMA), "items": records})),
            Format::Csv => csv(records),
        }
    }

    /// Prints a list with metadata: in JSON, the fields of `frame` (a struct or map) stand beside the items.
    pub fn list_in<R: Record>(&self, records: &[R], frame: &impl Serialize) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Framed<'a, F: Serialize, R: Serialize> {
            schema: String,
            #[serde(flatten)]
            frame: &'a F,
            items: &'a [R],
        }
        match self.format {
            Format::Json => {
                let framed = Framed { schema: format!("sqern.{}", R::SCHEMA), frame, items: records };
                self.json(&serde_json::to_value(framed).map_err(io::Error::from)?)
            }
            Format::Table | Format::Csv => self.list(records),
        }
    }

    /// Prints one value: as JSON with its schema, else as the text of `describe`. Commands that print no list reject CSV before they
    /// start.
    pub fn one<T: Serialize>(&self, schema: &str, value: &T, describe: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(&json!({"schema": format!("sqern.{schema}"), "item": value})),
            Format::Table | Format::Csv => self.data(&describe()),
        }
    }

    /// Prints text to standard output.
    pub fn data(&self, text: &str) -> Result<(), Failure> {
        write_out(text.trim_end_matches('\n'))
    }

    /// Prints a line of any length and its newline. Returns whether the reader is still there.
    pub fn line(&self, mut pieces: impl Read) -> Result<bool, Failure> {
        let mut stdout = io::stdout().lock();
        let written = require_writable().and_then(|()| io::copy(&mut pieces, &mut stdout));
        check_written(written.and_then(|_| writeln!(stdout)).and_then(|()| stdout.flush()))
    }

    /// Prints a note to standard error.
    pub fn note(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{}", replace_control(text));
    }

    /// Prints a warning to standard error.
    pub fn warning(&self, text: &str) {
        let mark = if self.color { "\u{1b}[33mwarning:\u{1b}[0m" } else { "warning:" };
        let _ = writeln!(io::stderr().lock(), "{mark} {}", replace_control(text));
    }

    /// Prints a warning, and the command that resolves it.
    pub fn warning_with_hint(&self, text: &str, hint: Option<&str>) {
        self.warning(text);
        if let Some(hint) = hint {
            let mark = if self.color { "\u{1b}[36mhint:\u{1b}[0m" } else { "hint:" };
            let _ = writeln!(io::stderr().lock(), " {mark} {}", replace_control(hint));
        }
    }

    /// Prints an error and its hints to standard error.
    pub fn failure(&self, failure: &Failure) {
        let (mark, hint) =
            if self.color { ("\u{1b}[31merror:\u{1b}[0m", "\u{1b}[36mhint:\u{1b}[0m") } else { ("error:", "hint:") };
        let mut stderr = io::stderr().lock();
        let _ = writeln!(stderr, "{mark} {}", replace_control(failure.message()));
        for line in failure.hints() {
            let _ = writeln!(stderr, " {hint} {}", replace_control(line));
        }
    }

    fn json(&self, value: &serde_json::Value) -> Result<(), Failure> {
        let text = if self.stdout_is_terminal { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
        write_out(&text.map_err(io::Error::from)?)
    }

    fn table<R: Record>(&self, records: &[R]) -> Result<(), Failure> {
        if records.is_empty() {
            self.note("nothing to show");
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(R::COLUMNS.iter().map(|column| column.to_uppercase()));
        table.add_rows(
            records.iter().map(|record| record.cells().iter().map(|cell| replace_control(cell).into_owned()).collect::<Vec<_>>()),
        );
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP));
        }
        if let Some(width) = self.width() {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
            for (column, least) in table.column_iter_mut().zip(least_widths(records)) {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
            }
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        write_out(&lines.join("\n"))
    }

    /// Returns the width for wrapped text: that of the terminal, else `COLUMNS`.
    #[must_use]
    pub fn text_width(&self) -> Option<usize> {
        self.width().map(usize::from).or(self.columns)
    }

    /// Returns the width of the terminal; `None` for a file or a pipe, where lines are not wrapped.
    fn width(&self) -> Option<u16> {
        let (width, _) = terminal_size::terminal_size_of(io::stdout()).filter(|_| self.stdout_is_terminal)?;
        Some(width.0)
    }
}

/// Returns the minimum widths of the columns: headings and short words are not broken. A terminal that is too narrow wraps the lines.
fn least_widths<R: Record>(records: &[R]) -> Vec<u16> {
    let mut least: Vec<usize> = R::COLUMNS.iter().map(|name| name.len()).collect();
    for cells in records.iter().map(Record::cells) {
        for (least, cell) in least.iter_mut().zip(&cells) {
            let words = cell.split_whitespace().map(|word| word.chars().count());
            *least = words.filter(|length| *length <= SHORT_WORD).fold(*least, usize::max);
        }
    }
    least.into_iter().map(|least| u16::try_from(least).unwrap_or(u16::MAX).saturating_add(GAP)).collect()
}

fn csv<R: Record>(records: &[R]) -> Result<(), Failure> {
    let mut writer = csv::WriterBuilder::new().from_writer(vec![]);
    let written =
        writer.write_record(R::COLUMNS).and_then(|()| records.iter().try_for_each(|record| writer.write_record(record.cells())));
    written.map_err(io::Error::other)?;
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    write_out(String::from_utf8_lossy(&bytes).trim_end_matches('\n'))
}

/// Writes data. A closed pipe (`sqern kver list | head`) is not an error.
fn write_out(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = require_writable().and_then(|()| writeln!(stdout, "{text}")).and_then(|()| stdout.flush());
    check_written(written).map(drop)
}

/// Prints the help, the version or a usage error of clap. Returns the exit status.
///
/// # Errors
///
/// Returns an error if standard output cannot be written.
pub fn print_clap(error: &clap::Error) -> Result<i32, Failure> {
    if error.use_stderr() {
        // There is no other place for an error.
        let _ = error.print();
        return Ok(error.exit_code());
    }
    check_written(require_writable().and_then(|()| error.print()).and_then(|()| io::stdout().flush()))?;
    Ok(error.exit_code())
}

/// Returns an error if standard output is open for reading only. The standard library ignores that error of a write.
fn require_writable() -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(io::stdout())?;
    let is_writable = flags & OFlags::ACCMODE != OFlags::RDONLY;
    if is_writable { Ok(()) } else { Err(rustix::io::Errno::BADF.into()) }
}

/// Returns whether the reader still reads. A closed pipe is not an error.
fn check_written(written: io::Result<()>) -> Result<bool, Failure> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::unmet(format!("could not write to standard output: {error}"))),
    }
}

/// Formats a time to the second, in UTC; returns an empty string for `None`.
#[must_use]
pub fn time(at: Option<Timestamp>) -> String {
    at.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default()
}
