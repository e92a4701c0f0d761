//! Parses a `Release`, which lists size and SHA-256 of the indexes of a suite
//! (<https://wiki.debian.org/DebianRepository/Format#A.22Release.22_files>).

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::listed_file::ListedFile;
use sqern_archive::Algorithm;

/// An invalid `Release`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReleaseError {
    /// A line is neither a field nor a continuation.
    #[error("line {line}: expected a field \"Name: value\", found {actual:?}")]
    NoField {
        /// The line, from 1.
        line: usize,
        /// The start of the line.
        actual: String,
    },
    /// A control character. OpenPGP treats a carriage return inside a line as a line end, so the
    /// signed lines would differ from the parsed ones.
    #[error("line {line}: expected text, found the control character {actual:?}")]
    Control {
        /// The line, from 1.
        line: usize,
        /// The character.
        actual: char,
    },
    /// A field occurs twice.
    #[error("line {line}: expected {field} once, found a duplicate")]
    Duplicate {
        /// The line, from 1.
        line: usize,
        /// The field.
        field: String,
    },
    /// A line of the `SHA256` section has another format.
    #[error("line {line}: expected \"SHA256 SIZE PATH\", found {actual:?}")]
    NoEntry {
        /// The line, from 1.
        line: usize,
        /// The start of the line.
        actual: String,
    },
    /// The `SHA256` section is missing. MD5 and SHA-1 are not secure.
    #[error("expected a SHA256 section, found none")]
    NoSha256,
    /// A time has another format.
    #[error(
        "expected a time such as \"Sat, 16 May 2026 10:54:28 UTC\" in {field}, found {actual:?}"
    )]
    NoTime {
        /// The field.
        field: &'static str,
        /// The value.
        actual: String,
    },
}

/// The relevant fields of a `Release`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Release {
    /// `Suite`: `stable`, `jammy-updates`.
    pub suite: Option<String>,
    /// `Codename`: `bookworm`, `jammy`.
    pub codename: Option<String>,
    /// `Date`: the time of creation.
    pub date: Option<Timestamp>,
    /// `Valid-Until`: the end of the validity period.
    pub valid_until: Option<Timestamp>,
    /// `Acquire-By-Hash`: whether each index is also available by its checksum, so that updates of
    /// a mirror do not interfere.
    pub by_hash: bool,
    /// `Components`, unchanged. The security archive of Debian contains `updates/main` instead of
    /// `main`.
    pub components: Vec<String>,
    /// `Architectures`.
    pub architectures: Vec<String>,
    /// `No-Support-for-Architecture-all: Packages`: whether the index of each architecture contains
    /// the packages for all architectures.
    pub all_in_each: bool,
    /// The listed files, by path below the suite.
    pub files: BTreeMap<String, ListedFile>,
}

impl Release {
    /// Parses the text of a `Release`.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is invalid or contains no SHA-256.
    pub(crate) fn parse(text: &str) -> Result<Self, ReleaseError> {
        let mut release = Self::default();
        let mut has_sha256 = false;
        for (field, value, line) in fields(text)? {
            let tokens = || value.split_whitespace().map(str::to_owned).collect();
            // Folded lines are joined, because names have only one line.
            let name = || {
                Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
                    .filter(|name| !name.is_empty())
            };
            match field.to_ascii_lowercase().as_str() {
                "suite" => release.suite = name(),
                "codename" => release.codename = name(),
                "date" => release.date = Some(time("Date", &value)?),
                "valid-until" => release.valid_until = Some(time("Valid-Until", &value)?),
                "acquire-by-hash" => release.by_hash = value.trim().eq_ignore_ascii_case("yes"),
                "components" => release.components = tokens(),
                "architectures" => release.architectures = tokens(),
                "no-support-for-architecture-all" => {
                    release.all_in_each = value.trim() == "Packages";
                }
                "sha256" => {
                    has_sha256 = true;
                    release.files = files(&value, line)?;
                }
                _ => {}
            }
        }
        if has_sha256 {
            Ok(release)
        } else {
            Err(ReleaseError::NoSha256)
        }
    }

    /// Returns whether packages for all architectures have a separate index (`binary-all`).
    #[must_use]
    pub(crate) fn has_all_index(&self) -> bool {
        !self.all_in_each
            && self
                .architectures
                .iter()
                .any(|architecture| architecture == "all")
    }
}

/// Returns name, folded value and line number of each field.
fn fields(text: &str) -> Result<Vec<(&str, String, usize)>, ReleaseError> {
    let mut fields: Vec<(&str, String, usize)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (offset, line) in text.lines().enumerate() {
        if let Some(actual) = line
            .chars()
            .find(|character| character.is_control() && *character != '\t')
        {
            return Err(ReleaseError::Control {
                line: offset + 1,
                actual,
            });
        }
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let (true, Some((_, value, _))) = (line.starts_with([' ', '\t']), fields.last_mut()) {
            value.push('\n');
            value.push_str(line);
            continue;
        }
        match line.split_once(':') {
            Some((name, value)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
                if !seen.insert(name.to_ascii_lowercase()) {
                    return Err(ReleaseError::Duplicate {
                        line: offset + 1,
                        field: cut(name),
                    });
                }
                fields.push((name, value.to_owned(), offset + 1));
            }
            _ => {
                return Err(ReleaseError::NoField {
                    line: offset + 1,
                    actual: cut(line),
                });
            }
        }
    }
    Ok(fields)
}

/// Parses a `SHA256` section that starts at a line.
fn files(section: &str, begins_at: usize) -> Result<BTreeMap<String, ListedFile>, ReleaseError> {
    let mut files = BTreeMap::new();
    for (offset, line) in section
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let (path, stated) = entry(line).ok_or_else(|| ReleaseError::NoEntry {
            line: begins_at + offset,
            actual: cut(line),
        })?;
        files.insert(path, stated);
    }
    Ok(files)
}

fn entry(line: &str) -> Option<(String, ListedFile)> {
    let mut tokens = line.split_whitespace();
    let (sha256, size, path) = (tokens.next()?, tokens.next()?, tokens.next()?);
    let stated = ListedFile::sha256(size.parse().ok()?, Algorithm::Sha256.parse_hex(sha256)?);
    let path = path.trim_start_matches("./");
    (tokens.next().is_none() && !path.is_empty()).then(|| (path.to_owned(), stated))
}

/// Parses a time of RFC 2822. Repositories write `UTC` instead of `+0000`.
fn time(field: &'static str, text: &str) -> Result<Timestamp, ReleaseError> {
    let text = text.trim();
    let zoned = ["UTC", "GMT", "Z"]
        .iter()
        .find_map(|zone| text.strip_suffix(zone))
        .map(|rest| format!("{rest}+0000"));
    DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(zoned.as_deref().unwrap_or(text))
        .map_err(|_| ReleaseError::NoTime {
            field,
            actual: cut(text),
        })
}

fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HASH: &str = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855";

    #[test]
    fn fields_of_a_release_are_parsed() {
        let text = format!(
            "Origin: Debian\nSuite: stable\nCodename: bookworm\nDate: Sat, 16 May 2026 10:54:28 UTC\n\
             Valid-Until: Sat,  6 Jun 2026 01:02:03 UTC\nAcquire-By-Hash: yes\nArchitectures: all amd64\nComponents: main contrib\n\
             MD5Sum:\n 00 1 main/x\nSHA256:\n {HASH}  12 ./main/binary-amd64/Packages\n"
        );
        let release = Release::parse(&text).expect("a release");
        assert_eq!(release.codename.as_deref(), Some("bookworm"));
        assert_eq!(
            release.date.map(|date| date.to_string()).as_deref(),
            Some("2026-05-16T10:54:28Z")
        );
        assert_eq!(
            release.valid_until.map(|date| date.to_string()).as_deref(),
            Some("2026-06-06T01:02:03Z")
        );
        assert!(release.by_hash && release.has_all_index());
        let stated = ListedFile::sha256(12, HASH.to_ascii_lowercase());
        assert_eq!(
            release.files,
            BTreeMap::from([("main/binary-amd64/Packages".to_owned(), stated)])
        );
    }

    #[test]
    fn release_without_valid_sha256_is_an_error() {
        assert_eq!(
            Release::parse("Suite: x\nMD5Sum:\n 00 1 a\nSHA1:\n 00 1 a\n"),
            Err(ReleaseError::NoSha256)
        );
        assert!(matches!(
            Release::parse("SHA256:\n 00 1 a\n"),
            Err(ReleaseError::NoEntry { line: 2, .. })
        ));
        assert!(matches!(
            Release::parse(&format!("SHA256:\n {HASH} 1 ./\n")),
            Err(ReleaseError::NoEntry { line: 2, .. })
        ));
        assert!(matches!(
            Release::parse("Suite: a\nsuite: b\n"),
            Err(ReleaseError::Duplicate { line: 2, .. })
        ));
        assert!(matches!(
            Release::parse("Suite: a\rValid-Until: b\n"),
            Err(ReleaseError::Control {
                line: 1,
                actual: '\r'
            })
        ));
        assert!(matches!(
            Release::parse("<html>\n"),
            Err(ReleaseError::NoField { line: 1, .. })
        ));
        assert!(matches!(
            Release::parse("Date: tomorrow\nSHA256:\n"),
            Err(ReleaseError::NoTime { field: "Date", .. })
        ));
    }

    proptest! {
        #[test]
        fn parser_never_panics(text in "(\\PC{0,20}(: | |\n))*") {
            let _ = Release::parse(&text);
        }

        #[test]
        fn files_are_parsed_with_their_sizes(
            files in prop::collection::btree_map("[a-z]{1,5}(/[a-z.]{1,5}){0,2}", any::<u64>(), 0..9), blanks in "[ \t]{1,3}", end in "\r?\n",
        ) {
            let lines = files.iter().map(|(path, size)| format!("{blanks}{HASH}{blanks}{size}{blanks}{path}{end}"));
            let release = Release::parse(&format!("SHA256:{end}{}", lines.collect::<String>())).expect("a release");
            let read = release.files.into_iter().map(|(path, stated)| (path, stated.size_bytes.expect("a size")));
            prop_assert_eq!(read.collect::<BTreeMap<_, _>>(), files);
        }
    }
}
