//! All that is printed: data to standard output, everything else to standard error.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;
use crate::settings::Settings;

/// What stands between two columns of a table.
const GAP: u16 = 2;
/// The letters of a word that a table does not break: a date, an id, `ubuntu-22.04`.
const SHORT_WORD: usize = 12;

/// How data is printed.
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
    /// The columns' names, as the database has them.
    const COLUMNS: &'static [&'static str];
    /// The columns' values; empty where there is none.
    fn cells(&self) -> Vec<String>;
}

/// Where all output goes through.
#[derive(Debug)]
pub struct Printer {
    format: Format,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    colour: bool,
}

impl Printer {
    /// A printer for this terminal and this format.
    #[must_use]
    pub fn new(settings: &Settings, format: Format) -> Self {
        Self {
            format,
            stdout_is_terminal: settings.stdout_is_terminal,
            stderr_is_terminal: settings.stderr_is_terminal,
            colour: settings.colour && settings.stderr_is_terminal,
        }
    }

    /// A printer for what happens before the settings are known: no colour, no width.
    #[must_use]
    pub fn plain() -> Self {
        Self { format: Format::Table, stdout_is_terminal: false, stderr_is_terminal: false, colour: false }
    }

    /// Lets what the libraries warn of come out as well.
    pub fn show_warnings(&self) {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
            .with_writer(io::stderr)
            .with_ansi(self.colour)
            .with_target(false)
            .without_time();
        // A second printer in one process, as in a test, leaves it to the first.
        let _ = subscriber.try_init();
    }

    /// The format that was asked for.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether someone watches: progress may be drawn.
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

    /// Prints a list within what it is about: as JSON with the fields of `frame`, a struct or map, beside the items.
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

    /// Prints one thing: as JSON with its schema, else as the text that `describe` gives. It has no form as CSV, so commands that
    /// do not give a list are refused with that format before they begin.
    pub fn one<T: Serialize>(&self, schema: &str, value: &T, describe: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.format {
            Format::Json => self.json(&json!({"schema": format!("sqern.{schema}"), "item": value})),
            Format::Table | Format::Csv => self.data(&describe()),
        }
    }

    /// Prints text that is data: to standard output.
    pub fn data(&self, text: &str) -> Result<(), Failure> {
        write_out(text.trim_end_matches('\n'))
    }

    /// Prints a line of data that comes in pieces and may be of any length; adds its end. Tells whether anybody reads on.
    pub fn line(&self, mut pieces: impl Read) -> Result<bool, Failure> {
        let mut stdout = io::stdout().lock();
        let written = io::copy(&mut pieces, &mut stdout).and_then(|_| writeln!(stdout)).and_then(|()| stdout.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            other => Ok(other.map(|()| true)?),
        }
    }

    /// Says something that is not data: to standard error.
    pub fn note(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{}", harmless(text));
    }

    /// Says that something is worth a look.
    pub fn warning(&self, text: &str) {
        let mark = if self.colour { "\u{1b}[33mwarning:\u{1b}[0m" } else { "warning:" };
        let _ = writeln!(io::stderr().lock(), "{mark} {}", harmless(text));
    }

    /// Prints a warning, and the command that resolves it.
    pub fn warning_with_hint(&self, text: &str, hint: Option<&str>) {
        self.warning(text);
        if let Some(hint) = hint {
            let mark = if self.colour { "\u{1b}[36mhint:\u{1b}[0m" } else { "hint:" };
            let _ = writeln!(io::stderr().lock(), " {mark} {}", harmless(hint));
        }
    }

    /// Says why the command failed and what can be typed next.
    pub fn failure(&self, failure: &Failure) {
        let (mark, hint) =
            if self.colour { ("\u{1b}[31merror:\u{1b}[0m", "\u{1b}[36mhint:\u{1b}[0m") } else { ("error:", "hint:") };
        let mut stderr = io::stderr().lock();
        let _ = writeln!(stderr, "{mark} {}", harmless(failure.message()));
        for line in failure.hints() {
            let _ = writeln!(stderr, " {hint} {}", harmless(line));
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
            records.iter().map(|record| record.cells().iter().map(|cell| harmless(cell).into_owned()).collect::<Vec<_>>()),
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

    /// The terminal's width; none for a file or a pipe, where nothing is folded.
    fn width(&self) -> Option<u16> {
        let (width, _) = terminal_size::terminal_size_of(io::stdout()).filter(|_| self.stdout_is_terminal)?;
        Some(width.0)
    }
}

/// How narrow a table's columns may become: headings and short words stay whole. A terminal that is too narrow even for these folds the
/// lines itself.
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

/// Writes data. A reader that has seen enough (`sqern kver list | head`) is no failure.
fn write_out(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// A time to the second, in UTC; empty for none.
#[must_use]
pub fn time(at: Option<Timestamp>) -> String {
    at.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default()
}

/// Text that may come from anywhere, without control characters that a terminal would obey; line ends stay.
fn harmless(text: &str) -> Cow<'_, str> {
    let obeyed = |character: char| character.is_control() && character != '\n';
    if text.contains(obeyed) {
        text.chars().map(|character| if obeyed(character) { '\u{fffd}' } else { character }).collect::<String>().into()
    } else {
        text.into()
    }
}
