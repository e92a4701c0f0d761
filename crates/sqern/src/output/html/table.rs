//! Tables of HTML pages. Rows are grouped, and numbers link to the group that they count.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use maud::{Markup, html};
use sqern_model::{counted, grouped};

use super::Tone;
use crate::printer::{duration, time};

/// The maximum number of rows of a table.
const ROWS: usize = 1000;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The heading.
    pub title: &'static str,
    /// The counted rows and the order, as one sentence.
    pub about: &'static str,
    /// The headings of the columns.
    pub columns: Vec<Heading>,
    /// The rows.
    pub groups: Vec<Group>,
    /// The option of the command that prints all rows.
    pub all_rows: &'static str,
}

/// The heading of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    text: String,
    is_number: bool,
}

impl Heading {
    /// Returns the heading of a column of texts.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            is_number: false,
        }
    }

    /// Returns the heading of a column of numbers, which are right-aligned.
    #[must_use]
    pub fn number(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            is_number: true,
        }
    }
}

/// Rows that a number counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The anchor to which numbers link.
    pub anchor: String,
    /// The heading; the group has no heading row if it is empty.
    pub heading: String,
    /// The rows.
    pub rows: Vec<Row>,
}

impl Group {
    /// Returns the groups of sorted records. `key` returns the parts of the anchor, which are also
    /// the heading.
    pub fn by<T, const N: usize>(
        records: &[T],
        key: impl Fn(&T) -> [String; N],
        row: impl Fn(&T) -> Row,
    ) -> Vec<Self> {
        let mut records: Vec<(usize, [String; N], &T)> = records
            .iter()
            .map(|record| (0, key(record), record))
            .collect();
        // A group is at the position of its first record, so the order of the report is preserved.
        let mut positions: HashMap<[String; N], usize> = HashMap::new();
        for (position, key, _) in &mut records {
            let next = positions.len();
            *position = *positions.entry(key.clone()).or_insert(next);
        }
        records.sort_by_key(|(position, ..)| *position);
        let group = |records: &[(usize, [String; N], &T)]| {
            let parts: Vec<&str> = records[0].1.iter().map(String::as_str).collect();
            Self {
                anchor: anchor(&parts),
                heading: parts.join(", "),
                rows: records.iter().map(|(.., record)| row(record)).collect(),
            }
        };
        records.chunk_by(|a, b| a.0 == b.0).map(group).collect()
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The anchor, if the row has one.
    pub anchor: Option<String>,
    /// One cell for each column.
    pub cells: Vec<Cell>,
}

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    kind: CellKind,
    link: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CellKind {
    Name,
    Text,
    Number,
    Zero,
    Status(Tone),
}

impl Cell {
    /// Returns a cell with a name, which is not wrapped.
    #[must_use]
    pub fn name(text: &(impl ToString + ?Sized)) -> Self {
        Self {
            text: text.to_string(),
            kind: CellKind::Name,
            link: None,
        }
    }

    /// Returns a cell with free text, which is wrapped.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self {
            kind: CellKind::Text,
            ..Self::name(text)
        }
    }

    /// Returns a cell with a number whose thousands are grouped.
    #[must_use]
    pub fn number(number: u64) -> Self {
        let kind = if number == 0 {
            CellKind::Zero
        } else {
            CellKind::Number
        };
        Self {
            kind,
            ..Self::name(&grouped(number))
        }
    }

    /// Returns a right-aligned cell with a formatted number.
    #[must_use]
    pub fn formatted(number: &str) -> Self {
        Self {
            kind: CellKind::Number,
            ..Self::name(number)
        }
    }

    /// Returns a cell with a duration in seconds.
    #[must_use]
    pub fn duration(seconds: Option<i64>) -> Self {
        Self::formatted(&seconds.map(duration).unwrap_or_default())
    }

    /// Returns a cell with a time.
    #[must_use]
    pub fn time(at: Option<Timestamp>) -> Self {
        Self::name(&time(at))
    }

    /// Returns a cell with a state in the color of its meaning.
    #[must_use]
    pub fn status(text: &str, tone: Tone) -> Self {
        Self {
            kind: CellKind::Status(tone),
            ..Self::name(text)
        }
    }

    /// Adds a link to an anchor of the page.
    #[must_use]
    pub fn linked(self, anchor: String) -> Self {
        Self {
            link: Some(anchor),
            ..self
        }
    }

    fn content(&self, links: &Links<'_>) -> Markup {
        let href = self
            .link
            .as_deref()
            .filter(|_| self.kind != CellKind::Zero)
            .and_then(|link| links.href(link));
        html! {
            @match (&href, self.kind) {
                (Some(href), _) => a href=(href) { (self.text) },
                (None, CellKind::Status(tone)) if !self.text.is_empty() => span class={ "status " (tone.class().0) } { (self.text) },
                _ => (self.text),
            }
        }
    }

    fn class(&self) -> Option<&'static str> {
        match self.kind {
            CellKind::Number => Some("number"),
            CellKind::Zero => Some("number zero"),
            CellKind::Text => Some("text"),
            CellKind::Name | CellKind::Status(_) => None,
        }
    }
}

/// Returns an anchor from names. Different names have different anchors.
#[must_use]
pub fn anchor(names: &[&str]) -> String {
    let escape = |name: &&str| {
        let mut escaped = String::new();
        for character in name.chars() {
            match character {
                ' ' => escaped.push('_'),
                'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' | '+' | '~' => {
                    escaped.push(character);
                }
                other => escaped.push_str(&format!("={:x}=", u32::from(other))),
            }
        }
        escaped
    };
    names.iter().map(escape).collect::<Vec<_>>().join("/")
}

/// The anchors of a page. A link to an omitted row is not written.
pub(super) struct Links<'a>(HashSet<&'a str>);

impl<'a> Links<'a> {
    pub(super) fn new(anchors: impl IntoIterator<Item = &'a str>) -> Self {
        Self(anchors.into_iter().collect())
    }

    /// Returns the link to an anchor if the page contains it.
    pub(super) fn href(&self, anchor: &str) -> Option<String> {
        self.0.contains(anchor).then(|| format!("#{anchor}"))
    }
}

impl Table {
    /// Removes the last column if all rows have this usual value.
    #[must_use]
    pub fn without_usual(mut self, usual: &str) -> Self {
        let mut rows = self.groups.iter().flat_map(|group| &group.rows);
        if rows.all(|row| row.cells.last().is_some_and(|cell| cell.text == usual)) {
            self.columns.pop();
            for row in self.groups.iter_mut().flat_map(|group| &mut group.rows) {
                row.cells.pop();
            }
        }
        self
    }

    /// Returns the anchors of the written groups and rows.
    pub(super) fn anchors(&self) -> impl Iterator<Item = &str> {
        self.limited().flat_map(|(group, rows)| {
            let of_group = Some(group.anchor.as_str()).filter(|anchor| !anchor.is_empty());
            of_group
                .into_iter()
                .chain(rows.iter().filter_map(|row| row.anchor.as_deref()))
        })
    }

    /// Returns the groups with the rows that are written.
    fn limited(&self) -> impl Iterator<Item = (&Group, &[Row])> {
        let mut left = ROWS;
        self.groups.iter().filter_map(move |group| {
            let written = group.rows.len().min(left);
            left -= written;
            (written > 0).then_some((group, &group.rows[..written]))
        })
    }

    /// Returns the section of the table.
    pub(super) fn markup(&self, links: &Links<'_>, all_rows: &dyn Fn(&str) -> String) -> Markup {
        let total: usize = self.groups.iter().map(|group| group.rows.len()).sum();
        html! {
            section {
                h2 { (self.title) }
                p.note { (self.about) }
                @if total == 0 {
                    p { "No rows." }
                } @else {
                    div.scroll tabindex="0" {
                        table {
                            (head(&self.columns))
                            @for (group, rows) in self.limited() { (self.group(group, rows, links)) }
                        }
                    }
                }
                @if total > ROWS {
                    p.note {
                        "Omitted: " (counted(total - ROWS, "more row")) ". This command prints all rows: "
                        code { (all_rows(self.all_rows)) }
                    }
                }
            }
        }
    }

    fn group(&self, group: &Group, rows: &[Row], links: &Links<'_>) -> Markup {
        let id = Some(&group.anchor).filter(|anchor| !anchor.is_empty());
        html! {
            tbody id=[id] {
                @if !group.heading.is_empty() {
                    tr.group {
                        th colspan=(self.columns.len()) scope="rowgroup" { (group.heading) " " span { (counted(group.rows.len(), "row")) } }
                    }
                }
                @for row in rows { (row_markup(row, links, false)) }
            }
        }
    }
}

/// Returns the heading row of a table.
pub(super) fn head(columns: &[Heading]) -> Markup {
    html! {
        thead {
            tr { @for column in columns { th scope="col" class=[column.is_number.then_some("number")] { (column.text) } } }
        }
    }
}

/// Returns a row. The first cell is its heading.
pub(super) fn row_markup(row: &Row, links: &Links<'_>, is_sum: bool) -> Markup {
    html! {
        tr id=[row.anchor.as_ref()] class=[is_sum.then_some("sum")] {
            @for (index, cell) in row.cells.iter().enumerate() {
                @if index == 0 {
                    th scope="row" class=[cell.class()] { (cell.content(links)) }
                } @else {
                    td class=[cell.class()] { (cell.content(links)) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: usize) -> Table {
        let numbers: Vec<usize> = (0..rows).collect();
        let row = |number: &usize| Row {
            anchor: None,
            cells: vec![Cell::number(*number as u64), Cell::name("wanted")],
        };
        Table {
            title: "Rows",
            about: "",
            columns: vec![Heading::number("Number"), Heading::text("State")],
            groups: Group::by(
                &numbers,
                |number| [if *number < ROWS { "first" } else { "second" }.to_owned()],
                row,
            ),
            all_rows: "--kernels",
        }
    }

    fn written(table: &Table) -> String {
        table
            .markup(&Links::new(table.anchors()), &|option| {
                format!("sqern report {option}")
            })
            .into_string()
    }

    #[test]
    fn a_long_table_names_the_command_for_all_rows() {
        let table = table(ROWS + 2);
        let text = written(&table);
        assert_eq!(text.matches("<tr>").count(), ROWS + 1);
        assert!(
            text.contains("Omitted: 2 more rows.")
                && text.contains("<code>sqern report --kernels</code>"),
            "{text}"
        );
        assert_eq!(table.anchors().collect::<Vec<_>>(), ["first"]);
    }

    #[test]
    fn only_written_rows_are_linked() {
        let links = Links::new(["a"]);
        let content = |number, anchor: &str| {
            Cell::number(number)
                .linked(anchor.to_owned())
                .content(&links)
                .into_string()
        };
        assert_eq!(
            [content(1, "a"), content(1, "b"), content(0, "a")],
            ["<a href=\"#a\">1</a>", "1", "0"]
        );
    }

    #[test]
    fn a_group_is_at_the_position_of_its_first_record() {
        let row = |name: &&str| Row {
            anchor: None,
            cells: vec![Cell::name(name)],
        };
        let groups = Group::by(&["b1", "a1", "b2"], |name| [name[..1].to_owned()], row);
        let names: Vec<_> = groups
            .iter()
            .map(|group| (group.heading.as_str(), group.rows.len()))
            .collect();
        assert_eq!(names, [("b", 2), ("a", 1)]);
    }

    #[test]
    fn a_column_with_only_the_usual_value_is_omitted() {
        assert_eq!(
            table(1).without_usual("wanted").columns,
            [Heading::number("Number")]
        );
        assert_eq!(table(1).without_usual("ignored").columns.len(), 2);
    }

    #[test]
    fn different_names_have_different_anchors() {
        let anchors = [
            ["a b", "c"],
            ["a_b", "c"],
            ["a/b", "c"],
            ["a=5f=b", "c"],
            ["a", "b/c"],
        ]
        .map(|names| anchor(&names));
        assert_eq!(
            anchors.iter().collect::<HashSet<_>>().len(),
            anchors.len(),
            "{anchors:?}"
        );
        assert!(
            anchors
                .iter()
                .all(|anchor| !anchor.contains([' ', '"', '<', '&'])),
            "{anchors:?}"
        );
    }
}
