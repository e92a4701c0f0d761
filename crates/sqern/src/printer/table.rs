//! The layout of tables.

use comfy_table::{
    Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width, presets,
};
use sqern_model::escape::replace_control;

use super::column::{Kind, TimeFormat};
use super::rows::{RowColumn, Rows};

/// The number of spaces between two columns of a table.
pub const GAP: u16 = 2;
/// The minimum width of a wrapped column, so that short words are not broken.
const MIN_TEXT_WIDTH: usize = 24;

/// The terminal for which a table is formatted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// The width; `None` for a file or a pipe, where nothing is wrapped.
    pub(super) width: Option<u16>,
    /// Whether statuses are colored.
    pub(super) color: bool,
    /// The format of times.
    pub(super) times: TimeFormat,
}

/// Returns the lines of a table. Only free text is wrapped: a name is not broken, even if it does
/// not fit.
pub(super) fn lines(rows: &Rows, style: Style) -> Vec<String> {
    let columns: Vec<&RowColumn> = rows
        .columns
        .iter()
        .filter(|column| !is_omitted(column, rows))
        .collect();
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(columns.iter().map(|column| &column.heading));
    if style.color {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let mut widths: Vec<usize> = columns
        .iter()
        .map(|column| column.heading.chars().count())
        .collect();
    for row in &rows.rows {
        let cells = columns.iter().zip(&mut widths).map(|(column, width)| {
            let value = row.get(&column.name).unwrap_or(&serde_json::Value::Null);
            let text = replace_control(&column.kind.text_of(value, style.times)).into_owned();
            *width = (*width).max(min_width(column.kind, &text));
            cell(column.kind, text, style.color)
        });
        let cells: Vec<Cell> = cells.collect();
        table.add_row(cells);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    for (cells, column) in table.column_iter_mut().zip(&columns) {
        if is_numeric(column.kind) {
            cells.set_cell_alignment(CellAlignment::Right);
        }
    }
    if let Some(width) = style.width {
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width);
        for (column, least) in table.column_iter_mut().zip(widths) {
            let least = u16::try_from(least).unwrap_or(u16::MAX).saturating_add(GAP);
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
        }
    }
    table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// Whether all rows have the usual value of a column.
fn is_omitted(column: &RowColumn, rows: &Rows) -> bool {
    let has_value = |usual| {
        rows.rows
            .iter()
            .all(|row| row.get(&column.name).and_then(serde_json::Value::as_str) == Some(usual))
    };
    column.usual.is_some_and(has_value)
}

fn is_numeric(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Number | Kind::Bytes | Kind::Seconds | Kind::Lag | Kind::Share
    )
}

fn min_width(kind: Kind, text: &str) -> usize {
    let length = text.chars().count();
    if kind == Kind::Text {
        length.min(MIN_TEXT_WIDTH)
    } else {
        length
    }
}

fn cell(kind: Kind, text: String, color: bool) -> Cell {
    let status = (kind == Kind::Status && color)
        .then(|| status_color(&text))
        .flatten();
    let cell = Cell::new(text);
    match status {
        Some(color) => cell.fg(color),
        None => cell,
    }
}

/// Returns the color of a status: green for success, red for a failure or a missing step, yellow
/// for other states that require attention.
fn status_color(status: &str) -> Option<Color> {
    match status {
        "SUCCESS" | "available" | "complete" | "ok" | "fetched" | "tested" => {
            Some(Color::DarkGreen)
        }
        "FAILURE" | "UNSTABLE" | "failed" | "build failed" | "test failed" | "not seen" => {
            Some(Color::DarkRed)
        }
        "ABORTED" | "NOT_BUILT" | "running" | "partial" | "incomplete" | "warning"
        | "harness failed" | "not fetched" | "not built" | "not tested" | "not available"
        | "building" | "testing" | "not checked" => Some(Color::DarkYellow),
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
        let lines = lines(&rows(), style);
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
    fn statuses_are_colored_and_readable_without_color() {
        let plain = lines(
            &rows(),
            Style {
                width: None,
                color: false,
                times: TimeFormat::Utc,
            },
        );
        let colored = lines(
            &rows(),
            Style {
                width: None,
                color: true,
                times: TimeFormat::Utc,
            },
        );
        assert_eq!(plain[1].matches("build failed").count(), 1);
        assert!(colored[1].contains("\u{1b}["), "{colored:?}");
        assert!(!plain.iter().any(|line| line.contains('\u{1b}')));
    }
}
