//! HTML pages of reports. A page is self-contained: no scripts, fonts or external images.

mod chart;
mod table;

use maud::{DOCTYPE, Markup, PreEscaped, html};
use sqern_core::reports::risk::NOT_WANTED;
use sqern_core::reports::share;
use sqern_model::escape::escape_lines;

use crate::printer::percent as share_in_percent;

pub use chart::{Breakdown, Category, Scale, TrendChart, Value};
pub use table::{Cell, Group, Heading, Row, Table, anchor};

/// The page contains only a style sheet and inline SVG, so a browser must not load or run anything
/// else (W3C, Content Security Policy Level 3).
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The page of a report.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The heading.
    pub title: &'static str,
    /// The counted objects, as one sentence.
    pub about: &'static str,
    /// The selection of the report: names and values.
    pub selection: Vec<Fact>,
    /// The key figures.
    pub tiles: [Tile; 3],
    /// The development over the last weeks.
    pub trend: Option<TrendChart>,
    /// The counts by two criteria.
    pub breakdown: Breakdown,
    /// The tables.
    pub tables: Vec<Table>,
}

/// A name and a value in the header of a page.
pub type Fact = (&'static str, String);

/// The origin of the data of a page.
pub struct Origin<'a> {
    /// The generation and time of the data.
    pub data: String,
    /// Warnings about incomplete data.
    pub warnings: Vec<String>,
    /// The command that created the page.
    pub command: String,
    /// Returns the command that prints all rows of a table, with the option of the table.
    pub all_rows: &'a dyn Fn(&str) -> String,
}

/// The meaning of a number or a text, which determines its color.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Available.
    Good,
    /// In progress.
    Wait,
    /// Failed or unavailable.
    Bad,
    /// Neither good nor bad.
    Plain,
}

impl Tone {
    /// Returns the prefix of the CSS classes, and the number of shades.
    fn class(self) -> (&'static str, usize) {
        match self {
            Self::Good => ("good", 1),
            Self::Wait => ("wait", 6),
            Self::Bad => ("bad", 4),
            Self::Plain => ("plain", 5),
        }
    }

    /// Returns the tone of a stage, of a missing step or of [`NOT_WANTED`].
    #[must_use]
    pub fn of(text: &str) -> Self {
        match text {
            "available" => Self::Good,
            "known" | "not seen" | "build failed" | "test failed" => Self::Bad,
            NOT_WANTED => Self::Plain,
            _ => Self::Wait,
        }
    }
}

/// A key figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// The name.
    pub label: &'static str,
    /// The number.
    pub value: String,
    /// A phrase that explains the number.
    pub detail: String,
    /// The meaning of the number.
    pub tone: Tone,
}

/// Returns a share in percent; 0 of 0 is empty.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        String::new()
    } else {
        share_in_percent(share(part, whole))
    }
}

/// Writes a page.
#[must_use]
pub fn page(page: &Page, origin: &Origin<'_>) -> String {
    let Page {
        title,
        about,
        selection,
        tiles,
        trend,
        breakdown,
        tables,
    } = page;
    let anchors: Vec<&str> = tables.iter().flat_map(Table::anchors).collect();
    let links = table::Links::new(anchors);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(CONTENT_POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – sqern" }
                style { (PreEscaped(include_str!("html/style.css"))) }
            }
            body {
                header {
                    h1 { (title) }
                    p.about { (about) }
                    (facts(selection, origin))
                    (warnings(&origin.warnings))
                }
                main {
                    div.tiles { @for tile in tiles { (tile_markup(tile)) } }
                    @if let Some(trend) = trend { (trend.markup()) }
                    (breakdown.markup(&links))
                    @for table in tables { (table.markup(&links, origin.all_rows)) }
                }
                footer { p { "Created by sqern. Times are in UTC." } }
            }
        }
    };
    let mut text = escape_lines(&markup.into_string()).into_owned();
    text.push('\n');
    text
}

fn facts(selection: &[Fact], origin: &Origin<'_>) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in selection { div { dt { (name) } dd { (value) } } }
            div { dt { "Data" } dd { (origin.data) } }
            div { dt { "Command" } dd { code { (origin.command) } } }
        }
    }
}

fn warnings(warnings: &[String]) -> Markup {
    html! {
        @if !warnings.is_empty() {
            div.warnings role="note" {
                strong { "Warning: the data might be incomplete" }
                ul { @for warning in warnings { li { (warning) } } }
            }
        }
    }
}

fn tile_markup(tile: &Tile) -> Markup {
    html! {
        div class={ "tile " (tile.tone.class().0) } {
            div.label { (tile.label) }
            div.value { (tile.value) }
            div.detail { (tile.detail) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        let hostile = "<script>alert(\"1\")</script>&\u{1b}\u{202e}";
        let text = || hostile.to_owned();
        let row = |(): &()| Row {
            anchor: Some(anchor(&["row", hostile])),
            cells: vec![Cell::name(hostile).linked(anchor(&[hostile]))],
        };
        let content = Page {
            title: "Title",
            about: "",
            selection: vec![("Name", text())],
            tiles: ["a", "b", "c"].map(|label| Tile {
                label,
                value: text(),
                detail: text(),
                tone: Tone::Bad,
            }),
            trend: None,
            breakdown: Breakdown {
                title: "Chart",
                about: "",
                row_heading: "Name",
                scale: Scale::Share,
                categories: vec![Category {
                    name: text(),
                    tone: Tone::Good,
                }],
                rows: vec![(
                    text(),
                    vec![Value::new(1, anchor(&[hostile]))],
                    vec![Cell::text(hostile)],
                )],
                further: vec![(Heading::text(hostile), Cell::status(hostile, Tone::Wait))],
            },
            tables: vec![Table {
                title: "Table",
                about: "",
                columns: vec![Heading::text(hostile)],
                groups: Group::by(&[()], |()| [text()], row),
                all_rows: "--kernels",
            }],
        };
        let origin = Origin {
            data: text(),
            warnings: vec![text()],
            command: text(),
            all_rows: &|_| text(),
        };
        let written = page(&content, &origin);
        assert!(
            !written.contains("<script")
                && !written.contains('\u{1b}')
                && !written.contains("(\"1\")"),
            "{written}"
        );
        assert_eq!(
            written
                .matches("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;\\u{1b}\\u{202e}")
                .count(),
            22,
            "{written}"
        );
    }

    #[test]
    fn only_a_complete_share_is_100_percent() {
        let shares = [
            (0, 0),
            (0, 500),
            (1, 500),
            (250, 500),
            (499, 500),
            (500, 500),
        ];
        assert_eq!(
            shares.map(|(part, whole)| percent(part, whole)),
            ["", "0%", "1%", "50%", "99%", "100%"]
        );
    }
}
