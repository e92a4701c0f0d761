//! HTML pages of reports. A page is self-contained: no scripts, fonts or external images.

use std::fmt::Write;

use sqern_core::reports::{Matrix, share};
use sqern_model::counted;

use crate::printer::{Column, Record, texts};

/// An HTML page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The heading.
    pub title: String,
    /// Paragraphs below the heading.
    pub about: Vec<String>,
    /// The charts.
    pub maps: Vec<HeatMap>,
    /// The tables.
    pub tables: Vec<Table>,
}

/// A heat map: larger values have darker cells.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// The title.
    pub title: String,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The names of the rows, each with one cell per column; `None` for an empty cell.
    pub rows: Vec<(String, Vec<Option<Cell>>)>,
}

impl HeatMap {
    /// Returns the heat map of a matrix. The largest number has the darkest cell.
    pub fn of(title: &str, matrix: &Matrix, text: impl Fn(u64) -> String) -> Self {
        let max = matrix.max();
        let cell = |number: &Option<u64>| number.map(|number| Cell { shade: share(number, max), text: text(number) });
        let row = |(name, numbers): &(String, Vec<Option<u64>>)| (name.clone(), numbers.iter().map(cell).collect());
        Self { title: title.to_owned(), columns: matrix.columns.clone(), rows: matrix.rows.iter().map(row).collect() }
    }
}

/// A cell of a heat map. The text contains the value that the shade shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// From 0, light, to 1, dark.
    pub shade: f64,
    /// The text.
    pub text: String,
}

/// The maximum number of rows of a table.
const ROWS: usize = 2000;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The heading.
    pub title: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    /// The number of omitted rows.
    more: usize,
}

impl Table {
    /// Returns the table of a list.
    #[must_use]
    pub fn of<R: Record>(title: &str, records: &[R]) -> Self {
        Self {
            title: title.to_owned(),
            columns: R::COLUMNS.iter().map(Column::heading).collect(),
            rows: texts(&records[..records.len().min(ROWS)]),
            more: records.len().saturating_sub(ROWS),
        }
    }
}

const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
p { margin: .2rem 0; } .scroll { overflow-x: auto; }
table { border-collapse: collapse; } caption { text-align: left; font-weight: 600; padding: .4rem 0; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); }
th { position: sticky; top: 0; background: Canvas; } td { white-space: nowrap; font-variant-numeric: tabular-nums; }
svg { font: 13px system-ui, sans-serif; } svg .label { fill: currentColor; } svg .dark { fill: #fff; } svg .light { fill: #10233a; }
";

/// Writes a page.
#[must_use]
pub fn page(page: &Page) -> String {
    let mut out = String::new();
    let title = escape(&page.title);
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    for paragraph in &page.about {
        let _ = writeln!(out, "<p>{}</p>", escape(paragraph));
    }
    for map in page.maps.iter().filter(|map| !map.rows.is_empty() && !map.columns.is_empty()) {
        let _ = write!(out, "<h2>{}</h2>\n<div class=\"scroll\">\n{}</div>\n", escape(&map.title), svg(map));
    }
    for table in &page.tables {
        out.push_str(&html_table(table));
    }
    out.push_str("</body>\n</html>\n");
    out
}

const ROW: usize = 26;
const GLYPH: usize = 8;

/// Draws a heat map as SVG. The unit is a CSS pixel; a glyph counts as 8 pixels.
fn svg(map: &HeatMap) -> String {
    let longest = |texts: &mut dyn Iterator<Item = &str>| texts.map(|text| text.chars().count()).max().unwrap_or(0);
    let left = longest(&mut map.rows.iter().map(|(name, _)| name.as_str())) * GLYPH + 12;
    let texts = map.rows.iter().flat_map(|(_, cells)| cells.iter().flatten().map(|cell| cell.text.as_str()));
    let wide = longest(&mut map.columns.iter().map(String::as_str).chain(texts)) * GLYPH + 16;
    let (width, height) = (left + wide * map.columns.len(), ROW * (map.rows.len() + 1));
    let mut out = format!(
        "<svg role=\"img\" aria-label=\"{}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n",
        escape(&map.title)
    );
    for (index, column) in map.columns.iter().enumerate() {
        let middle = left + wide * index + wide / 2;
        let _ = writeln!(out, "<text class=\"label\" x=\"{middle}\" y=\"17\" text-anchor=\"middle\">{}</text>", escape(column));
    }
    for (line, (name, cells)) in map.rows.iter().enumerate() {
        let (top, name) = (ROW * (line + 1), escape(name));
        let base = top + 17;
        let _ = writeln!(out, "<text class=\"label\" x=\"0\" y=\"{base}\">{name}</text>");
        for (index, (column, cell)) in map.columns.iter().zip(cells).enumerate() {
            let Some(Cell { shade, text }) = cell else { continue };
            let (x, text) = (left + wide * index, escape(text));
            let (fill, ink) = (color(*shade), if *shade > 0.45 { "dark" } else { "light" });
            let (inner, high, middle) = (wide - 2, ROW - 2, x + wide / 2);
            let _ = writeln!(
                out,
                "<g><title>{name}, {}: {text}</title><rect x=\"{x}\" y=\"{top}\" width=\"{inner}\" height=\"{high}\" rx=\"3\" \
                 fill=\"{fill}\"/><text class=\"{ink}\" x=\"{middle}\" y=\"{base}\" text-anchor=\"middle\">{text}</text></g>",
                escape(column)
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Returns a color from light blue to dark blue.
fn color(shade: f64) -> String {
    let shade = shade.clamp(0.0, 1.0);
    let between = |light: f64, dark: f64| light + (dark - light) * shade;
    format!("rgb({:.0} {:.0} {:.0})", between(222.0, 12.0), between(235.0, 68.0), between(247.0, 132.0))
}

fn html_table(table: &Table) -> String {
    let mut out = format!("<h2>{}</h2>\n", escape(&table.title));
    if table.rows.is_empty() {
        out.push_str("<p>No rows.</p>\n");
        return out;
    }
    let row = |cells: &[String], tag: &str| {
        let cells: String = cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let head = row(&table.columns, "th scope=\"col\"").replace("</th scope=\"col\">", "</th>");
    let rows: String = table.rows.iter().map(|cells| row(cells, "td")).collect();
    let _ = write!(out, "<div class=\"scroll\"><table>\n<thead>{head}</thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n");
    if table.more > 0 {
        let omitted = counted(table.more, "more row");
        let _ = writeln!(out, "<p>Omitted: {omitted}. The command lists all rows.</p>");
    }
    out
}

/// Escapes text for elements and quoted attributes of HTML and XML; characters that XML 1.0 does not allow become U+FFFD.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            control if control.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        let hostile = "<script>alert(\"1\")</script>&\u{1b}";
        let cell = Some(Cell { shade: 2.0, text: hostile.to_owned() });
        let map = HeatMap {
            title: hostile.to_owned(),
            columns: vec![hostile.to_owned()],
            rows: vec![(hostile.to_owned(), vec![cell])],
        };
        let table =
            Table { title: hostile.to_owned(), columns: vec![hostile.to_owned()], rows: vec![vec![hostile.to_owned()]], more: 0 };
        let text =
            page(&Page { title: hostile.to_owned(), about: vec![hostile.to_owned()], maps: vec![map], tables: vec![table] });
        assert!(!text.contains("<script") && !text.contains('\u{1b}') && !text.contains("\"1\""), "{text}");
        assert_eq!(text.matches("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;\u{fffd}").count(), 14);
    }

    #[test]
    fn a_chart_has_a_cell_for_each_number() {
        let cell = |shade| Some(Cell { shade, text: "1".to_owned() });
        let map = HeatMap {
            title: "x".to_owned(),
            columns: vec!["a".to_owned(), "b".to_owned()],
            rows: vec![("one".to_owned(), vec![cell(0.0), None]), ("two".to_owned(), vec![cell(0.5), cell(1.0)])],
        };
        let drawn = svg(&map);
        assert_eq!(drawn.matches("<rect").count(), 3);
        assert!(drawn.contains("rgb(222 235 247)") && drawn.contains("rgb(12 68 132)"), "{drawn}");
    }
}
