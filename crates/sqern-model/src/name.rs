//! Names as accepted by the database: not empty, without leading or trailing blanks, without
//! control characters. Their length is limited. Names that are parts of file names and arguments of
//! commands, such as kernel versions, contain only some ASCII characters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The maximum length of the name of a host or cluster in characters. A host name of the DNS has at
/// most 253 (RFC 1035, 2.3.4, without the length octets and the root).
pub const MAX_HOST_NAME: usize = 253;
/// The maximum length of a kernel version in characters, which are ASCII: `__NEW_UTS_LEN` of
/// `linux/utsname.h`.
pub const MAX_KERNEL_VERSION: usize = 64;
/// The maximum length of the name of a distribution in characters.
pub const MAX_DISTRO_NAME: usize = 64;
/// The maximum length of a revision, release target or profile in characters. An index row contains
/// three of them, and is limited to 2704 bytes by PostgreSQL.
pub const MAX_LABEL: usize = 128;
/// The maximum length of an ignore pattern in characters: a kernel version of wildcards and escaped
/// characters is shorter.
pub const MAX_PATTERN: usize = 256;
/// The maximum number of characters of a too long text in an error message.
const SHOWN_CHARACTERS: usize = 32;

/// A text that is not a valid name or version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// The text violates the rule of the constraints in the database.
    #[error("expected a {what} {rule}, found {got:?}")]
    Characters {
        /// The kind of name ("distribution name", "kernel version").
        what: &'static str,
        /// The rule, as a clause after the kind.
        rule: &'static str,
        /// The text.
        got: String,
    },
    /// The text is too long.
    #[error(
        "expected a {what} of at most {limit} characters, found {length} characters that start with {start:?}"
    )]
    Length {
        /// The kind of name.
        what: &'static str,
        /// The maximum number of characters.
        limit: usize,
        /// The number of characters.
        length: usize,
        /// The first characters.
        start: String,
    },
}

/// Checks the length of a text.
///
/// # Errors
///
/// Returns [`InvalidName::Length`] if `text` has more than `limit` characters.
pub fn check_length(what: &'static str, text: &str, limit: usize) -> Result<(), InvalidName> {
    // A text of at most `limit` bytes need not be counted.
    if text.len() <= limit {
        return Ok(());
    }
    let length = text.chars().count();
    if length <= limit {
        return Ok(());
    }
    Err(InvalidName::Length {
        what,
        limit,
        length,
        start: text.chars().take(SHOWN_CHARACTERS).collect(),
    })
}

/// Checks the length of a revision, release target or profile, and returns it unchanged.
///
/// # Errors
///
/// Returns [`InvalidName::Length`] if `text` has more than [`MAX_LABEL`] characters.
pub fn label(text: String) -> Result<String, InvalidName> {
    check_length("name", &text, MAX_LABEL).map(|()| text)
}

/// Returns whether `text` is a valid text key.
#[must_use]
pub fn is_text_key(text: &str) -> bool {
    !text.is_empty()
        && !text.chars().any(char::is_control)
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with(char::is_whitespace)
}

/// The characters that a type of names permits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Characters {
    pub(crate) is_valid: fn(&str) -> bool,
    /// The rule, as a clause after the kind of name.
    pub(crate) rule: &'static str,
}

/// The rule of the text keys of the database.
pub(crate) const TEXT_KEY: Characters = Characters {
    is_valid: is_text_key,
    rule: "without leading or trailing blanks and without control characters",
};

/// The rule of `kver_version_check`: the characters of the releases of kernels and packages. They
/// have no special meaning in paths, shells, CSV files and spreadsheets.
pub(crate) const RELEASE: Characters = Characters {
    is_valid: |text| starts_alphanumeric_and_contains(text, b"._+~:-"),
    rule: "that starts with a letter or digit and contains only ASCII letters, digits and . _ + ~ : -",
};

/// The rule of `distro_name_check`. The name is a directory of the store.
const DISTRO: Characters = Characters {
    is_valid: |text| starts_alphanumeric_and_contains(text, b"._+-"),
    rule: "that starts with a letter or digit and contains only ASCII letters, digits and . _ + -",
};

/// Returns whether `text` starts with an ASCII letter or digit and contains only those and `marks`.
fn starts_alphanumeric_and_contains(text: &str, marks: &[u8]) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || marks.contains(&byte))
}

/// Defines a type for a validated text. Clones share the text.
macro_rules! text_key {
    ($(#[$doc:meta])* $name:ident, $what:literal, $limit:ident, $characters:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// Returns the text as this type, if the database accepts its characters and length.
            ///
            /// # Errors
            /// Returns [`InvalidName`](crate::InvalidName) for any other text.
            pub fn new(text: impl Into<String>) -> Result<Self, $crate::name::InvalidName> {
                let text = text.into();
                $crate::name::check_length($what, &text, $crate::name::$limit)?;
                Self::check(text, $characters)
            }

            /// Returns a recorded text as this type. Only the rules of all text keys apply, so that
            /// rows and journal entries of earlier versions can be read.
            ///
            /// # Errors
            /// Returns [`InvalidName::Characters`](crate::InvalidName::Characters) for a text that
            /// no version recorded.
            pub fn recorded(text: impl Into<String>) -> Result<Self, $crate::name::InvalidName> {
                Self::check(text.into(), $crate::name::TEXT_KEY)
            }

            fn check(text: String, characters: $crate::name::Characters) -> Result<Self, $crate::name::InvalidName> {
                if (characters.is_valid)(&text) {
                    Ok(Self(text.into()))
                } else {
                    Err($crate::name::InvalidName::Characters { what: $what, rule: characters.rule, got: text })
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
                name.0.as_ref().to_owned()
            }
        }
    };
}
pub(crate) use text_key;

text_key! {
    /// The name of a distribution: the builder alias of sp-variant (`debian12`, `ubuntu-22.04`,
    /// `alma8`), or a name of the same form (`proxmox8`, `fedora42`).
    DistroName, "distribution name", MAX_DISTRO_NAME, DISTRO
}

impl fmt::Display for crate::Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.distro, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClusterName, HostName, KernelVersion};
    use proptest::prelude::*;

    #[test]
    fn a_valid_name_is_unchanged() {
        for text in [
            "debian12",
            "ubuntu-22.04",
            "6.1.0-25-amd64",
            "6.12.43+deb13-amd64",
        ] {
            assert_eq!(DistroName::new(text).map(String::from), Ok(text.to_owned()));
        }
        for text in ["two words", "é", "=1"] {
            assert_eq!(HostName::new(text).map(String::from), Ok(text.to_owned()));
        }
    }

    #[test]
    fn names_in_paths_and_commands_have_no_special_characters() {
        for text in [
            "../../etc/cron.d/x",
            ".",
            "..",
            "a/b",
            "-rf",
            "$(touch x)",
            "=cmd|' /C calc'!A0",
            "+1",
            "@a",
            "~a",
            "a b",
            "a\\b",
            "a\"b",
            "a'b",
            "a;b",
            "a*",
            "a,b",
            "a%b",
            "a\u{202e}cod.exe",
            "a\u{200b}",
            "é",
            "a\u{660}",
        ] {
            assert!(KernelVersion::new(text).is_err(), "{text:?}");
            assert!(DistroName::new(text).is_err(), "{text:?}");
            assert!(KernelVersion::recorded(text).is_ok(), "{text:?}");
        }
        assert!(KernelVersion::new("5.10~rc1:2").is_ok());
        assert!(DistroName::new("a:b").is_err());
        assert_eq!(
            KernelVersion::new("6.1/../x").unwrap_err().to_string(),
            "expected a kernel version (output of uname -r) that starts with a letter or digit and contains only \
             ASCII letters, digits and . _ + ~ : -, found \"6.1/../x\""
        );
    }

    #[test]
    fn a_name_with_outer_blanks_or_control_characters_is_rejected() {
        for text in [
            "", " ", "a ", "\ta", "a\nb", "a\u{7f}", "a\u{85}b", "\u{a0}a",
        ] {
            assert!(DistroName::new(text).is_err(), "{text:?}");
            assert!(HostName::new(text).is_err(), "{text:?}");
            assert!(KernelVersion::recorded(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_too_long_name_is_rejected_with_its_length() {
        assert!(DistroName::new("a".repeat(MAX_DISTRO_NAME)).is_ok());
        assert!(KernelVersion::new("a".repeat(MAX_KERNEL_VERSION)).is_ok());
        for character in ["a", "é", "日", "😀"] {
            assert!(HostName::new(character.repeat(MAX_HOST_NAME)).is_ok());
            assert!(ClusterName::new(character.repeat(MAX_HOST_NAME)).is_ok());
            assert!(DistroName::new(character.repeat(MAX_DISTRO_NAME + 1)).is_err());
            assert!(KernelVersion::new(character.repeat(MAX_KERNEL_VERSION + 1)).is_err());
            assert!(ClusterName::new(character.repeat(MAX_HOST_NAME + 1)).is_err());
        }
        assert_eq!(
            HostName::new("é".repeat(9000)).unwrap_err().to_string(),
            format!(
                "expected a host name of at most 253 characters, found 9000 characters that start with {:?}",
                "é".repeat(32)
            )
        );
    }

    #[test]
    fn a_recorded_name_can_have_any_length() {
        let long = "a".repeat(9000);
        assert_eq!(
            HostName::recorded(&*long).map(String::from),
            Ok(long.clone())
        );
        assert!(HostName::recorded(" a").is_err());
    }

    #[test]
    fn keys_of_the_longest_names_fit_in_an_index_row() {
        // A character has at most 4 bytes, a text a header of 4 bytes, and a timestamp 8 bytes.
        let bytes =
            |limits: &[usize]| 8 + 8 + limits.iter().map(|limit| limit * 4 + 7).sum::<usize>();
        for limits in [
            &[
                MAX_HOST_NAME,
                MAX_HOST_NAME,
                MAX_DISTRO_NAME,
                MAX_KERNEL_VERSION,
            ][..],
            &[MAX_LABEL, MAX_LABEL, MAX_LABEL],
            &[MAX_LABEL, MAX_LABEL, MAX_DISTRO_NAME, MAX_KERNEL_VERSION],
            &[MAX_DISTRO_NAME, MAX_PATTERN],
        ] {
            assert!(bytes(limits) <= 2704, "{limits:?}: {} bytes", bytes(limits));
        }
    }

    proptest! {
        #[test]
        fn a_displayed_name_is_parsed_as_the_same_name(text in "[a-z][a-z0-9._+ -]{0,19}") {
            if let Ok(name) = DistroName::new(text) {
                prop_assert_eq!(name.to_string().parse::<DistroName>(), Ok(name));
            }
        }
    }
}
