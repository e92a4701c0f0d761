//! An entry's path: the rule for what may be a path in the tree.

use sqern_model::counted;

use super::Limits;
use super::error::{UnpackError, refused};

/// What a file system takes for one name (`NAME_MAX`, limits.h).
const NAME_MAX_BYTES: usize = 255;

/// A path below the folder: names in UTF-8 joined by one `/` each, without `.` and `..`. The folder itself is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryPath(String);

impl EntryPath {
    /// Takes what an archive says (`./usr/src/`, `usr/src`), or refuses it by its name.
    pub(super) fn new(raw: &[u8], limits: &Limits) -> Result<Self, UnpackError> {
        let place = shown(raw);
        if raw.len() > limits.path_bytes {
            return Err(refused(format!("a path of at most {} bytes", limits.path_bytes), counted(raw.len(), "byte"), place));
        }
        let Ok(text) = std::str::from_utf8(raw) else {
            return Err(refused("a path in UTF-8", "other bytes", place));
        };
        if text.is_empty() {
            return Err(refused("a path", "an empty path", "an entry without a name"));
        }
        if text.chars().any(char::is_control) {
            return Err(refused("a path without control characters", "control characters", place));
        }
        if text.starts_with('/') {
            return Err(refused("a relative path", "an absolute path", place));
        }
        let mut path = String::with_capacity(text.len());
        let mut depth = 0;
        for name in names(text) {
            if name == ".." {
                return Err(refused("a path within the package", "a path with \"..\"", place));
            }
            if name.len() > NAME_MAX_BYTES {
                return Err(refused(format!("names of at most {NAME_MAX_BYTES} bytes"), counted(name.len(), "byte"), place));
            }
            depth += 1;
            if depth > 1 {
                path.push('/');
            }
            path.push_str(name);
        }
        if depth > limits.depth {
            return Err(refused(format!("a path of at most {} directories", limits.depth), format!("{depth}"), place));
        }
        Ok(Self(path))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder's own entry (`./`).
    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The path of the folder that it lies in, and its name there.
    pub(super) fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    /// Whether a build may read it. Documentation is a tenth of Debian's header packages (a changelog of 1 MB each), and no
    /// build reads anything below `usr/share`. The links of `usr/lib/.build-id` are for debuggers, and lead to the same name
    /// from every package that holds the same program.
    pub(super) fn is_needed(&self) -> bool {
        !["usr/share", "usr/lib/.build-id"].iter().any(|unneeded| is_below(&self.0, unneeded))
    }
}

/// The names of a path, without the empty one and `.`, that say nothing.
pub(super) fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty() && *name != ".")
}

/// Whether a path is `folder` or lies in it.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A name for an error: whatever bytes it has, in one line of bounded length.
pub(super) fn shown(raw: &[u8]) -> String {
    const MOST: usize = 300;
    let text: String = match std::str::from_utf8(raw) {
        Ok(text) => text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect(),
        Err(_) => raw.escape_ascii().to_string(),
    };
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(raw: impl AsRef<[u8]>) -> Result<String, String> {
        let path = EntryPath::new(raw.as_ref(), &Limits::default());
        path.map(|path| path.as_str().to_owned()).map_err(|error| error.failure().got.clone())
    }

    #[test]
    fn a_path_loses_what_says_nothing() {
        for raw in ["usr/src/a", "./usr/src/a", "usr//src/./a/", "./usr/src/a/."] {
            assert_eq!(path(raw).as_deref(), Ok("usr/src/a"), "{raw}");
        }
        assert_eq!(path("./").as_deref(), Ok(""));
    }

    #[test]
    fn a_path_that_leaves_the_package_is_refused() {
        for raw in ["..", "../a", "usr/../../a", "usr/src/..", "./.."] {
            assert_eq!(path(raw).unwrap_err(), "a path with \"..\"", "{raw}");
        }
        assert_eq!(path("/usr/src").unwrap_err(), "an absolute path");
        assert_eq!(path("usr/..a/b..").as_deref(), Ok("usr/..a/b.."));
    }

    #[test]
    fn a_name_that_is_no_text_is_refused() {
        assert_eq!(path(b"usr/\xff").unwrap_err(), "other bytes");
        assert_eq!(path("usr/a\nb").unwrap_err(), "control characters");
        assert_eq!(path("usr/a\0b").unwrap_err(), "control characters");
        assert_eq!(path("").unwrap_err(), "an empty path");
    }

    #[test]
    fn a_path_is_bounded_in_length_depth_and_names() {
        assert_eq!(path("a/".repeat(49)).unwrap_err(), "49");
        assert_eq!(path("a".repeat(256)).unwrap_err(), "256 bytes");
        assert_eq!(path(["a".repeat(200), "b".repeat(900)].join("/")).unwrap_err(), "1101 bytes");
    }

    #[test]
    fn documentation_and_build_ids_are_not_needed() {
        let needed = |raw: &str| EntryPath::new(raw.as_bytes(), &Limits::default()).unwrap().is_needed();
        assert!(!needed("./usr/share/doc/linux-headers/changelog.gz"));
        assert!(!needed("./usr/share/"));
        assert!(!needed("usr/lib/.build-id/ab/cdef"));
        assert!(needed("usr/src/share/x") && needed("usr/sharex") && needed("usr/lib/linux-kbuild-6.1/scripts"));
    }

    proptest! {
        #[test]
        fn what_is_taken_is_taken_again_and_has_no_way_up(raw in "[a./]{1,20}") {
            if let Ok(taken) = path(&raw) {
                prop_assert!(!taken.split('/').any(|name| name == ".." || name == "."));
                prop_assert!(!taken.starts_with('/') && !taken.ends_with('/'));
                prop_assert!(taken.is_empty() || path(&taken) == Ok(taken));
            }
        }

        #[test]
        fn any_bytes_are_shown_in_one_line(raw in proptest::collection::vec(any::<u8>(), 0..600)) {
            let text = shown(&raw);
            prop_assert!(!text.chars().any(char::is_control) && text.chars().count() <= 301);
        }
    }
}
