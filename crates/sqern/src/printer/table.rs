//! The layout of tables.

use serde_json::Value;
use sqern_model::escape::escape_value;
use unicode_width::UnicodeWidthStr;

use super::column::{Kind, TimeFormat};
use super::rows::{RowColumn, Rows};
use super::wrap::wrap;

/// The number of spaces between two columns of a table.
pub const GAP: usize = 2;
/// The minimum width of a wrapped column.
const MIN_TEXT_WIDTH: usize = 24;

/// The terminal for which a table is formatted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// The width; `None` for a file or a pipe, where nothing is wrapped or omitted.
    pub(super) width: Option<usize>,
    /// Whether statuses are colored.
    pub(super) color: bool,
    /// The format of times.
    pub(super) times: TimeFormat,
}

/// A formatted table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The lines, without trailing spaces.
    pub(super) lines: Vec<String>,
    /// The names of the columns that do not fit the terminal and are omitted.
    pub(super) omitted: Vec<String>,
}

/// A column with the texts of its cells.
struct TableColumn<'a> {
    column: &'a RowColumn,
    cells: Vec<String>,
    width: usize,
}

/// Formats a table.
///
/// Only free text is wrapped, and no word is broken. On a terminal, a table omits columns without
/// values or with the usual value in all rows, and optional columns that do not fit, from the last
/// to the first.
pub(super) fn layout(rows: &Rows, style: Style) -> Layout {
    let mut columns: Vec<TableColumn<'_>> = rows
        .columns
        .iter()
        .filter(|column| style.width.is_none() || !is_omitted(column, rows))
        .map(|column| TableColumn::new(column, rows, style.times))
        .collect();
    let mut omitted = Vec::new();
    if let Some(width) = style.width {
        while least_width(&columns) > width {
            let Some(index) = columns
                .iter()
                .rposition(|column| column.column.is_optional && column.column.can_be_omitted)
            else {
                break;
            };
            omitted.insert(0, columns.remove(index).column.name.clone());
        }
        share_width(&mut columns, width);
    }
    let header = columns
        .iter()
        .map(|column| vec![column.column.heading.clone()]);
    let mut lines = row_lines(&columns, &header.collect::<Vec<_>>(), false);
    for index in 0..rows.rows.len() {
        let cells: Vec<Vec<String>> = columns.iter().map(|column| column.wrapped(index)).collect();
        lines.extend(row_lines(&columns, &cells, style.color));
    }
    Layout { lines, omitted }
}

impl<'a> TableColumn<'a> {
    fn new(column: &'a RowColumn, rows: &Rows, times: TimeFormat) -> Self {
        let text = |row: &serde_json::Map<String, Value>| {
            let value = row.get(&column.name).unwrap_or(&Value::Null);
            escape_value(&column.kind.text_of(value, times)).into_owned()
        };
        let cells: Vec<String> = rows.rows.iter().map(text).collect();
        let width = cells
            .iter()
            .map(|cell| cell.width())
            .fold(column.heading.width(), usize::max);
        Self {
            column,
            cells,
            width,
        }
    }

    /// Returns the width below which the column cannot be wrapped.
    fn least_width(&self) -> usize {
        if self.column.kind != Kind::Text {
            return self.width;
        }
        let words = self.cells.iter().flat_map(|cell| cell.split_whitespace());
        words
            .map(UnicodeWidthStr::width)
            .fold(MIN_TEXT_WIDTH, usize::max)
            .min(self.width)
    }

    /// Returns the lines of a cell.
    fn wrapped(&self, index: usize) -> Vec<String> {
        let cell = &self.cells[index];
        if self.column.kind == Kind::Text && cell.width() > self.width {
            wrap(cell, "", self.width)
        } else {
            vec![cell.clone()]
        }
    }

    fn is_right_aligned(&self) -> bool {
        matches!(
            self.column.kind,
            Kind::Number | Kind::Bytes | Kind::Seconds | Kind::Lag | Kind::Share
        )
    }
}

/// Whether a column has no value, or the usual value in all rows.
fn is_omitted(column: &RowColumn, rows: &Rows) -> bool {
    let is_unneeded = |row: &serde_json::Map<String, Value>| match row.get(&column.name) {
        None | Some(Value::Null) => true,
        Some(value) => column.usual.is_some() && value.as_str() == column.usual,
    };
    column.can_be_omitted && rows.rows.iter().all(is_unneeded)
}

/// Returns the width of a table whose text is wrapped as much as possible.
fn least_width(columns: &[TableColumn<'_>]) -> usize {
    let gaps = GAP * columns.len().saturating_sub(1);
    columns.iter().map(TableColumn::least_width).sum::<usize>() + gaps
}

/// Reduces the widths of text columns, the widest first, until the table has this width.
fn share_width(columns: &mut [TableColumn<'_>], width: usize) {
    let gaps = GAP * columns.len().saturating_sub(1);
    loop {
        let total = columns.iter().map(|column| column.width).sum::<usize>() + gaps;
        let widest = columns
            .iter_mut()
            .filter(|column| column.width > column.least_width())
            .max_by_key(|column| column.width);
        match widest {
            Some(column) if total > width => column.width -= 1,
            _ => return,
        }
    }
}

/// Returns the lines of a row, whose cells have one or more lines.
fn row_lines(columns: &[TableColumn<'_>], cells: &[Vec<String>], color: bool) -> Vec<String> {
    let height = cells.iter().map(Vec::len).max().unwrap_or_default();
    let line = |index: usize| {
        let mut line = String::new();
        let mut width = 0;
        let mut start = 0;
        for (column, cell) in columns.iter().zip(cells) {
            let text = cell.get(index).map_or("", String::as_str);
            let free = column.width.saturating_sub(text.width());
            if !text.is_empty() {
                let at = start + if column.is_right_aligned() { free } else { 0 };
                line.push_str(&" ".repeat(at.saturating_sub(width)));
                width = width.max(at) + text.width();
                line.push_str(&colored(column.column.kind, text, color));
            }
            start += column.width + GAP;
        }
        line
    };
    (0..height).map(line).collect()
}

fn colored(kind: Kind, text: &str, color: bool) -> String {
    let color = (color && kind == Kind::Status).then(|| status_color(text));
    match color.flatten() {
        Some(color) => format!("\u{1b}[{}m{text}\u{1b}[0m", color as u8),
        None => text.to_owned(),
    }
}

/// A color of the terminal: the parameter of its escape sequence.
#[derive(Debug, Clone, Copy)]
enum Color {
    Red = 31,
    Green = 32,
    Yellow = 33,
}

/// Returns the color of a status: green for success, red for a failure or a missing step, yellow
/// for other states that require attention.
fn status_color(status: &str) -> Option<Color> {
    match status {
        "SUCCESS" | "available" | "complete" | "unchanged" | "ok" | "fetched" | "found" => {
            Some(Color::Green)
        }
        "FAILURE" | "UNSTABLE" | "failed" | "build failed" | "test failed" | "not seen" => {
            Some(Color::Red)
        }
        "ABORTED" | "NOT_BUILT" | "busy" | "running" | "partial" | "incomplete" | "warning"
        | "harness failed" | "not fetched" | "not built" | "not tested" | "not available"
        | "building" | "testing" | "not checked" => Some(Color::Yellow),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::printer::column::Column;

    fn rows() -> Rows {
        let columns = [
            Column::name("version"),
            Column::number("hosts"),
            Column::status("missing"),
            Column::text("comment"),
        ];
        let columns = columns.iter().map(Into::into).collect();
        let row = |version: &str, hosts: u32, missing: &str, comment: &str| {
            let row =
                json!({"version": version, "hosts": hosts, "missing": missing, "comment": comment});
            row.as_object().cloned().unwrap_or_else(Map::new)
        };
        let rows = vec![
            row(
                "4.18.0-553.el8_10.x86_64",
                9,
                "build failed",
                "a comment of several words that a terminal wraps",
            ),
            row("6.1.0-25-amd64", 1000, "", ""),
        ];
        Rows {
            columns,
            total: rows.len(),
            is_total_known: true,
            rows,
        }
    }

    #[test]
    fn names_are_not_broken_and_numbers_are_aligned() {
        let style = Style {
            width: Some(60),
            color: false,
            times: TimeFormat::Utc,
        };
        let lines = layout(&rows(), style).lines;
        assert_eq!(
            lines[0].split_whitespace().collect::<Vec<_>>(),
            ["VERSION", "HOSTS", "MISSING", "COMMENT"]
        );
        assert!(
            lines[1].starts_with("4.18.0-553.el8_10.x86_64      9  build failed  a comment"),
            "{lines:#?}"
        );
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("6.1.0-25-amd64             1000")),
            "{lines:#?}"
        );
    }

    #[test]
    fn words_are_not_broken_and_optional_columns_are_omitted() {
        let columns = [
            Column::name("host"),
            Column::name("kind").optional(),
            Column::name("empty"),
            Column::text("installed"),
        ];
        let row = json!({
            "host": "h1",
            "kind": "a long name that is not needed",
            "empty": null,
            "installed": ["5.14.0-427.42.1.el9_4.x86_64", "5.14.0-320.59.1.el9_5.x86_64"],
        });
        let rows = Rows {
            columns: columns.iter().map(Into::into).collect(),
            total: 1,
            is_total_known: true,
            rows: vec![row.as_object().cloned().unwrap()],
        };
        let of_width = |width| {
            let style = Style {
                width,
                color: false,
                times: TimeFormat::Utc,
            };
            layout(&rows, style)
        };
        let narrow = of_width(Some(40));
        assert_eq!(
            narrow.lines,
            [
                "HOST  INSTALLED",
                "h1    5.14.0-427.42.1.el9_4.x86_64",
                "      5.14.0-320.59.1.el9_5.x86_64"
            ]
        );
        assert_eq!(narrow.omitted, ["kind"]);
        let piped = of_width(None);
        assert!(piped.omitted.is_empty());
        assert!(piped.lines[0].contains("KIND") && piped.lines[0].contains("EMPTY"));
    }

    #[test]
    fn statuses_are_colored_and_readable_without_color() {
        let plain = layout(
            &rows(),
            Style {
                width: None,
                color: false,
                times: TimeFormat::Utc,
            },
        )
        .lines;
        let colored = layout(
            &rows(),
            Style {
                width: None,
                color: true,
                times: TimeFormat::Utc,
            },
        )
        .lines;
        assert_eq!(plain[1].matches("build failed").count(), 1);
        assert!(colored[1].contains("\u{1b}["), "{colored:?}");
        assert!(!plain.iter().any(|line| line.contains('\u{1b}')));
    }
}
