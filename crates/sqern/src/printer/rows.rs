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
    /// Returns the limit for a query. Sorting requires all rows.
    #[must_use]
    pub fn query_limit(&self, default: u32) -> i64 {
        if self.sort.is_empty() {
            query_limit(self.limit.unwrap_or(default))
        } else {
            i64::MAX
        }
    }

    /// Sets the limit of a list that prints only some rows by default.
    #[must_use]
    pub fn with_default_limit(self, default: u32) -> Self {
        Self {
            limit: Some(self.limit.unwrap_or(default)),
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
    /// A table omits the column if all rows have this value.
    pub usual: Option<&'static str>,
}

impl From<&Column> for RowColumn {
    fn from(column: &Column) -> Self {
        Self {
            name: column.name.to_owned(),
            kind: column.kind,
            heading: column.heading(),
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
    /// The number of records without a limit.
    pub total: usize,
}

impl Rows {
    /// Serializes, sorts and limits records.
    ///
    /// # Errors
    ///
    /// Returns an error if a requested column does not exist.
    pub fn new<R: Record>(records: &[R], args: &RowArgs) -> Result<Self, CliError> {
        let mut rows = records.iter().map(fields).collect::<Result<Vec<_>, _>>()?;
        let columns = columns::<R>(args, rows.first())?;
        // The sort is stable, so the first key is sorted last.
        for key in args.sort.iter().rev() {
            find::<R>(&key.column, rows.first())?;
            rows.sort_by(|left, right| {
                let order = compare(left.get(&key.column), right.get(&key.column));
                if key.is_descending {
                    order.reverse()
                } else {
                    order
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
    first: Option<&Map<String, Value>>,
) -> Result<Vec<RowColumn>, CliError> {
    if args.columns.is_empty() {
        return Ok(R::COLUMNS.iter().map(RowColumn::from).collect());
    }
    args.columns
        .iter()
        .map(|name| find::<R>(name, first))
        .collect()
}

/// Returns a column by its name. Fields that are no columns by default are known only if there is a
/// record.
fn find<R: Record>(name: &str, first: Option<&Map<String, Value>>) -> Result<RowColumn, CliError> {
    if let Some(column) = R::COLUMNS.iter().find(|column| column.name == name) {
        return Ok(RowColumn {
            usual: None,
            ..column.into()
        });
    }
    if first.is_some_and(|fields| fields.contains_key(name)) {
        return Ok(RowColumn {
            name: name.to_owned(),
            kind: Kind::Name,
            heading: name.to_uppercase(),
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

/// Compares numbers by value, and texts like versions of dpkg, so that 6.1.0-9 precedes 6.1.0-25.
/// Absent values come last.
fn compare(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    let present = |value: Option<&Value>| value.filter(|value| !value.is_null()).cloned();
    match (present(left), present(right)) {
        (Some(Value::Number(left)), Some(Value::Number(right))) => left
            .as_f64()
            .unwrap_or_default()
            .total_cmp(&right.as_f64().unwrap_or_default()),
        (Some(Value::Array(left)), Some(Value::Array(right))) => left.len().cmp(&right.len()),
        (Some(Value::String(left)), Some(Value::String(right))) => dpkg::compare(&left, &right),
        (Some(left), Some(right)) => left.to_string().cmp(&right.to_string()),
        (left, right) => left.is_none().cmp(&right.is_none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
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
    }
}
