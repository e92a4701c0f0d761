//! Queries whose rows are decoded by column name.

use std::error::Error as _;

use tokio_postgres::types::FromSql;
use tokio_postgres::{Error, Row};

use crate::parameter::{Parameters, typed};
use crate::{DbError, SqlClient};

/// A value that is decoded from the columns of a row.
pub(crate) trait FromRow: Sized {
    /// Decodes the columns of a row.
    ///
    /// # Errors
    ///
    /// Returns [`DbError::Unexpected`] if a column is missing, or if its value is invalid.
    fn from_row(row: &Row) -> Result<Self, DbError>;
}

/// Implements [`FromRow`] for a struct. A field is decoded from the column with its name, or with
/// the name after `=`. A field after `..` is decoded from several columns by its own
/// implementation.
macro_rules! from_row {
    ($type:ident { $(..$nested:ident,)* $($field:ident $(= $column:literal)?),* $(,)? }) => {
        impl $crate::decode::FromRow for $type {
            fn from_row(row: &tokio_postgres::Row) -> Result<Self, $crate::DbError> {
                Ok(Self {
                    $($nested: $crate::decode::FromRow::from_row(row)?,)*
                    $($field: $crate::decode::column(row, $crate::decode::column_name!($field $(= $column)?))?,)*
                })
            }
        }
    };
}
pub(crate) use from_row;

/// Returns the name of the column from which a field is decoded.
macro_rules! column_name {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident = $column:literal) => {
        $column
    };
}
pub(crate) use column_name;

/// Decodes the column with this name.
pub(crate) fn column<'a, T: FromSql<'a>>(row: &'a Row, name: &str) -> Result<T, DbError> {
    row.try_get(name).map_err(|error| {
        unexpected(
            name,
            error
                .source()
                .map_or_else(|| error.to_string(), ToString::to_string),
        )
    })
}

/// Decodes the column with this name, which contains a count or size.
pub(crate) fn unsigned(row: &Row, name: &str) -> Result<u64, DbError> {
    let value: i64 = column(row, name)?;
    u64::try_from(value).map_err(|_| {
        unexpected(
            name,
            format!("expected a number of at least 0, found {value}"),
        )
    })
}

/// Returns the error for an invalid value in a column.
pub(crate) fn unexpected(column: &str, reason: String) -> DbError {
    DbError::Unexpected {
        column: column.to_owned(),
        reason,
    }
}

/// Executes a statement, and returns the number of its rows.
pub(crate) async fn execute(
    client: &impl SqlClient,
    statement: &str,
    parameters: Parameters<'_>,
) -> Result<u64, Error> {
    let parameters = typed(parameters);
    client
        .in_transaction(client.execute_typed(statement, &parameters))
        .await
}

/// Returns all rows of a query without decoding them.
pub(crate) async fn query(
    client: &impl SqlClient,
    query: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<Row>, Error> {
    let parameters = typed(parameters);
    client
        .in_transaction(client.query_typed(query, &parameters))
        .await
}

async fn query_at_most_one(
    client: &impl SqlClient,
    query: &str,
    parameters: Parameters<'_>,
) -> Result<Option<Row>, Error> {
    let parameters = typed(parameters);
    client
        .in_transaction(client.query_typed_opt(query, &parameters))
        .await
}

async fn query_exactly_one(
    client: &impl SqlClient,
    query: &str,
    parameters: Parameters<'_>,
) -> Result<Row, Error> {
    let parameters = typed(parameters);
    client
        .in_transaction(client.query_typed_one(query, &parameters))
        .await
}

/// Returns all rows of a query.
pub(crate) async fn query_rows<T: FromRow>(
    client: &impl SqlClient,
    query: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<T>, DbError> {
    self::query(client, query, parameters)
        .await?
        .iter()
        .map(T::from_row)
        .collect()
}

/// Returns the row of a query that returns at most one.
pub(crate) async fn query_optional<T: FromRow>(
    client: &impl SqlClient,
    query: &str,
    parameters: Parameters<'_>,
) -> Result<Option<T>, DbError> {
    query_at_most_one(client, query, parameters)
        .await?
        .as_ref()
        .map(T::from_row)
        .transpose()
}

/// Returns the row of a query that returns exactly one.
pub(crate) async fn query_row<T: FromRow>(
    client: &impl SqlClient,
    query: &str,
    parameters: Parameters<'_>,
) -> Result<T, DbError> {
    T::from_row(&query_exactly_one(client, query, parameters).await?)
}

/// Returns the first column of all rows of a query.
pub(crate) async fn query_values<T: for<'a> FromSql<'a>>(
    client: &impl SqlClient,
    query: &str,
    parameters: Parameters<'_>,
) -> Result<Vec<T>, DbError> {
    self::query(client, query, parameters)
        .await?
        .iter()
        .map(first_column)
        .collect()
}

/// Returns the first column of the row of a query that returns exactly one.
pub(crate) async fn query_value<T: for<'a> FromSql<'a>>(
    client: &impl SqlClient,
    query: &str,
    parameters: Parameters<'_>,
) -> Result<T, DbError> {
    first_column(&query_exactly_one(client, query, parameters).await?)
}

/// Returns the first column of the row of a query that returns at most one.
pub(crate) async fn query_optional_value<T: for<'a> FromSql<'a>>(
    client: &impl SqlClient,
    query: &str,
    parameters: Parameters<'_>,
) -> Result<Option<T>, DbError> {
    query_at_most_one(client, query, parameters)
        .await?
        .as_ref()
        .map(first_column)
        .transpose()
}

fn first_column<T: for<'a> FromSql<'a>>(row: &Row) -> Result<T, DbError> {
    column(
        row,
        row.columns()
            .first()
            .map_or("", tokio_postgres::Column::name),
    )
}
