//! Charts of HTML pages: stacked bars with their numbers, and a line of weekly values.

use std::collections::HashMap;

use maud::{Markup, html};
use sqern_core::reports::{Trend, TrendPoint, share};
use sqern_model::{counted, grouped};

use super::table::{Cell, Group, Heading, Links, Row, head, row_markup};
use super::{Tone, percent};
use crate::printer::time;

/// The least share of a bar in which its number is readable.
const MIN_LABELED: f64 = 0.035;
/// The least share of a bar in which its number is readable on a narrow screen.
const MIN_LABELED_NARROW: f64 = 0.12;

/// Counts by two criteria, as stacked bars and as a table with totals.
#[derive(Debug, Clone, PartialEq)]
pub struct Breakdown {
    /// The heading.
    pub title: &'static str,
    /// The counted objects, as sentences.
    pub about: &'static str,
    /// The heading of the names of the rows.
    pub row_heading: &'static str,
    /// The length of the bars.
    pub scale: Scale,
    /// The parts of each bar, which are also columns of the table.
    pub categories: Vec<Category>,
    /// The names of the rows, with one value for each category and one cell for each further
    /// column.
    pub rows: Vec<(String, Vec<Value>, Vec<Cell>)>,
    /// The headings of the further columns, with the cells of the row of totals.
    pub further: Vec<(Heading, Cell)>,
}

/// The length of bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// All bars have the same length.
    Share,
    /// The length is proportional to the number.
    Number,
}

/// A part of each bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// The name.
    pub name: String,
    /// The meaning, which determines the color.
    pub tone: Tone,
}

/// A number, and the anchor of the counted rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The number.
    pub number: u64,
    /// The part of the number that failed, which is a separate part of the bar.
    pub failed: u64,
    /// The anchor.
    pub anchor: String,
}

impl Value {
    /// Returns a number without a failed part.
    #[must_use]
    pub fn new(number: u64, anchor: String) -> Self {
        Self {
            number,
            failed: 0,
            anchor,
        }
    }
}

/// A part of a bar.
struct Part<'a> {
    name: String,
    class: &'a str,
    number: u64,
    anchor: &'a str,
}

/// The class of failed parts.
const FAILED: &str = "bad-1";

impl Breakdown {
    /// Returns the section of the chart.
    pub(super) fn markup(&self, links: &Links<'_>) -> Markup {
        html! {
            section {
                h2 { (self.title) }
                p.note { (self.about) }
                @if self.rows.is_empty() {
                    p { "No rows." }
                } @else {
                    (self.legend())
                    (self.bars(links))
                    div.scroll tabindex="0" { (self.table(links)) }
                }
            }
        }
    }

    /// Sorts the groups of a table in the order of the numbers that count their rows. Other groups
    /// come last.
    #[must_use]
    pub fn sorted(&self, mut groups: Vec<Group>) -> Vec<Group> {
        let anchors = self
            .rows
            .iter()
            .flat_map(|(_, values, _)| values)
            .map(|value| value.anchor.as_str());
        let positions: HashMap<&str, usize> = anchors.zip(0..).collect();
        groups.sort_by_key(|group| {
            positions
                .get(group.anchor.as_str())
                .copied()
                .unwrap_or(usize::MAX)
        });
        groups
    }

    fn total(&self, category: usize) -> u64 {
        self.rows
            .iter()
            .map(|(_, values, _)| values[category].number)
            .sum()
    }

    /// Returns the class of each category. The shades of a tone are distributed over its
    /// categories.
    fn classes(&self) -> Vec<String> {
        let class = |(index, category): (usize, &Category)| {
            let (name, shades) = category.tone.class();
            let of_tone = |categories: &[Category]| {
                categories
                    .iter()
                    .filter(|other| other.tone == category.tone)
                    .count()
            };
            let (before, all) = (
                of_tone(&self.categories[..index]),
                of_tone(&self.categories),
            );
            format!("{name}-{}", (2 * before + 1) * shades / (2 * all) + 1)
        };
        self.categories.iter().enumerate().map(class).collect()
    }

    fn legend(&self) -> Markup {
        html! {
            ul.legend {
                @for (index, (category, class)) in self.categories.iter().zip(self.classes()).enumerate() {
                    @let total = self.total(index);
                    @if total > 0 {
                        li { span class={ "swatch " (class) } {} (category.name) " (" (grouped(total)) ")" }
                    }
                }
                @let failed = self.rows.iter().flat_map(|(_, values, _)| values).map(|value| value.failed).sum::<u64>();
                @if failed > 0 {
                    li { span class={ "swatch " (FAILED) } {} "failed (" (grouped(failed)) " of these)" }
                }
            }
        }
    }

    fn bars(&self, links: &Links<'_>) -> Markup {
        let sums: Vec<u64> = self
            .rows
            .iter()
            .map(|(_, values, _)| values.iter().map(|value| value.number).sum())
            .collect();
        let longest = sums.iter().copied().max().unwrap_or(0);
        let classes = self.classes();
        html! {
            div.bars {
                @for ((name, values, _), sum) in self.rows.iter().zip(&sums) {
                    @let full = if self.scale == Scale::Share { *sum } else { longest };
                    div.row {
                        div.name { (name) }
                        div.bar {
                            @for part in self.parts(values, &classes) { (segment(name, &part, full, links)) }
                        }
                        div.total { (grouped(*sum)) }
                    }
                }
            }
        }
    }

    /// Returns the parts of a bar. The failed parts precede the categories that are bad.
    fn parts<'a>(&self, values: &'a [Value], classes: &'a [String]) -> Vec<Part<'a>> {
        let columns = || self.categories.iter().zip(classes).zip(values);
        let other = |((category, class), value): ((&Category, &'a String), &'a Value)| Part {
            name: category.name.clone(),
            class,
            number: value.number.saturating_sub(value.failed),
            anchor: &value.anchor,
        };
        let failed = |((category, _), value): ((&Category, &'a String), &'a Value)| Part {
            name: format!("{}, failed", category.name),
            class: FAILED,
            number: value.failed,
            anchor: &value.anchor,
        };
        let first_bad = self
            .categories
            .iter()
            .position(|category| category.tone == Tone::Bad)
            .unwrap_or(self.categories.len());
        let parts = columns()
            .take(first_bad)
            .map(other)
            .chain(columns().map(failed))
            .chain(columns().skip(first_bad).map(other));
        parts.filter(|part| part.number > 0).collect()
    }

    fn table(&self, links: &Links<'_>) -> Markup {
        let sum = |values: &[Value]| values.iter().map(|value| value.number).sum();
        let row = |(name, values, further): &(String, Vec<Value>, Vec<Cell>)| {
            let numbers = values
                .iter()
                .map(|value| Cell::number(value.number).linked(value.anchor.clone()));
            let mut cells = vec![Cell::name(name)];
            cells.extend(
                numbers
                    .chain([Cell::number(sum(values))])
                    .chain(further.iter().cloned()),
            );
            Row {
                anchor: None,
                cells,
            }
        };
        let totals: Vec<u64> = (0..self.categories.len())
            .map(|category| self.total(category))
            .collect();
        let mut cells = vec![Cell::name("Total")];
        cells.extend(
            totals
                .iter()
                .chain([&totals.iter().sum()])
                .map(|number| Cell::number(*number)),
        );
        cells.extend(self.further.iter().map(|(_, cell)| cell.clone()));
        let mut columns = vec![Heading::text(self.row_heading)];
        columns.extend(
            self.categories
                .iter()
                .map(|category| Heading::number(&capitalized(&category.name))),
        );
        columns.push(Heading::number("Total"));
        columns.extend(self.further.iter().map(|(heading, _)| heading.clone()));
        html! {
            table {
                (head(&columns))
                tbody {
                    @for row in self.rows.iter().map(row) { (row_markup(&row, links, false)) }
                    (row_markup(&Row { anchor: None, cells }, links, true))
                }
            }
        }
    }
}

/// Returns a part of a bar, with a link to the counted rows.
fn segment(row: &str, part: &Part<'_>, full: u64, links: &Links<'_>) -> Markup {
    let Part {
        name,
        class,
        number,
        anchor,
    } = part;
    let width = share(*number, full);
    let is_labeled = width >= MIN_LABELED;
    let class = if width < MIN_LABELED_NARROW {
        format!("{class} narrow")
    } else {
        (*class).to_owned()
    };
    let style = format!("width:{:.3}%", width * 100.0);
    let title = format!("{row}, {name}: {}", grouped(*number));
    html! {
        @match links.href(anchor) {
            Some(href) => a class=(class) style=(style) title=(title) href=(href) { @if is_labeled { (grouped(*number)) } },
            None => span class=(class) style=(style) title=(title) { @if is_labeled { (grouped(*number)) } },
        }
    }
}

/// The line of weekly values.
#[derive(Debug, Clone, PartialEq)]
pub struct TrendChart {
    title: &'static str,
    unit: Unit,
    trend: Trend,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// The share of the part in the total.
    Percent,
    /// The part.
    Number,
}

impl TrendChart {
    /// Returns the chart of shares; `None` if the journal contains less than 2
    /// times, and no value is omitted.
    #[must_use]
    pub fn shares(title: &'static str, trend: Trend) -> Option<Self> {
        Self::new(title, Unit::Percent, trend)
    }

    /// Returns the chart of numbers; `None` if the journal contains less than 2
    /// times, and no value is omitted.
    #[must_use]
    pub fn numbers(title: &'static str, trend: Trend) -> Option<Self> {
        Self::new(title, Unit::Number, trend)
    }

    fn new(title: &'static str, unit: Unit, trend: Trend) -> Option<Self> {
        (trend.is_partial || trend.points.len() > 1).then_some(Self { title, unit, trend })
    }

    /// Returns the section of the chart.
    pub(super) fn markup(&self) -> Markup {
        html! {
            section {
                h2 { (self.title) }
                @if let points @ [first, .., last] = self.trend.points.as_slice() { (self.line(points, first, last)) }
                @if self.trend.is_partial {
                    p.note { "Some weeks are omitted to limit the duration of the report." }
                }
            }
        }
    }

    fn line(&self, points: &[TrendPoint], first: &TrendPoint, last: &TrendPoint) -> Markup {
        let top = match self.unit {
            Unit::Percent => "100%".to_owned(),
            Unit::Number => grouped(Self::largest(points)),
        };
        let path = self.path(points);
        let dots: String = path
            .iter()
            .map(|(x, y)| format!("M{x:.1} {y:.1}h0"))
            .collect();
        let line = path
            .iter()
            .map(|(x, y)| format!("{x:.1} {y:.1}"))
            .collect::<Vec<_>>()
            .join("L");
        let summary = format!(
            "{}: {} on {}, {} on {}",
            self.title,
            self.label(first),
            at(first),
            self.label(last),
            at(last)
        );
        html! {
            p.note { (counted(points.len(), "value")) " of the last 12 weeks. The top of the chart is " (top) ", the bottom is 0." }
            div.trend {
                svg role="img" aria-label=(summary) viewBox="0 0 1000 100" preserveAspectRatio="none" {
                    path.grid d="M0 4H1000M0 50H1000" {}
                    path d={ "M" (line) } {}
                    path.dots d=(dots) {}
                }
            }
            div.ends {
                span { (at(first)) ": " strong { (self.label(first)) } }
                span { (at(last)) ": " strong { (self.label(last)) } }
            }
            details {
                summary { "All values" }
                div.scroll {
                    table {
                        (head(&[Heading::text("As of"), Heading::number("Value"), Heading::number("Of")]))
                        tbody {
                            @for point in points {
                                tr { th scope="row" { (at(point)) } td.number { (self.label(point)) } td.number { (grouped(point.whole)) } }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Returns the coordinates of the points in a box of 1000 by 100.
    fn path(&self, points: &[TrendPoint]) -> Vec<(f64, f64)> {
        let largest = Self::largest(points);
        let seconds =
            |point: &TrendPoint| (point.at.as_second() - points[0].at.as_second()).unsigned_abs();
        let longest = points.last().map_or(0, seconds);
        let y = |point: &TrendPoint| match self.unit {
            Unit::Percent => share(point.part, point.whole),
            Unit::Number => share(point.part, largest),
        };
        points
            .iter()
            .map(|point| {
                (
                    6.0 + 988.0 * share(seconds(point), longest),
                    96.0 - 92.0 * y(point),
                )
            })
            .collect()
    }

    fn largest(points: &[TrendPoint]) -> u64 {
        points
            .iter()
            .map(|point| point.part)
            .max()
            .unwrap_or(0)
            .max(1)
    }

    fn label(&self, point: &TrendPoint) -> String {
        match self.unit {
            Unit::Percent => percent(point.part, point.whole),
            Unit::Number => grouped(point.part),
        }
    }
}

fn at(point: &TrendPoint) -> String {
    time(Some(point.at))
}

/// Returns a text with a capital first letter.
fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breakdown(scale: Scale) -> Breakdown {
        let value = |number| Value::new(number, String::new());
        let category = |(name, tone): (&str, Tone)| Category {
            name: name.to_owned(),
            tone,
        };
        let row =
            |name: &str, numbers: [u64; 3]| (name.to_owned(), numbers.map(value).to_vec(), vec![]);
        Breakdown {
            title: "Chart",
            about: "",
            row_heading: "Name",
            scale,
            categories: [
                ("ok", Tone::Good),
                ("failed", Tone::Bad),
                ("open", Tone::Wait),
            ]
            .map(category)
            .to_vec(),
            rows: vec![row("a", [1000, 0, 1000]), row("b", [250, 250, 0])],
            further: vec![],
        }
    }

    #[test]
    fn a_bar_has_a_part_for_each_number_except_0() {
        for (scale, widths) in [
            (Scale::Share, [50.0; 4]),
            (Scale::Number, [50.0, 50.0, 12.5, 12.5]),
        ] {
            let drawn = breakdown(scale).bars(&Links::new([])).into_string();
            let parts: Vec<&str> = drawn
                .split("width:")
                .skip(1)
                .filter_map(|part| part.split('%').next())
                .collect();
            assert_eq!(parts, widths.map(|width| format!("{width:.3}")));
        }
    }

    #[test]
    fn failed_parts_are_separate_parts_of_the_bar() {
        let mut chart = breakdown(Scale::Share);
        chart.rows[0].1[0].failed = 250;
        let classes = chart.classes();
        let parts = chart.parts(&chart.rows[0].1, &classes);
        let parts: Vec<_> = parts
            .iter()
            .map(|part| (part.name.as_str(), part.class, part.number))
            .collect();
        assert_eq!(
            parts,
            [
                ("ok", "good-1", 750),
                ("ok, failed", FAILED, 250),
                ("open", "wait-4", 1000)
            ]
        );
    }

    #[test]
    fn totals_are_grouped_by_thousands() {
        let written = breakdown(Scale::Share).table(&Links::new([])).into_string();
        let sum = written
            .split("<tr class=\"sum\">")
            .nth(1)
            .unwrap_or_default();
        for number in ["1,250", "250", "1,000", "2,500"] {
            assert!(sum.contains(&format!(">{number}</td>")), "{number}: {sum}");
        }
    }

    #[test]
    fn parts_of_one_tone_have_different_shades() {
        let mut chart = breakdown(Scale::Share);
        chart.categories = (0..6)
            .map(|index| Category {
                name: index.to_string(),
                tone: Tone::Wait,
            })
            .collect();
        assert_eq!(
            chart.classes(),
            (1..7)
                .map(|shade| format!("wait-{shade}"))
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_trend_starts_at_the_first_generation() {
        let point = |(part, week): (u64, i64)| {
            let at = jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(week * 7 * 24);
            TrendPoint { at, part, whole: 8 }
        };
        let trend = |parts: &[u64]| Trend {
            points: parts.iter().copied().zip(0..).map(point).collect(),
            is_partial: false,
        };
        assert_eq!(TrendChart::numbers("Trend", trend(&[1])), None);
        let written = |trend| {
            TrendChart::shares("Trend", trend)
                .map(|chart| chart.markup().into_string())
                .unwrap_or_default()
        };
        let chart = written(trend(&[2, 4, 6]));
        assert!(
            chart.contains("<strong>25%</strong>") && chart.contains("<strong>75%</strong>"),
            "{chart}"
        );
        assert!(
            chart.contains("d=\"M6.0 73.0L500.0 50.0L994.0 27.0\"") && !chart.contains("omitted"),
            "{chart}"
        );
        let partial = written(Trend {
            points: vec![],
            is_partial: true,
        });
        assert!(partial.contains("omitted"), "{partial}");
    }
}
