//! The results, printed as a table row by row.

use std::collections::BTreeMap;

use sqern_model::grouped;

use crate::measure::Spread;

/// The numbers of met and missed limits of each goal.
#[derive(Debug)]
pub struct Table {
    limits: BTreeMap<u8, (usize, usize)>,
}

impl Table {
    /// Prints the header.
    pub fn begin() -> Self {
        print(
            "| goal | measurement | value (min–max) | limit | result |\n| --- | --- | --- | --- | --- |\n",
        );
        Self {
            limits: BTreeMap::new(),
        }
    }

    /// Reports a ratio that must be at most `limit`.
    pub fn at_most(&mut self, goal: u8, name: &str, ratio: Spread, limit: f64) {
        self.row(
            goal,
            name,
            &spread(ratio),
            &format!("≤ {}", short(limit)),
            Some(ratio.median <= limit),
        );
    }

    /// Reports a ratio that must be at least `limit`.
    pub fn at_least(&mut self, goal: u8, name: &str, ratio: Spread, limit: f64) {
        self.row(
            goal,
            name,
            &spread(ratio),
            &format!("≥ {}", short(limit)),
            Some(ratio.median >= limit),
        );
    }

    /// Reports a count that must have a value.
    pub fn exactly(&mut self, goal: u8, name: &str, count: i64, expected: i64) {
        self.row(
            goal,
            name,
            &count.to_string(),
            &expected.to_string(),
            Some(count == expected),
        );
    }

    /// Reports a value that is not a ratio, and whether it is within its limit.
    pub fn check(&mut self, goal: u8, name: &str, measured: &str, limit: &str, is_met: bool) {
        self.row(goal, name, measured, limit, Some(is_met));
    }

    /// Reports a ratio without a limit.
    pub fn report_ratio(&mut self, goal: u8, name: &str, ratio: Spread) {
        self.row(goal, name, &spread(ratio), "", None);
    }

    /// Reports a value without a limit.
    pub fn report(&mut self, goal: u8, name: &str, measured: &str) {
        self.row(goal, name, measured, "", None);
    }

    fn row(&mut self, goal: u8, name: &str, measured: &str, limit: &str, is_met: Option<bool>) {
        let result = match is_met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "",
        };
        print(&format!(
            "| {goal} | {name} | {measured} | {limit} | {result} |\n"
        ));
        let (met, missed) = self.limits.entry(goal).or_default();
        *met += usize::from(is_met == Some(true));
        *missed += usize::from(is_met == Some(false));
    }

    /// Prints a line for each goal. A goal with a missed limit is missed.
    pub fn end(&self) {
        print("\n| goal | limits met | result |\n| --- | --- | --- |\n");
        for (goal, (met, missed)) in &self.limits {
            let result = if *missed == 0 { "met" } else { "missed" };
            print(&format!(
                "| {goal} | {met} of {} | {result} |\n",
                met + missed
            ));
        }
    }

    /// Returns whether a limit of this goal was missed, or none was measured.
    pub fn is_missed(&self, goal: u8) -> bool {
        self.limits
            .get(&goal)
            .is_none_or(|(met, missed)| *missed > 0 || *met == 0)
    }
}

/// Returns `median (min–max)`.
fn spread(ratio: Spread) -> String {
    let Spread { median, min, max } = ratio;
    let digits = match median.abs() {
        10.0.. => 1,
        // Most limits are near 1, so a third digit is required.
        0.9..1.1 => 3,
        0.1.. => 2,
        _ => 4,
    };
    format!("{median:.digits$} ({min:.digits$}–{max:.digits$})")
}

/// Returns a limit without trailing zeros.
fn short(limit: f64) -> String {
    let text = format!("{limit:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns a duration in milliseconds, with the unit.
pub fn milliseconds(seconds: f64) -> String {
    let ms = seconds * 1e3;
    if ms < 10.0 {
        format!("{ms:.2} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

/// Returns a number with a comma between each 3 digits.
pub fn count(number: i64) -> String {
    grouped(number.unsigned_abs())
}

/// Prints to standard output without buffering.
#[allow(
    clippy::print_stdout,
    reason = "the table is the result of the benchmark"
)]
pub fn print(text: &str) {
    print!("{text}");
    _ = std::io::Write::flush(&mut std::io::stdout());
}
