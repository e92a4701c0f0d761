//! Names as accepted by the database: not empty, without leading or trailing blanks, without
//! control characters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text that is not a valid name or version. The rule is the same as in the constraints of the
/// text keys in the database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a {what} without leading or trailing blanks and without control characters, found {got:?}"
)]
pub struct InvalidName {
    /// The kind of name ("distribution name", "kernel version").
    pub what: &'static str,
    /// The text.
    pub got: String,
}

/// Returns whether `text` is a valid text key.
#[must_use]
pub fn is_text_key(text: &str) -> bool {
    !text.is_empty()
        && !text.chars().any(char::is_control)
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
}

/// Defines a type for a validated text.
macro_rules! text_key {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the text as this type, if the database accepts it as a text key.
            ///
            /// # Errors
            /// Returns [`InvalidName`](crate::InvalidName) for any other text.
            pub fn new(text: impl Into<String>) -> Result<Self, $crate::name::InvalidName> {
                let text = text.into();
                if $crate::name::is_text_key(&text) {
                    Ok(Self(text))
                } else {
                    Err($crate::name::InvalidName { what: $what, got: text })
                }
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // `write!` would ignore the width in the format of the caller.
                f.pad(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::name::InvalidName;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::name::InvalidName;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}
pub(crate) use text_key;

text_key! {
    /// The name of a distribution: the builder alias of sp-variant (`debian12`, `ubuntu-22.04`,
    /// `alma8`), or a name of the same form (`proxmox8`, `fedora42`).
    DistroName, "distribution name"
}

impl fmt::Display for crate::Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.distro, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_valid_name_is_unchanged() {
        for text in [
            "debian12",
            "ubuntu-22.04",
            "6.1.0-25-amd64",
            "6.12.43+deb13-amd64",
            "é",
        ] {
            assert_eq!(DistroName::new(text).map(String::from), Ok(text.to_owned()));
        }
    }

    #[test]
    fn a_name_with_outer_blanks_or_control_characters_is_rejected() {
        for text in [
            "", " ", "a ", "\ta", "a\nb", "a\u{7f}", "a\u{85}b", "\u{a0}a",
        ] {
            assert!(DistroName::new(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_displayed_name_is_parsed_as_the_same_name(text in "\\PC{1,20}") {
            if let Ok(name) = DistroName::new(text) {
                prop_assert_eq!(name.to_string().parse::<DistroName>(), Ok(name));
            }
        }
    }
}
