//! The relevant packages of an apt index.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use regex::RegexSet;
use sqern_archive::BoundedReader;
use sqern_model::{DistroDef, Package, PackageFacts};
use url::Url;

use crate::Limits;
use crate::crawl::control::ScanControl;
use crate::crawl::entry::{Entries, Entry};
use crate::crawl::path::resolve;
use crate::deb::relation::{self, Dependency, RelationError};
use crate::deb::stanza::{Field, InvalidStanza, NotText, Stanza, StanzaError, Stanzas};
use crate::error::escape_entry_text;
use crate::relation::{RELATIONS, VersionOrder, text_bytes};
use sqern_archive::{Algorithm, Checksum};

/// The origin of packages.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// Below the base URL of a repository.
    Base(Url),
    /// apt of this machine.
    Apt,
}

/// The packages that are relevant for a distribution.
#[derive(Debug, Clone)]
pub(super) struct PackageFilter {
    distro: DistroDef,
    /// The names of headers and of packages that they might require, as one set that is matched
    /// once.
    names: RegexSet,
    /// The names of packages that headers might require.
    support: RegexSet,
    pub(super) architecture: Arc<str>,
    pub(super) origin: Origin,
}

impl PackageFilter {
    /// Returns the filter of the rules of a distribution for an index of an architecture.
    pub(super) fn new(
        distro: &DistroDef,
        architecture: &str,
        origin: Origin,
    ) -> Result<Self, regex::Error> {
        let patterns = distro
            .rules
            .iter()
            .flat_map(|rule| [rule.package.as_str(), rule.support.as_str()]);
        let support = distro.rules.iter().map(|rule| rule.support.as_str());
        Ok(Self {
            distro: distro.clone(),
            names: RegexSet::new(patterns)?,
            support: RegexSet::new(support)?,
            architecture: architecture.into(),
            origin,
        })
    }

    /// Returns the entry of a stanza, or `None` if the package is not relevant.
    fn entry(&self, stanza: &Stanza<'_>) -> Result<Option<Entry>, Refused> {
        // No rule matches a name that is not UTF-8.
        let name = stanza
            .get(Field::Package)
            .map_err(|error| Refused::Skipped(error.to_string()))?;
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            let line = stanza.line;
            let missing = InvalidStanza::NoPackage { line };
            return Err(Refused::NoPackage(
                stanza.invalid.clone().unwrap_or(missing),
            ));
        };
        let refused = |reason: &str| escape_entry_text(&format!("{name}: {reason}"));
        let is_relevant = self.names.is_match(&name);
        match &stanza.invalid {
            // The second package could be a kernel, for example after a missing blank line.
            Some(
                invalid @ InvalidStanza::Duplicate {
                    field: Field::Package,
                    ..
                },
            ) => return Err(Refused::Defect(refused(&invalid.to_string()))),
            Some(invalid) if is_relevant => {
                return Err(Refused::Defect(refused(&invalid.to_string())));
            }
            _ => {}
        }
        if !is_relevant {
            let is_invalid = name.contains(|c: char| c.is_whitespace() || c.is_control());
            return if is_invalid {
                let line = stanza.line;
                Err(Refused::Skipped(refused(&format!(
                    "line {line}: invalid name"
                ))))
            } else {
                Ok(None)
            };
        }
        let architecture = stanza.get(Field::Architecture)?.unwrap_or_default();
        // A missing field is reported later as a defect.
        if !["", "all", &*self.architecture].contains(&&*architecture) {
            return Ok(None);
        }
        let located =
            |problem: &str| escape_entry_text(&format!("{name} (line {}): {problem}", stanza.line));
        match self.complete(stanza, &name) {
            Err(Refused::Defect(problem)) => Err(Refused::Defect(located(&problem))),
            Err(Refused::Skipped(problem)) => Err(Refused::Skipped(located(&problem))),
            other => other.map(Some),
        }
    }

    fn complete(&self, stanza: &Stanza<'_>, name: &str) -> Result<Entry, Refused> {
        let version = required(stanza, Field::Version)?;
        let size = required(stanza, Field::Size)?;
        let size_bytes = size
            .parse()
            .map_err(|_| Refused::Defect(format!("expected a Size in bytes, found {size:?}")))?;
        let checksum = checksum(stanza)?;
        let mut needs = self.relations(stanza, Field::PreDepends, RELATIONS)?;
        let remaining = RELATIONS - count(&needs);
        needs.extend(self.relations(stanza, Field::Depends, remaining)?);
        let remaining = RELATIONS - count(&needs);
        let provides = self.relations(stanza, Field::Provides, remaining)?;
        needs.shrink_to_fit();
        let entry = Entry {
            package: Arc::new(Package {
                name: name.to_owned(),
                url: self.url(stanza, name, &version)?,
                version,
                architecture: required(stanza, Field::Architecture)?,
                size_bytes,
                checksum,
            }),
            index_architecture: Arc::clone(&self.architecture),
            kernel: self
                .distro
                .kernel_of(&PackageFacts::named(name))
                .map_err(|error| Refused::Skipped(error.to_string()))?,
            needs,
            provides: provides.into_iter().flatten().collect(),
            order: VersionOrder::Deb,
        };
        entry
            .defect()
            .map_or(Ok(entry), |defect| Err(Refused::Defect(defect)))
    }

    /// Returns the relevant relations of a field.
    fn relations(
        &self,
        stanza: &Stanza<'_>,
        field: Field,
        limit: usize,
    ) -> Result<Vec<Vec<Dependency>>, Refused> {
        let text = stanza.get(field)?.unwrap_or_default();
        relation::parse(&text, limit, |name| self.support.is_match(name)).map_err(|error| {
            match error {
                RelationError::Invalid { .. } => {
                    Refused::Defect(format!("{}: {error}", field.name()))
                }
                RelationError::TooMany { .. } => Refused::Skipped(format!(
                    "expected at most {RELATIONS} relevant relations, found more"
                )),
            }
        })
    }

    fn url(&self, stanza: &Stanza<'_>, name: &str, version: &str) -> Result<String, Refused> {
        let base = match &self.origin {
            Origin::Base(base) => base,
            Origin::Apt => return Ok(format!("apt:{name}={version}")),
        };
        let filename = required(stanza, Field::Filename)?;
        match resolve(base, &filename) {
            Ok(url) => Ok(url.into()),
            Err(reason) => Err(Refused::Defect(format!(
                "expected a Filename on the server of the repository, found {reason}: {filename:?}"
            ))),
        }
    }
}

/// A stanza without an entry.
enum Refused {
    /// The package cannot be recorded, but the others can.
    Defect(String),
    /// The package is skipped, because no kernel can have its version or its relations.
    Skipped(String),
    /// The stanza describes no package.
    NoPackage(InvalidStanza),
}

impl From<NotText> for Refused {
    fn from(error: NotText) -> Self {
        Self::Defect(error.to_string())
    }
}

/// Returns the SHA-256 of a package, or its SHA-512 as `sha512:DIGITS` if there is none.
fn checksum(stanza: &Stanza<'_>) -> Result<String, Refused> {
    let is_present =
        |field| Ok::<_, Refused>(stanza.get(field)?.is_some_and(|text| !text.is_empty()));
    let (field, algorithm) = if !is_present(Field::Sha256)? && is_present(Field::Sha512)? {
        (Field::Sha512, Algorithm::Sha512)
    } else {
        (Field::Sha256, Algorithm::Sha256)
    };
    let text = required(stanza, field)?;
    let digits = algorithm.parse_hex(&text).ok_or_else(|| {
        Refused::Defect(format!(
            "expected {} as {} hexadecimal digits, found {text:?}",
            field.name(),
            algorithm.digits()
        ))
    })?;
    Ok(Checksum { algorithm, digits }.to_string())
}

fn required(stanza: &Stanza<'_>, field: Field) -> Result<String, Refused> {
    let text = stanza.get(field)?.filter(|text| !text.is_empty());
    text.map(Cow::into_owned)
        .ok_or_else(|| Refused::Defect(format!("expected a field {}, found none", field.name())))
}

fn count(relations: &[Vec<Dependency>]) -> usize {
    relations.iter().map(Vec::len).sum()
}

/// Scans a decompressed index, and returns its entries and the reader.
pub(super) fn scan<R: Read>(
    input: BoundedReader<R>,
    filter: &PackageFilter,
    limits: &Limits,
    control: &ScanControl,
) -> Result<(Entries, BoundedReader<R>), StanzaError> {
    let mut stanzas = Stanzas::new(input, limits);
    let mut found = Entries::default();
    let (mut has_package, mut invalid) = (false, None);
    while let Some(stanza) = stanzas.next()? {
        let entry = filter.entry(&stanza);
        has_package |= !matches!(entry, Err(Refused::NoPackage(_)));
        match entry {
            Ok(None) => {}
            Ok(Some(entry)) => {
                control.add(entry.bytes())?;
                found.entries.push(entry);
            }
            Err(Refused::Defect(defect)) => {
                control.add(text_bytes(&defect))?;
                found.defects.push(defect);
            }
            Err(Refused::Skipped(problem)) => {
                control.add(text_bytes(&problem))?;
                found.warnings.push(format!("skipped: {problem}"));
            }
            Err(Refused::NoPackage(error)) => {
                let defect = escape_entry_text(&error.to_string());
                control.add(text_bytes(&defect))?;
                found.defects.push(defect);
                invalid.get_or_insert(error);
            }
        }
    }
    if let (false, Some(invalid)) = (has_package, invalid) {
        return Err(StanzaError::NoPackage(invalid));
    }
    Ok((found, stanzas.into_inner()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RIGHT: &str = "Package: linux-headers-1-amd64\nVersion: 1\nArchitecture: amd64\nDepends: linux-kbuild-1 (= 1)\n\
                         Filename: pool/a.deb\nSize: 1\nSHA256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n\n";

    fn scanned(text: &str) -> Result<Entries, StanzaError> {
        let file = "name = \"d\"\nvariant = \"D\"\ntitle = \"D\"\n[[rule]]\npackage = '^linux-headers-(?<uname>.*-amd64)$'\nsupport = '^linux-'\n";
        let distro: DistroDef = toml::from_str(file).expect("a distribution");
        let base = Origin::Base("https://h/debian".parse().expect("a URL"));
        let filter = PackageFilter::new(&distro, "amd64", base).expect("patterns");
        let found = scan(
            BoundedReader::new(text.as_bytes(), u64::MAX),
            &filter,
            &Limits::default(),
            &ScanControl::new(&Limits::default()),
        );
        found.map(|(found, _)| found)
    }

    #[test]
    fn invalid_packages_are_defects_and_others_are_read() {
        for (from, to) in [
            ("Version: 1", "Version: 1\0"),
            ("Version: 1", &*format!("Version: {}", "1".repeat(256))),
            ("Size: 1", "Size: 9223372036854775808"),
            ("linux-headers-1-amd64", "linux-\u{1b}[2J"),
            ("(= 1)", "(= 1\0)"),
            ("pool/", "../../"),
        ] {
            let found = scanned(&format!("{}{RIGHT}", RIGHT.replace(from, to))).expect("an index");
            assert_eq!(
                (found.entries.len(), found.defects.len()),
                (1, 1),
                "{to:?}: {:?}",
                found.defects
            );
            assert!(
                !found.defects[0].chars().any(char::is_control),
                "{:?}",
                found.defects[0]
            );
        }
    }

    #[test]
    fn package_with_an_impossible_kernel_version_is_skipped() {
        for version in [
            "../../etc/x",
            "$(id)",
            "6\u{202e}",
            "\u{1b}[2J",
            &"6".repeat(65),
        ] {
            let other = RIGHT.replace("headers-1-amd64", &format!("headers-{version}-amd64"));
            let found = scanned(&format!("{other}{RIGHT}")).expect("an index");
            assert_eq!((found.entries.len(), found.defects.len()), (1, 0));
            let [warning] = &found.warnings[..] else {
                panic!("{:?}", found.warnings)
            };
            assert!(
                warning.starts_with("skipped: linux-headers-") && warning.contains("(line 1)"),
                "{warning}"
            );
            assert!(!warning.chars().any(char::is_control), "{warning:?}");
        }
    }

    #[test]
    fn memory_of_relevant_packages_is_limited() {
        // 10 bytes of text require about 100 bytes of memory.
        let needs = RIGHT.replace("linux-kbuild-1 (= 1)", &"linux-aaa,".repeat(1000));
        let error = scanned(&needs.repeat(200))
            .map(|found| found.entries.len())
            .expect_err("too much")
            .to_string();
        assert!(
            error.contains("require more than 16.00 MiB of memory"),
            "{error}"
        );
    }

    #[test]
    fn package_with_too_many_relations_is_skipped() {
        for (count, entries) in [(1000, 2), (1001, 1)] {
            let needs = RIGHT.replace("linux-kbuild-1 (= 1)", &"linux-a,".repeat(count));
            let found = scanned(&format!("{needs}{RIGHT}")).expect("an index");
            assert_eq!((found.entries.len(), found.defects.len()), (entries, 0));
            assert_eq!(found.warnings.len(), 2 - entries);
        }
        let irrelevant = RIGHT.replace("linux-kbuild-1 (= 1)", &"a,".repeat(200_000));
        let found = scanned(&irrelevant).expect("an index");
        assert_eq!(found.entries[0].needs, Vec::<Vec<Dependency>>::new());
    }

    proptest! {
        #[test]
        fn urls_of_a_mutated_index_are_below_the_base(
            changes in prop::collection::vec((any::<prop::sample::Index>(), "[\\x00-~é]"), 1..4),
        ) {
            let mut text = RIGHT.repeat(2);
            for (offset, byte) in changes {
                let offset = offset.index(text.len());
                if text.is_char_boundary(offset) && text.is_char_boundary(offset + 1) {
                    text.replace_range(offset..=offset, &byte);
                }
            }
            for entry in scanned(&text).into_iter().flat_map(|found| found.entries) {
                prop_assert!(entry.package.url.starts_with("https://h/debian/") && !entry.package.url.split('/').any(|element| element == ".."), "{}", entry.package.url);
                prop_assert_eq!(entry.defect(), None);
            }
        }
    }
}
