//! The rows of a list: sorted, limited, and reduced to the requested columns.

use std::cmp::Ordering;
use std::str::FromStr;

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};
use sqern_model::order::dpkg;

use super::Record;
use super::column::{Column, Kind};
use crate::error::CliError;

/// The default of `--limit` for lists that grow with every command.
pub const DEFAULT_LIMIT: u32 = 20;

/// Options that all lists share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct RowArgs {
    /// Maximum number of rows; 0 for all [default: 0, unless stated otherwise]
    #[arg(long, value_name = "N", help_heading = "Rows")]
    pub limit: Option<u32>,
    /// Sort by this column, in descending order with - before the name (repeatable)
    #[arg(
        long = "sort",
        value_name = "[-]COLUMN",
        allow_hyphen_values = true,
        help_heading = "Rows"
    )]
    pub sort: Vec<SortKey>,
    /// Print only these columns, separated by commas; a column is any field of the JSON output
    #[arg(
        long,
        value_name = "COLUMN,...",
        value_delimiter = ',',
        help_heading = "Rows"
    )]
    pub columns: Vec<String>,
    /// Whether the query limited the rows to one more than the limit.
    #[arg(skip)]
    pub is_query_limited: bool,
}

/// A column to sort by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// The name of the column.
    pub column: String,
    /// Whether the order is descending.
    pub is_descending: bool,
}

impl FromStr for SortKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.strip_prefix('-');
        let column = name.unwrap_or(text).to_owned();
        if column.is_empty() || column.starts_with('-') {
            return Err("must be the name of a column, such as distro or -hosts");
        }
        Ok(Self {
            column,
            is_descending: name.is_some(),
        })
    }
}

impl RowArgs {
    /// Returns the limit for a query: one more than the printed rows, to detect further ones. Sorting
    /// requires all rows.
    #[must_use]
    pub fn query_limit(&self, default: u32) -> i64 {
        if self.sort.is_empty() {
            query_limit(self.limit.unwrap_or(default)).saturating_add(1)
        } else {
            i64::MAX
        }
    }

    /// Sets the limit of a list that prints only some rows by default, and whose query has the limit
    /// [`Self::query_limit`].
    #[must_use]
    pub fn with_default_limit(self, default: u32) -> Self {
        Self {
            limit: Some(self.limit.unwrap_or(default)),
            is_query_limited: self.sort.is_empty(),
            ..self
        }
    }
}

/// Returns a limit for a query: 0 selects all rows.
#[must_use]
pub fn query_limit(limit: u32) -> i64 {
    if limit == 0 { i64::MAX } else { limit.into() }
}

/// A column of the printed rows: a column of the record, or another field of its JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowColumn {
    /// The name of the JSON field.
    pub name: String,
    /// The kind of its values.
    pub kind: Kind,
    /// The heading in tables.
    pub heading: String,
    /// Whether a table may omit the column: it was not requested by its name.
    pub can_be_omitted: bool,
    /// Whether a table omits the column if the terminal is too narrow.
    pub is_optional: bool,
    /// On a terminal, a table omits the column if all rows have this value.
    pub usual: Option<&'static str>,
}

impl From<&Column> for RowColumn {
    fn from(column: &Column) -> Self {
        Self {
            name: column.name.to_owned(),
            kind: column.kind,
            heading: column.heading(),
            can_be_omitted: true,
            is_optional: column.is_optional,
            usual: column.usual,
        }
    }
}

/// The rows of a list.
#[derive(Debug)]
pub struct Rows {
    /// The printed columns in their order.
    pub columns: Vec<RowColumn>,
    /// The JSON fields of each record.
    pub rows: Vec<Map<String, Value>>,
    /// The number of records before the limit.
    pub total: usize,
    /// Whether this is the number of all records, and not limited by a query.
    pub is_total_known: bool,
}

impl Rows {
    /// Serializes, sorts and limits records.
    ///
    /// # Errors
    ///
    /// Returns an error if a requested column does not exist.
    pub fn new<R: Record>(records: &[R], args: &RowArgs) -> Result<Self, CliError> {
        let mut rows = records.iter().map(fields).collect::<Result<Vec<_>, _>>()?;
        let columns = columns::<R>(args, &rows)?;
        // The sort is stable, so the first key is sorted last.
        for key in args.sort.iter().rev() {
            find::<R>(&key.column, &rows)?;
            rows.sort_by(|left, right| {
                let (left, right) = (present(left, &key.column), present(right, &key.column));
                match (left, right) {
                    (Some(left), Some(right)) if key.is_descending => compare(right, left),
                    (Some(left), Some(right)) => compare(left, right),
                    (left, right) => left.is_none().cmp(&right.is_none()),
                }
            });
        }
        let total = rows.len();
        let limit = args
            .limit
            .filter(|limit| *limit > 0)
            .map_or(total, |limit| usize::try_from(limit).unwrap_or(total));
        rows.truncate(limit);
        if !args.columns.is_empty() {
            for row in &mut rows {
                row.retain(|name, _| args.columns.contains(name));
            }
        }
        Ok(Self {
            columns,
            rows,
            total,
            is_total_known: !args.is_query_limited,
        })
    }
}

/// Returns the fields of a record.
pub(super) fn fields<R: Serialize>(record: &R) -> Result<Map<String, Value>, CliError> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(value) => Ok(Map::from_iter([("value".to_owned(), value)])),
        Err(error) => Err(std::io::Error::from(error).into()),
    }
}

fn columns<R: Record>(
    args: &RowArgs,
    rows: &[Map<String, Value>],
) -> Result<Vec<RowColumn>, CliError> {
    if args.columns.is_empty() {
        return Ok(R::COLUMNS.iter().map(RowColumn::from).collect());
    }
    args.columns
        .iter()
        .map(|name| find::<R>(name, rows))
        .collect()
}

/// Returns a column by its name. Other fields are known only if there is a record. Without one, any
/// name is accepted: a script must not fail because a list is empty.
fn find<R: Record>(name: &str, rows: &[Map<String, Value>]) -> Result<RowColumn, CliError> {
    if let Some(column) = R::COLUMNS.iter().find(|column| column.name == name) {
        return Ok(RowColumn {
            can_be_omitted: false,
            ..column.into()
        });
    }
    let first = rows.first();
    if first.is_none_or(|fields| fields.contains_key(name)) {
        let value = rows.iter().find_map(|row| present(row, name));
        return Ok(RowColumn {
            name: name.to_owned(),
            kind: value.map_or(Kind::Name, Kind::of),
            heading: name.to_uppercase(),
            can_be_omitted: false,
            is_optional: false,
            usual: None,
        });
    }
    let is_column = |name: &str| R::COLUMNS.iter().any(|column| column.name == name);
    let mut known: Vec<&str> = R::COLUMNS.iter().map(|column| column.name).collect();
    known.extend(
        first
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .filter(|name| !is_column(name)),
    );
    Err(CliError::usage(format!(
        "unknown column \"{name}\"; the columns are {}",
        known.join(", ")
    )))
}

/// Returns the value of a field; `None` if it is absent or null. Such rows come last.
fn present<'a>(row: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    row.get(name).filter(|value| !value.is_null())
}

/// Compares numbers by value, and texts like versions of dpkg: 6.1.0-9 precedes 6.1.0-25.
fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left
            .as_f64()
            .unwrap_or_default()
            .total_cmp(&right.as_f64().unwrap_or_default()),
        (Value::Array(left), Value::Array(right)) => left.len().cmp(&right.len()),
        (Value::String(left), Value::String(right)) => dpkg::compare(left, right),
        (left, right) => left.to_string().cmp(&right.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;

    use super::*;

    #[derive(Serialize, JsonSchema)]
    struct Sample {
        version: &'static str,
        hosts: Option<u32>,
        extra: bool,
    }

    impl Record for Sample {
        const SCHEMA: &'static str = "sample/1";
        const COLUMNS: &'static [Column] = &[Column::name("version"), Column::number("hosts")];
    }

    const SAMPLES: [Sample; 3] = [
        Sample {
            version: "6.1.0-25",
            hosts: Some(10),
            extra: true,
        },
        Sample {
            version: "6.1.0-9",
            hosts: None,
            extra: true,
        },
        Sample {
            version: "6.1.0-100",
            hosts: Some(9),
            extra: true,
        },
    ];

    fn versions(args: &RowArgs) -> Vec<String> {
        let rows = Rows::new(&SAMPLES, args).unwrap();
        rows.rows
            .iter()
            .map(|row| row["version"].as_str().unwrap().to_owned())
            .collect()
    }

    fn sorted_by(keys: &[&str]) -> RowArgs {
        RowArgs {
            sort: keys.iter().map(|key| key.parse().unwrap()).collect(),
            ..RowArgs::default()
        }
    }

    #[test]
    fn rows_are_sorted_like_versions_and_numbers() {
        assert_eq!(
            versions(&sorted_by(&["version"])),
            ["6.1.0-9", "6.1.0-25", "6.1.0-100"]
        );
        assert_eq!(
            versions(&sorted_by(&["hosts"])),
            ["6.1.0-100", "6.1.0-25", "6.1.0-9"]
        );
        assert_eq!(
            versions(&sorted_by(&["-hosts"])),
            ["6.1.0-25", "6.1.0-100", "6.1.0-9"],
            "absent values come last in both orders"
        );
        assert_eq!(
            versions(&sorted_by(&["extra", "-version"])),
            ["6.1.0-100", "6.1.0-25", "6.1.0-9"]
        );
        let limited = RowArgs {
            limit: Some(2),
            ..sorted_by(&["version"])
        };
        assert_eq!(versions(&limited), ["6.1.0-9", "6.1.0-25"]);
        assert_eq!(
            versions(&RowArgs {
                limit: Some(0),
                ..RowArgs::default()
            })
            .len(),
            3
        );
    }

    #[test]
    fn unknown_columns_are_rejected_with_the_known_ones() {
        let args = RowArgs {
            columns: vec!["extra".to_owned(), "versoin".to_owned()],
            ..RowArgs::default()
        };
        let error = Rows::new(&SAMPLES, &args).unwrap_err();
        assert_eq!(
            error.message(),
            "unknown column \"versoin\"; the columns are version, hosts, extra"
        );
        assert!("--x".parse::<SortKey>().is_err());
        let empty = Rows::new::<Sample>(&[], &args).unwrap();
        assert_eq!(
            empty.columns.len(),
            2,
            "no record, so the fields are unknown"
        );
    }

    #[test]
    fn a_query_reads_one_row_more_than_it_prints() {
        let args = RowArgs::default();
        assert_eq!(args.query_limit(2), 3);
        let rows = Rows::new(&SAMPLES, &args.with_default_limit(2)).unwrap();
        assert_eq!(
            (rows.rows.len(), rows.total, rows.is_total_known),
            (2, 3, false)
        );
        assert_eq!(sorted_by(&["hosts"]).query_limit(2), i64::MAX);
    }
}
