//! Enumerations that the database stores or returns as text.

/// Defines an enumeration whose values have a text in the database and in JSON output.
macro_rules! text_enum {
    ($(#[$attribute:meta])* $name:ident: $($(#[$doc:meta])* $value:ident = $text:literal),+ $(,)?) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $value),+
        }

        impl $name {
            /// All values in their order.
            pub const ALL: &[Self] = &[$(Self::$value),+];

            /// Returns the text of the value.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl<'a> tokio_postgres::types::FromSql<'a> for $name {
            fn from_sql(
                column_type: &tokio_postgres::types::Type,
                raw: &'a [u8],
            ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
                let text = <&str as tokio_postgres::types::FromSql<'a>>::from_sql(column_type, raw)?;
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or_else(|| {
                    let valid: Vec<&str> = Self::ALL.iter().map(|value| value.as_str()).collect();
                    format!("expected one of {}, found {text:?}", valid.join(", ")).into()
                })
            }

            fn accepts(column_type: &tokio_postgres::types::Type) -> bool {
                <&str as tokio_postgres::types::FromSql<'a>>::accepts(column_type)
            }
        }
    };
}

pub(crate) use text_enum;
