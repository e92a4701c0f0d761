//! Conversions between text columns of PostgreSQL and the types of this crate.
//!
//! A text is parsed when it is read, so a query returns an error if a stored text is invalid.

use std::error::Error;

use bytes::BytesMut;
use postgres_types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::{ClusterName, CrawlState, DistroName, HostName, KernelVersion, PackageRole, RunResult};

/// Implements the conversions of types with `FromStr` and `as_str`.
macro_rules! text_column {
    ($($name:ty),+ $(,)?) => {$(
        impl<'a> FromSql<'a> for $name {
            fn from_sql(column_type: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
                Ok(<&str as FromSql<'a>>::from_sql(column_type, raw)?.parse()?)
            }

            fn accepts(column_type: &Type) -> bool {
                <&str as FromSql<'a>>::accepts(column_type)
            }
        }

        impl ToSql for $name {
            fn to_sql(&self, column_type: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
                self.as_str().to_sql(column_type, out)
            }

            fn accepts(column_type: &Type) -> bool {
                <&str as ToSql>::accepts(column_type)
            }

            to_sql_checked!();
        }
    )+};
}

text_column!(
    ClusterName,
    CrawlState,
    DistroName,
    HostName,
    KernelVersion,
    PackageRole,
    RunResult
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_column_is_parsed_when_it_is_read() {
        assert_eq!(
            RunResult::from_sql(&Type::TEXT, b"not_built").unwrap(),
            RunResult::NotBuilt
        );
        assert_eq!(
            DistroName::from_sql(&Type::TEXT, b" d")
                .unwrap_err()
                .to_string(),
            "expected a distribution name without leading or trailing blanks and without control characters, found \" d\""
        );
        assert_eq!(
            PackageRole::from_sql(&Type::TEXT, b"meta")
                .unwrap_err()
                .to_string(),
            "expected headers or support, found \"meta\""
        );
        assert!(!<KernelVersion as FromSql<'_>>::accepts(&Type::INT8));
    }
}
