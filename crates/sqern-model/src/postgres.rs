//! Conversions between text columns of PostgreSQL and the types of this crate.
//!
//! A text is parsed when it is read, so a query returns an error if a stored text is invalid.

use std::error::Error;
use std::str::FromStr;

use bytes::BytesMut;
use postgres_types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::{ClusterName, CrawlState, DistroName, HostName, KernelVersion, PackageRole, RunResult};

/// Implements the conversions of types with `as_str`, from text with a function.
macro_rules! text_column {
    ($parse:ident: $($name:ty),+ $(,)?) => {$(
        impl<'a> FromSql<'a> for $name {
            fn from_sql(column_type: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
                Ok(Self::$parse(<&str as FromSql<'a>>::from_sql(column_type, raw)?)?)
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

text_column!(recorded: ClusterName, DistroName, HostName, KernelVersion);
text_column!(from_str: CrawlState, PackageRole, RunResult);

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
        let long = "6".repeat(300);
        assert_eq!(
            KernelVersion::from_sql(&Type::TEXT, long.as_bytes())
                .unwrap()
                .as_str(),
            long
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
