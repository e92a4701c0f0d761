//! The path of an entry.

use sqern_model::counted;
use sqern_model::escape::escape_bytes;

use super::Limits;
use super::error::invalid;
use crate::Error;

/// The length limit of a name in file systems (`NAME_MAX`, limits.h).
const NAME_MAX_BYTES: usize = 255;
/// The length limit of a path in a message, in bytes.
const MAX_ESCAPED_BYTES: usize = 300;

/// A path below the target directory: names in UTF-8, separated by `/`, without `.` and `..`. The
/// root is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryPath(String);

impl EntryPath {
    /// Parses the path of an archive (`./usr/src/`, `usr/src`).
    ///
    /// # Errors
    ///
    /// Returns an error if the path leads out of the package, exceeds a limit or contains control
    /// characters.
    pub(super) fn new(raw: &[u8], limits: &Limits) -> Result<Self, Error> {
        let location = escape(raw);
        if raw.len() > limits.path_bytes {
            let expected = format!("a path of at most {} bytes", limits.path_bytes);
            return Err(invalid(expected, counted(raw.len(), "byte"), location));
        }
        let Ok(text) = std::str::from_utf8(raw) else {
            return Err(invalid("a path in UTF-8", "other bytes", location));
        };
        if text.is_empty() {
            return Err(invalid(
                "a path",
                "an empty path",
                "an entry without a name",
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(invalid(
                "a path without control characters",
                "control characters",
                location,
            ));
        }
        if text.starts_with('/') {
            return Err(invalid("a relative path", "an absolute path", location));
        }
        let mut path = String::with_capacity(text.len());
        let mut depth = 0;
        for name in names(text) {
            if name == ".." {
                return Err(invalid(
                    "a path within the package",
                    "a path with \"..\"",
                    location,
                ));
            }
            if name.len() > NAME_MAX_BYTES {
                let expected = format!("names of at most {NAME_MAX_BYTES} bytes");
                return Err(invalid(expected, counted(name.len(), "byte"), location));
            }
            depth += 1;
            if depth > 1 {
                path.push('/');
            }
            path.push_str(name);
        }
        if depth > limits.depth {
            return Err(invalid(
                format!("a path of at most {} directories", limits.depth),
                format!("{depth}"),
                location,
            ));
        }
        Ok(Self(path))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether this is the entry of the root (`./`).
    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the path of the parent directory, and the name in it.
    pub(super) fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    /// Returns whether a build might read the entry.
    ///
    /// Documentation in `usr/share` is one tenth of the header packages of Debian. The links in
    /// `usr/lib/.build-id` are for debuggers. Several packages with the same program contain the
    /// same link.
    pub(super) fn is_needed(&self) -> bool {
        !["usr/share", "usr/lib/.build-id"]
            .iter()
            .any(|unneeded| is_below(&self.0, unneeded))
    }
}

/// Returns the names of a path, without empty names and `.`.
pub(super) fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter(|name| !name.is_empty() && *name != ".")
}

/// Returns whether a path is `directory` or below it.
pub(super) fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns a name for an error, as one line of limited length.
pub(super) fn escape(raw: &[u8]) -> String {
    escape_bytes(raw, MAX_ESCAPED_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sqern_model::diagnostic::Problem;

    /// Returns the normalized path, or the unexpected part of the error.
    fn path(raw: impl AsRef<[u8]>) -> Result<String, Problem> {
        let path = EntryPath::new(raw.as_ref(), &Limits::default());
        path.map(|path| path.as_str().to_owned())
            .map_err(|error| error.description().problem.clone())
    }

    fn found(raw: impl AsRef<[u8]>) -> String {
        match path(raw).unwrap_err() {
            Problem::Unexpected { found, .. } => found,
            other @ Problem::Failed { .. } => panic!("{other:?}"),
        }
    }

    #[test]
    fn paths_are_normalized() {
        for raw in ["usr/src/a", "./usr/src/a", "usr//src/./a/", "./usr/src/a/."] {
            assert_eq!(path(raw).as_deref(), Ok("usr/src/a"), "{raw}");
        }
        assert_eq!(path("./").as_deref(), Ok(""));
    }

    #[test]
    fn paths_out_of_the_package_are_errors() {
        for raw in ["..", "../a", "usr/../../a", "usr/src/..", "./.."] {
            assert_eq!(found(raw), "a path with \"..\"", "{raw}");
        }
        assert_eq!(found("/usr/src"), "an absolute path");
        assert_eq!(path("usr/..a/b..").as_deref(), Ok("usr/..a/b.."));
    }

    #[test]
    fn names_that_are_not_printable_text_are_errors() {
        assert_eq!(found(b"usr/\xff"), "other bytes");
        assert_eq!(found("usr/a\nb"), "control characters");
        assert_eq!(found("usr/a\0b"), "control characters");
        assert_eq!(found(""), "an empty path");
    }

    #[test]
    fn length_depth_and_names_are_limited() {
        assert_eq!(found("a/".repeat(49)), "49");
        assert_eq!(found("a".repeat(256)), "256 bytes");
        assert_eq!(
            found(["a".repeat(200), "b".repeat(900)].join("/")),
            "1101 bytes"
        );
    }

    #[test]
    fn documentation_and_build_ids_are_not_needed() {
        let needed = |raw: &str| {
            EntryPath::new(raw.as_bytes(), &Limits::default())
                .unwrap()
                .is_needed()
        };
        assert!(!needed("./usr/share/doc/linux-headers/changelog.gz"));
        assert!(!needed("./usr/share/"));
        assert!(!needed("usr/lib/.build-id/ab/cdef"));
        assert!(
            needed("usr/src/share/x")
                && needed("usr/sharex")
                && needed("usr/lib/linux-kbuild-6.1/scripts")
        );
    }

    proptest! {
        #[test]
        fn valid_paths_are_stable_and_have_no_parents(raw in "[a./]{1,20}") {
            if let Ok(valid) = path(&raw) {
                prop_assert!(!valid.split('/').any(|name| name == ".." || name == "."));
                prop_assert!(!valid.starts_with('/') && !valid.ends_with('/'));
                prop_assert!(valid.is_empty() || path(&valid) == Ok(valid));
            }
        }
    }
}
