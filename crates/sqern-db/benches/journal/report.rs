//! The table that is printed, row by row as the figures come.

use std::collections::BTreeMap;

use crate::measure::Spread;

/// The rows so far: of each goal, how many of its limits hold and how many do not.
#[derive(Debug)]
pub struct Table {
    held: BTreeMap<u8, (usize, usize)>,
}

impl Table {
    /// Prints the head.
    pub fn begin() -> Self {
        print("| goal | what | measured (min–max) | limit | verdict |\n| --- | --- | --- | --- | --- |\n");
        Self { held: BTreeMap::new() }
    }

    /// A ratio that should not be above `limit`.
    pub fn at_most(&mut self, goal: u8, what: &str, ratio: Spread, limit: f64) {
        self.row(goal, what, &spread(ratio), &format!("≤ {}", short(limit)), Some(ratio.median <= limit));
    }

    /// A ratio that should not be below `limit`.
    pub fn at_least(&mut self, goal: u8, what: &str, ratio: Spread, limit: f64) {
        self.row(goal, what, &spread(ratio), &format!("≥ {}", short(limit)), Some(ratio.median >= limit));
    }

    /// A count that must be what it must be.
    pub fn exactly(&mut self, goal: u8, what: &str, count: i64, expected: i64) {
        self.row(goal, what, &count.to_string(), &expected.to_string(), Some(count == expected));
    }

    /// A figure that is not a ratio, beside its limit.
    pub fn must(&mut self, goal: u8, what: &str, measured: &str, limit: &str, holds: bool) {
        self.row(goal, what, measured, limit, Some(holds));
    }

    /// A ratio without a limit.
    pub fn told_ratio(&mut self, goal: u8, what: &str, ratio: Spread) {
        self.row(goal, what, &spread(ratio), "", None);
    }

    /// A figure without a limit.
    pub fn told(&mut self, goal: u8, what: &str, measured: &str) {
        self.row(goal, what, measured, "", None);
    }

    fn row(&mut self, goal: u8, what: &str, measured: &str, limit: &str, holds: Option<bool>) {
        let verdict = match holds {
            Some(true) => "holds",
            Some(false) => "falls short",
            None => "",
        };
        print(&format!("| {goal} | {what} | {measured} | {limit} | {verdict} |\n"));
        let (held, fell) = self.held.entry(goal).or_default();
        *held += usize::from(holds == Some(true));
        *fell += usize::from(holds == Some(false));
    }

    /// Prints a line for each goal: its worst row decides.
    pub fn end(&self) {
        print("\n| goal | limits held | verdict |\n| --- | --- | --- |\n");
        for (goal, (held, fell)) in &self.held {
            let verdict = if *fell == 0 { "holds" } else { "falls short" };
            print(&format!("| {goal} | {held} of {} | {verdict} |\n", held + fell));
        }
    }

    /// Whether a limit of this goal was missed, or none of its limits was measured.
    pub fn falls_short(&self, goal: u8) -> bool {
        self.held.get(&goal).is_none_or(|(held, fell)| *fell > 0 || *held == 0)
    }
}

/// `median (min–max)`.
fn spread(ratio: Spread) -> String {
    let Spread { median, min, max } = ratio;
    let digits = match median.abs() {
        10.0.. => 1,
        // Where the hundredth decides, the thousandth is shown.
        0.9..1.1 => 3,
        0.1.. => 2,
        _ => 4,
    };
    format!("{median:.digits$} ({min:.digits$}–{max:.digits$})")
}

/// A limit without zeros at its end.
fn short(limit: f64) -> String {
    let text = format!("{limit:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Milliseconds for people.
pub fn milliseconds(seconds: f64) -> String {
    let ms = seconds * 1e3;
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}

/// 12,345 of 12345.
pub fn count(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Prints to standard output, at once.
#[allow(clippy::print_stdout, reason = "the table is what the bench is asked for")]
pub fn print(text: &str) {
    print!("{text}");
    _ = std::io::Write::flush(&mut std::io::stdout());
}
