//! The columns of lists: names, kinds, and the text of their values.

use jiff::Timestamp;
use serde_json::Value;

/// Determines how a value is aligned, shortened and colored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Free text, the only kind that a table wraps.
    Text,
    /// A name, or several names.
    Name,
    /// A state or result with a color, such as `SUCCESS`.
    Status,
    /// A number, or the length of an array.
    Number,
    /// A number of bytes.
    Bytes,
    /// A duration in seconds, of a command or a download.
    Seconds,
    /// A duration in seconds, between two stages of a kernel.
    Lag,
    /// A share between 0 and 1.
    Share,
    /// A time in the format of RFC 3339.
    Time,
}

/// A column of a list. Its name is the name of a JSON field and the header of the CSV column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The name of the JSON field.
    pub name: &'static str,
    /// The kind of its values.
    pub kind: Kind,
    heading: Option<&'static str>,
    /// Whether a table omits the column if the terminal is too narrow.
    pub is_optional: bool,
    /// On a terminal, a table omits the column if all rows have this value.
    pub usual: Option<&'static str>,
}

/// How a table formats times.
#[derive(Debug, Clone, Copy)]
pub enum TimeFormat {
    /// To the second, in UTC.
    Utc,
    /// Relative to this time, such as `5m ago`.
    RelativeTo(Timestamp),
}

impl Column {
    /// Returns a column of this kind. The heading of the table is the name.
    #[must_use]
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            heading: None,
            is_optional: false,
            usual: None,
        }
    }

    /// Returns a column of names.
    #[must_use]
    pub const fn name(name: &'static str) -> Self {
        Self::new(name, Kind::Name)
    }

    /// Returns a column of free text.
    #[must_use]
    pub const fn text(name: &'static str) -> Self {
        Self::new(name, Kind::Text)
    }

    /// Returns a column of states or results with colors.
    #[must_use]
    pub const fn status(name: &'static str) -> Self {
        Self::new(name, Kind::Status)
    }

    /// Returns a column of numbers.
    #[must_use]
    pub const fn number(name: &'static str) -> Self {
        Self::new(name, Kind::Number)
    }

    /// Returns a column of times.
    #[must_use]
    pub const fn time(name: &'static str) -> Self {
        Self::new(name, Kind::Time)
    }

    /// Sets the heading in tables.
    #[must_use]
    pub const fn headed(self, heading: &'static str) -> Self {
        Self {
            heading: Some(heading),
            ..self
        }
    }

    /// Omits the column of a table if the terminal is too narrow.
    #[must_use]
    pub const fn optional(self) -> Self {
        Self {
            is_optional: true,
            ..self
        }
    }

    /// Omits the column of a table on a terminal if all rows have this value.
    #[must_use]
    pub const fn omitted_if(self, usual: &'static str) -> Self {
        Self {
            usual: Some(usual),
            ..self
        }
    }

    /// Returns the heading in tables.
    #[must_use]
    pub fn heading(&self) -> String {
        self.heading.unwrap_or(self.name).to_uppercase()
    }
}

impl Kind {
    /// Returns the kind of a field that is not a column, by one of its values.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Number(_) => Self::Number,
            Value::String(text) if text.parse::<Timestamp>().is_ok() => Self::Time,
            _ => Self::Name,
        }
    }

    /// Returns the text of a value in a table.
    #[must_use]
    pub fn text_of(self, value: &Value, times: TimeFormat) -> String {
        match (self, value) {
            (_, Value::Null) => String::new(),
            (_, Value::Bool(value)) => if *value { "yes" } else { "no" }.to_owned(),
            (Self::Number, Value::Array(values)) => values.len().to_string(),
            (Self::Bytes, Value::Number(bytes)) => bytes.as_u64().map_or_else(
                || bytes.to_string(),
                |bytes| indicatif::HumanBytes(bytes).to_string(),
            ),
            (Self::Seconds, Value::Number(seconds)) => seconds
                .as_f64()
                .map(|seconds| format!("{seconds:.1}s"))
                .unwrap_or_default(),
            (Self::Lag, Value::Number(seconds)) => {
                seconds.as_i64().map(duration).unwrap_or_default()
            }
            (Self::Share, Value::Number(share)) => share.as_f64().map(percent).unwrap_or_default(),
            (Self::Time, Value::String(time)) => match (time.parse(), times) {
                (Ok(time), TimeFormat::Utc) => utc(time),
                (Ok(time), TimeFormat::RelativeTo(now)) => relative(time, now),
                (Err(_), _) => time.clone(),
            },
            (_, value) => raw(value),
        }
    }

    /// Returns the text of a value in CSV. It contains the same value as JSON, with 2 exceptions:
    ///
    /// - An array in a column of numbers is its length.
    /// - Unless `is_raw`, text that a spreadsheet would execute has the prefix `'`. Numbers have no
    ///   prefix.
    #[must_use]
    pub fn csv_of(self, value: &Value, is_raw: bool) -> String {
        match (self, value) {
            (Self::Number, Value::Array(values)) => values.len().to_string(),
            (_, value @ (Value::String(_) | Value::Array(_))) if !is_raw => {
                let text = raw(value);
                if is_formula(&text) {
                    format!("'{text}")
                } else {
                    text
                }
            }
            (_, value) => raw(value),
        }
    }
}

/// Returns whether a spreadsheet might execute a text in a cell: its first character after blanks
/// starts a formula, or a tab or a line break precedes it (OWASP, CSV Injection). The full-width
/// forms of the characters have the same meaning in some locales.
fn is_formula(text: &str) -> bool {
    text.starts_with(['\t', '\r', '\n'])
        || text
            .trim_start()
            .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

fn raw(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(raw).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// Formats a time to the second, in UTC.
#[must_use]
pub fn utc(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Formats a time relative to `now`, such as `5m ago`. Returns the date for more than 60 days.
#[must_use]
pub fn relative(time: Timestamp, now: Timestamp) -> String {
    const DAY: i64 = 24 * 60 * 60;
    let seconds = now.as_second() - time.as_second();
    match seconds.abs() {
        0..=59 if seconds >= 0 => "now".to_owned(),
        distance if distance >= 60 * DAY => time.strftime("%Y-%m-%d").to_string(),
        distance => {
            let text = match distance {
                ..60 => format!("{distance}s"),
                60..3600 => format!("{}m", distance / 60),
                3600..172_800 => format!("{}h", distance / 3600),
                _ => format!("{}d", distance / DAY),
            };
            if seconds < 0 {
                format!("in {text}")
            } else {
                format!("{text} ago")
            }
        }
    }
}

/// Formats a share between 0 and 1 in percent. Only a complete share is 100%, and only an empty one
/// is 0%.
#[must_use]
pub fn percent(share: f64) -> String {
    let percent = if share > 0.0 && share < 1.0 {
        (share * 100.0).clamp(1.0, 99.0)
    } else {
        share * 100.0
    };
    format!("{percent:.0}%")
}

/// Formats a duration in seconds with its 2 largest units, such as `1h 30m`. The smallest unit is
/// the minute.
#[must_use]
pub fn duration(seconds: i64) -> String {
    let (days, hours, minutes) = (
        seconds / 86_400,
        seconds % 86_400 / 3600,
        seconds % 3600 / 60,
    );
    match (days, hours) {
        (0, 0) => format!("{minutes}m"),
        (0, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_relative_only_on_a_terminal() {
        let now: Timestamp = "2026-05-04T12:00:00Z".parse().unwrap();
        for (time, expected) in [
            ("2026-05-04T11:59:30Z", "now"),
            ("2026-05-04T11:55:00Z", "5m ago"),
            ("2026-05-04T02:00:00Z", "10h ago"),
            ("2026-05-01T12:00:00Z", "3d ago"),
            ("2026-01-01T00:00:00Z", "2026-01-01"),
            ("2026-05-04T12:00:30Z", "in 30s"),
        ] {
            assert_eq!(
                Kind::Time.text_of(&json!(time), TimeFormat::RelativeTo(now)),
                expected
            );
            assert_eq!(Kind::Time.csv_of(&json!(time), false), time);
        }
        assert_eq!(
            Kind::Time.text_of(&json!("2026-05-04T02:00:00.5Z"), TimeFormat::Utc),
            "2026-05-04 02:00:00Z"
        );
    }

    #[test]
    fn values_have_units_in_tables_and_not_in_csv() {
        for (kind, value, table, csv) in [
            (Kind::Bytes, json!(2048), "2.00 KiB", "2048"),
            (Kind::Lag, json!(5400), "1h 30m", "5400"),
            (Kind::Seconds, json!(0.25), "0.2s", "0.25"),
            (Kind::Share, json!(0.5), "50%", "0.5"),
            (Kind::Number, json!(["a", "b"]), "2", "2"),
            (Kind::Name, json!(["a", "b"]), "a b", "a b"),
            (Kind::Status, json!(true), "yes", "true"),
            (Kind::Text, json!(null), "", ""),
        ] {
            assert_eq!(
                (
                    kind.text_of(&value, TimeFormat::Utc),
                    kind.csv_of(&value, false)
                ),
                (table.to_owned(), csv.to_owned())
            );
        }
    }

    #[test]
    fn text_that_a_spreadsheet_would_execute_has_a_prefix() {
        for text in [
            "=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\rx", "\nx", " =1", "＝1", "-",
        ] {
            for value in [json!(text), json!([text, "x"])] {
                let kind = Kind::Text;
                let raw = kind.csv_of(&value, true);
                assert!(raw.starts_with(text), "{raw:?}");
                assert_eq!(kind.csv_of(&value, false), format!("'{raw}"));
            }
        }
        for value in [
            json!(-5),
            json!(-0.5),
            json!("a=1"),
            json!("'=1"),
            json!(""),
        ] {
            let kind = Kind::Text;
            assert_eq!(kind.csv_of(&value, false), kind.csv_of(&value, true));
        }
    }

    #[test]
    fn only_complete_shares_are_100_percent() {
        assert_eq!(
            [0.0, 0.001, 0.5, 301.0 / 302.0, 1.0].map(percent),
            ["0%", "1%", "50%", "99%", "100%"]
        );
    }

    #[test]
    fn durations_have_two_units() {
        for (seconds, expected) in [(59, "0m"), (61, "1m"), (3600, "1h 0m"), (200_000, "2d 7h")] {
            assert_eq!(duration(seconds), expected);
        }
    }
}
