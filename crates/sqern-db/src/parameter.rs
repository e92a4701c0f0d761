//! Parameters of statements with their types.
//!
//! The type of each parameter is sent with the statement. Statements therefore need no separate
//! preparation: see [`SqlClient`](crate::SqlClient).

use jiff::Timestamp;
use serde_json::Value;
use sqern_model::{
    ClusterName, CrawlState, DistroName, HostName, KernelVersion, PackageRole, RunResult,
};
use tokio_postgres::types::{ToSql, Type};

/// The parameters of a statement.
pub(crate) type Parameters<'a> = &'a [&'a (dyn Parameter + Sync)];

/// The parameters of a statement, each with its type.
pub(crate) type TypedParameters<'a> = Vec<(&'a (dyn ToSql + Sync), Type)>;

/// A Rust type that is sent as one type of PostgreSQL.
pub(crate) trait SqlType {
    /// The type of a value.
    const TYPE: Type;
    /// The type of an array of values. For an array, it is the same type.
    const ARRAY: Type;
}

/// A value that can be a parameter of a statement.
pub(crate) trait Parameter: ToSql {
    /// Returns the type as which the value is sent.
    fn sql_type(&self) -> Type;
}

impl<T: SqlType + ToSql> Parameter for T {
    fn sql_type(&self) -> Type {
        T::TYPE
    }
}

/// Adds the types to parameters.
pub(crate) fn typed(parameters: Parameters<'_>) -> TypedParameters<'_> {
    parameters
        .iter()
        .map(|parameter| {
            let value: &(dyn ToSql + Sync) = *parameter;
            (value, parameter.sql_type())
        })
        .collect()
}

/// Implements [`SqlType`] for the Rust types of a type of PostgreSQL.
macro_rules! sql_type {
    ($($name:ident, $array:ident: $($rust:ty),+;)+) => {$($(
        impl SqlType for $rust {
            const TYPE: Type = Type::$name;
            const ARRAY: Type = Type::$array;
        }
    )+)+};
}

sql_type! {
    BOOL, BOOL_ARRAY: bool;
    INT4, INT4_ARRAY: i32;
    INT8, INT8_ARRAY: i64;
    FLOAT8, FLOAT8_ARRAY: f64;
    BYTEA, BYTEA_ARRAY: [u8];
    TEXT, TEXT_ARRAY: str, String, ClusterName, CrawlState, DistroName, HostName, KernelVersion, PackageRole, RunResult;
    TIMESTAMPTZ, TIMESTAMPTZ_ARRAY: Timestamp;
    JSONB, JSONB_ARRAY: Value;
}

impl<T: SqlType + ?Sized> SqlType for &T {
    const TYPE: Type = T::TYPE;
    const ARRAY: Type = T::ARRAY;
}

impl<T: SqlType> SqlType for Option<T> {
    const TYPE: Type = T::TYPE;
    const ARRAY: Type = T::ARRAY;
}

impl<T: SqlType> SqlType for [T] {
    const TYPE: Type = T::ARRAY;
    const ARRAY: Type = T::ARRAY;
}

impl<T: SqlType> SqlType for Vec<T> {
    const TYPE: Type = T::ARRAY;
    const ARRAY: Type = T::ARRAY;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_sent_as_the_type_of_its_value() {
        let names = ["a".to_owned()];
        let (filter, none): (Option<&[String]>, Option<i64>) = (Some(&names), None);
        let bodies: Vec<&[u8]> = vec![b"a"];
        let parameters: Parameters<'_> = &[&1_i64, &"a", &none, &filter, &bodies];
        let types: Vec<Type> = typed(parameters)
            .into_iter()
            .map(|(_, sql_type)| sql_type)
            .collect();
        assert_eq!(
            types,
            [
                Type::INT8,
                Type::TEXT,
                Type::INT8,
                Type::TEXT_ARRAY,
                Type::BYTEA_ARRAY
            ]
        );
    }
}
