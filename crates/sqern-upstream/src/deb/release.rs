//! Parses a `Release`, which lists size and checksum of the indexes of a suite
//! (<https://wiki.debian.org/DebianRepository/Format#A.22Release.22_files>).

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::listed_file::ListedFile;
use sqern_archive::{Algorithm, Checksum};

/// An invalid `Release`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReleaseError {
    /// The text contains no field.
    #[error("expected fields \"Name: value\", found {actual:?}")]
    NoField {
        /// The start of the first line.
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
    /// A field that is used occurs twice.
    #[error("line {line}: expected {field} once, found a duplicate")]
    Duplicate {
        /// The line, from 1.
        line: usize,
        /// The field.
        field: String,
    },
    /// The section of checksums is missing. MD5 and SHA-1 are not secure.
    #[error("expected a section SHA256 or SHA512, found none")]
    NoChecksums,
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
    /// `Date`: the time of creation. `None` also if the field is invalid.
    pub date: Option<Timestamp>,
    /// The invalid value of `Date`.
    pub invalid_date: Option<String>,
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
    /// Parses the text of a `Release`. As in apt, lines that are neither fields nor continuations,
    /// and invalid lines of a section of checksums, are ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if a field that is used is invalid or occurs twice, or if there is no section
    /// of checksums.
    pub(crate) fn parse(text: &str) -> Result<Self, ReleaseError> {
        let mut release = Self::default();
        let (mut sha256, mut sha512) = (None, None);
        for (field, value) in fields(text)? {
            let tokens = || value.split_whitespace().map(str::to_owned).collect();
            // Folded lines are joined, because names have only one line.
            let name = || {
                Some(value.split_whitespace().collect::<Vec<_>>().join(" "))
                    .filter(|name| !name.is_empty())
            };
            match field.to_ascii_lowercase().as_str() {
                "suite" => release.suite = name(),
                "codename" => release.codename = name(),
                "date" => match time("Date", &value) {
                    Ok(date) => release.date = Some(date),
                    Err(_) => release.invalid_date = Some(cut(value.trim())),
                },
                "valid-until" => release.valid_until = Some(time("Valid-Until", &value)?),
                "acquire-by-hash" => release.by_hash = value.trim().eq_ignore_ascii_case("yes"),
                "components" => release.components = tokens(),
                "architectures" => release.architectures = tokens(),
                "no-support-for-architecture-all" => {
                    release.all_in_each = value.trim() == "Packages";
                }
                "sha256" => sha256 = Some(files(&value, Algorithm::Sha256)),
                "sha512" => sha512 = Some(files(&value, Algorithm::Sha512)),
                _ => {}
            }
        }
        release.files = sha256.or(sha512).ok_or(ReleaseError::NoChecksums)?;
        Ok(release)
    }

    /// Returns the warning about an invalid date, which is ignored.
    pub(crate) fn date_warning(&self, location: &str) -> Option<String> {
        let date = self.invalid_date.as_ref()?;
        Some(format!(
            "Release file {location} contains an invalid Date, which is ignored: {date:?}"
        ))
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

/// The names of the used fields, in lower case.
const USED: [&str; 10] = [
    "suite",
    "codename",
    "date",
    "valid-until",
    "acquire-by-hash",
    "components",
    "architectures",
    "no-support-for-architecture-all",
    "sha256",
    "sha512",
];

/// Returns name and folded value of each field.
fn fields(text: &str) -> Result<Vec<(&str, String)>, ReleaseError> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    // A continuation of an invalid line is ignored, too.
    let mut is_in_field = false;
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
        if line.starts_with([' ', '\t']) {
            if let (true, Some((_, value))) = (is_in_field, fields.last_mut()) {
                value.push('\n');
                value.push_str(line);
            }
            continue;
        }
        // apt accepts blanks before the colon.
        let field = line
            .split_once(':')
            .map(|(name, value)| (name.trim_end(), value))
            .filter(|(name, _)| !name.is_empty() && !name.contains(char::is_whitespace));
        is_in_field = field.is_some();
        let Some((name, value)) = field else {
            continue;
        };
        let lower = name.to_ascii_lowercase();
        if USED.contains(&lower.as_str()) && !seen.insert(lower) {
            return Err(ReleaseError::Duplicate {
                line: offset + 1,
                field: cut(name),
            });
        }
        fields.push((name, value.to_owned()));
    }
    if fields.is_empty() {
        return Err(ReleaseError::NoField {
            actual: cut(text.trim_start().lines().next().unwrap_or_default()),
        });
    }
    Ok(fields)
}

/// Parses a section of checksums.
fn files(section: &str, algorithm: Algorithm) -> BTreeMap<String, ListedFile> {
    section
        .lines()
        .filter_map(|line| entry(line, algorithm))
        .collect()
}

/// Parses a line `CHECKSUM SIZE PATH`. The path can contain blanks.
fn entry(line: &str, algorithm: Algorithm) -> Option<(String, ListedFile)> {
    let (digits, rest) = line.trim().split_once(char::is_whitespace)?;
    let (size, path) = rest.trim_start().split_once(char::is_whitespace)?;
    let checksum = Checksum {
        algorithm,
        digits: algorithm.parse_hex(digits)?,
    };
    let stated = ListedFile::new(size.parse().ok()?, checksum);
    let path = path.trim_start().trim_start_matches("./");
    let is_path = !path.is_empty() && !path.starts_with(char::is_whitespace);
    is_path.then(|| (path.to_owned(), stated))
}

/// Parses a time of RFC 2822. Repositories write `UTC` instead of `+0000`, and hours with one digit.
fn time(field: &'static str, text: &str) -> Result<Timestamp, ReleaseError> {
    let text = text.trim();
    let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    for word in &mut words {
        if word.find(':') == Some(1) {
            word.insert(0, '0');
        } else if ["UTC", "GMT", "Z"].contains(&word.as_str()) {
            "+0000".clone_into(word);
        }
    }
    DateTimeParser::new()
        .relaxed_weekday(true)
        .parse_timestamp(words.join(" "))
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
    fn invalid_releases_are_errors() {
        assert_eq!(
            Release::parse("Suite: x\nMD5Sum:\n 00 1 a\nSHA1:\n 00 1 a\n"),
            Err(ReleaseError::NoChecksums)
        );
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
            Err(ReleaseError::NoField { .. })
        ));
        assert!(matches!(
            Release::parse("Valid-Until: tomorrow\nSHA256:\n"),
            Err(ReleaseError::NoTime {
                field: "Valid-Until",
                ..
            })
        ));
    }

    #[test]
    fn defects_of_other_fields_are_ignored() {
        let release = |text: &str| Release::parse(text).expect("a release");
        let listed = |text: &str| release(text).files.into_keys().collect::<Vec<_>>();
        let sha256 = format!("SHA256:\n {HASH} 1 main/a\n");
        for text in [
            format!("{sha256} {HASH} 1\n 00 1 b\n {HASH} x c\n {HASH} 1 ./\n"),
            format!("Description: a\nDescription: b\n{sha256}"),
            format!("Architectures: amd64\narm64\n{sha256}"),
            format!("Suite: x\nSHA1\n {HASH} 1 main/b\n{sha256}"),
            format!("{sha256}SHA1\n {HASH} 1 main/b\n"),
            format!("Build Date: x\n{sha256}"),
        ] {
            assert_eq!(listed(&text), ["main/a"], "{text:?}");
        }
        assert_eq!(
            listed(&format!("{sha256} {HASH} 1 main/icons 64.tar.gz\n")),
            ["main/a", "main/icons 64.tar.gz"]
        );
        assert_eq!(release(&sha256).date_warning("here"), None);
    }

    #[test]
    fn blanks_before_a_colon_are_ignored() {
        let text = "Valid-Until : Sat, 6 Jun 2026 01:02:03 UTC\nSHA256\t:\n";
        let release = Release::parse(text).expect("a release");
        assert!(release.valid_until.is_some());
        assert!(matches!(
            Release::parse("Suite: a\nSuite : b\n"),
            Err(ReleaseError::Duplicate { .. })
        ));
    }

    #[test]
    fn sha512_is_used_if_there_is_no_sha256() {
        let sha512 = format!("SHA512:\n {HASH}{HASH} 1 main/a\n");
        let algorithm = |text: &str| {
            let release = Release::parse(text).expect("a release");
            release.files["main/a"].algorithm
        };
        assert_eq!(algorithm(&sha512), Algorithm::Sha512);
        let both = format!("{sha512}SHA256:\n {HASH} 1 main/a\n");
        assert_eq!(algorithm(&both), Algorithm::Sha256);
    }

    #[test]
    fn invalid_dates_are_warnings() {
        for (date, expected) in [
            (
                "Sat,  6 Jun 2026 01:02:03 UTC",
                Some("2026-06-06T01:02:03Z"),
            ),
            ("Wed, 5 Dec 2018 1:04:03 Z", Some("2018-12-05T01:04:03Z")),
            (
                "Wed, 05 Dec 2018 09:04:03 +0800",
                Some("2018-12-05T01:04:03Z"),
            ),
            ("Thu., 09 May 2024 06:03:43 GMT", None),
            ("2016-09-29 13:22:30 UTC", None),
            ("Mon, Jan 08 2024 15:24:22 +0000", None),
            ("mié, 09 may 2024 06:03:43 UTC", None),
            ("", None),
        ] {
            let release = Release::parse(&format!("Date: {date}\nSHA256:\n")).expect("a release");
            let found = release.date.map(|date| date.to_string());
            assert_eq!(found.as_deref(), expected, "{date}");
            let warning = release.date_warning("here");
            assert_eq!(
                warning.is_some_and(|warning| warning.contains(&format!("{date:?}"))),
                expected.is_none(),
                "{date}"
            );
        }
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
