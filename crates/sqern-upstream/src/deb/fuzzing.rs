//! Fuzz targets of formats of Debian.

mod dpkg;
mod reference;

use super::release::Release;
use super::stanza::{Field, NotText, StanzaError, Stanzas};
use super::{relation, version};
use sqern_archive::Algorithm;

use crate::Limits;
use crate::fuzzing::{Chunks, head, is_order, three};
use crate::relation::Dependency;

/// The maximum length of an error, which is recorded and displayed.
const ERROR_BYTES: usize = 1000;

/// Scans stanzas. The result does not depend on chunks, and equals that of the reference parser.
pub(crate) fn stanza(data: &[u8]) -> bool {
    let (size, text) = head(data);
    let limits = Limits {
        line_bytes: 120,
        stanza_bytes: 400,
        stanzas: 12,
        ..Limits::default()
    };
    let scanned = scan(Stanzas::new(text, &limits));
    assert_eq!(
        scan(Stanzas::new(Chunks::new(text, size), &limits)),
        scanned,
        "in chunks of {size}"
    );
    match &scanned {
        Ok(found) => {
            assert!(found.len() as u64 <= limits.stanzas);
            let bytes = found
                .iter()
                .flat_map(|(_, fields)| fields)
                .flatten()
                .map(String::len)
                .sum::<usize>();
            assert!(bytes <= text.len(), "{bytes} bytes out of {}", text.len());
            assert_eq!(
                reference::stanzas(text).as_ref(),
                Some(found),
                "compared with the reference parser"
            );
        }
        Err(error) => {
            assert!(error.message.len() <= ERROR_BYTES, "{}", error.message);
            assert!(
                error.stricter || reference::stanzas(text).is_none(),
                "{}: compared with the reference parser",
                error.message
            );
        }
    }
    scanned.is_ok_and(|found| !found.is_empty())
}

/// The line and the fields of each stanza.
type Found = Vec<(u64, Vec<Option<String>>)>;

/// An error in a form that can be compared.
#[derive(Debug, PartialEq, Eq)]
struct Refused {
    message: String,
    /// Whether the reference parser may accept the input, because it has no limits and does not
    /// decode comments.
    stricter: bool,
}

impl From<StanzaError> for Refused {
    fn from(error: StanzaError) -> Self {
        Self {
            message: error.to_string(),
            stricter: matches!(error, StanzaError::TooLong { .. }),
        }
    }
}

impl From<NotText> for Refused {
    fn from(error: NotText) -> Self {
        Self {
            message: error.to_string(),
            stricter: true,
        }
    }
}

fn scan<R: std::io::Read>(mut stanzas: Stanzas<R>) -> Result<Found, Refused> {
    let mut found = Vec::new();
    while let Some(stanza) = stanzas.next()? {
        if let Some(invalid) = &stanza.invalid {
            return Err(Refused {
                message: invalid.to_string(),
                stricter: false,
            });
        }
        let fields = Field::ALL
            .iter()
            .map(|(_, field)| Ok(stanza.get(*field)?.map(Into::into)));
        found.push((stanza.line, fields.collect::<Result<_, Refused>>()?));
    }
    Ok(found)
}

/// Parses a `Release`. If it is written again, or with other line ends, it parses to the same
/// value.
pub(crate) fn release(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    let release = match Release::parse(text) {
        Ok(release) => Release {
            invalid_date: None,
            ..release
        },
        Err(error) => {
            assert!(error.to_string().len() <= ERROR_BYTES, "{error}");
            return false;
        }
    };
    assert_eq!(
        Release::parse(&written(&release)),
        Ok(release.clone()),
        "written again"
    );
    let other_ends = text.replace("\r\n", "\n").replace('\n', "\r\n");
    assert_eq!(
        Release::parse(&other_ends).map(|release| Release {
            invalid_date: None,
            ..release
        }),
        Ok(release.clone()),
        "with other line ends"
    );
    for text in release
        .suite
        .iter()
        .chain(&release.codename)
        .chain(&release.components)
        .chain(release.files.keys())
    {
        assert!(
            !text.chars().any(char::is_control),
            "{text:?} would be displayed and recorded"
        );
    }
    let mut digits = release
        .files
        .values()
        .flat_map(|stated| stated.checksum.bytes());
    assert!(digits.all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    true
}

fn written(release: &Release) -> String {
    let mut text = String::new();
    let fields = [("Suite", &release.suite), ("Codename", &release.codename)];
    for (name, value) in fields
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)))
    {
        text += &format!("{name}: {value}\n");
    }
    for (name, time) in [("Date", release.date), ("Valid-Until", release.valid_until)] {
        if let Some(time) = time {
            text += &format!("{name}: {}\n", time.strftime("%a, %d %b %Y %H:%M:%S UTC"));
        }
    }
    for (name, list) in [
        ("Components", &release.components),
        ("Architectures", &release.architectures),
    ] {
        text += &format!("{name}: {}\n", list.join(" "));
    }
    text += if release.by_hash {
        "Acquire-By-Hash: yes\n"
    } else {
        ""
    };
    text += if release.all_in_each {
        "No-Support-for-Architecture-all: Packages\n"
    } else {
        ""
    };
    let algorithm = release.files.values().map(|stated| stated.algorithm).next();
    text += &format!("{}:\n", algorithm.unwrap_or(Algorithm::Sha256));
    for (path, stated) in &release.files {
        text += &format!(
            " {} {} {path}\n",
            stated.checksum,
            stated.size_bytes.unwrap_or_default()
        );
    }
    text
}

/// Parses relations. Their text parses to the same value.
pub(crate) fn relation(data: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(data) else {
        return false;
    };
    match relation::parse_all(text) {
        Ok(relations) => {
            let join = |alternatives: &Vec<Dependency>| {
                alternatives
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" | ")
            };
            let shown = relations.iter().map(join).collect::<Vec<_>>().join(", ");
            assert!(
                !shown.chars().any(char::is_control),
                "{shown:?} would be displayed and recorded"
            );
            assert_eq!(relation::parse_all(&shown), Ok(relations), "{shown:?}");
            true
        }
        Err(error) => {
            assert!(error.to_string().len() <= ERROR_BYTES, "{error}");
            false
        }
    }
}

/// Compares versions. The comparison is a total order, and equals that of dpkg.
pub(crate) fn version(data: &[u8]) -> bool {
    let Some(versions) = three(data) else {
        return false;
    };
    is_order(&versions, |left, right| version::compare(left, right));
    // dpkg treats a null byte as the end of a text.
    let texts = versions.into_iter().filter(|text| !text.contains('\0'));
    for left in texts.clone() {
        for right in texts.clone() {
            assert_eq!(
                version::compare(left, right),
                dpkg::compare(left, right),
                "{left:?} {right:?} compared with dpkg"
            );
        }
    }
    true
}
