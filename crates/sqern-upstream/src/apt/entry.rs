//! The packages of a Debian-style index that say something about kernels.

use std::borrow::Cow;
use std::io::Read;

use regex::RegexSet;
use sqern_model::{DistroDef, PackageFacts};
use url::Url;

use crate::Limits;
use crate::crawl::decode::Checked;
use crate::crawl::entry::{Entries, Entry};
use crate::crawl::path::{below, hostile};
use crate::deb::relation::{self, Dependency};
use crate::deb::stanza::{Field, Stanza, StanzaError, Stanzas};
use crate::digest::Algorithm;
use crate::relation::VersionOrder;

/// Where the packages of an index are fetched from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// Below the base of an archive.
    Base(Url),
    /// By the machine's own apt.
    Apt,
}

/// What is looked for in an index.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    distro: DistroDef,
    /// Names of headers and of what they may need; one set, so that a name is matched once.
    names: RegexSet,
    pub(super) architecture: String,
    pub(super) origin: Origin,
}

impl Wanted {
    /// What a distribution's rules look for in an index of an architecture.
    pub(super) fn new(distro: &DistroDef, architecture: &str, origin: Origin) -> Result<Self, regex::Error> {
        let patterns = distro.rules.iter().flat_map(|rule| [rule.package.as_str(), rule.support.as_str()]);
        Ok(Self { distro: distro.clone(), names: RegexSet::new(patterns)?, architecture: architecture.to_owned(), origin })
    }

    /// The entry that a stanza is; none if it is no package that is looked for.
    fn entry(&self, stanza: &Stanza<'_>) -> Result<Option<Entry>, Refused> {
        let Some(name) = stanza.get(Field::Package)?.filter(|name| !name.is_empty()) else {
            let got = "a stanza without Package".to_owned();
            return Err(Refused::Unreadable(StanzaError::NoField { line: stanza.line, got }));
        };
        if !self.names.is_match(&name) {
            return Ok(None);
        }
        let architecture = stanza.get(Field::Architecture)?.unwrap_or_default();
        // Without the field it goes on, to be refused as incomplete.
        if !["", "all", &self.architecture].contains(&&*architecture) {
            return Ok(None);
        }
        match self.complete(stanza, &name) {
            Err(Refused::Defect(got)) => Err(Refused::Defect(format!("{name} (line {}): {got}", stanza.line))),
            other => other.map(Some),
        }
    }

    fn complete(&self, stanza: &Stanza<'_>, name: &str) -> Result<Entry, Refused> {
        let version = required(stanza, Field::Version)?;
        let (size, sha256) = (required(stanza, Field::Size)?, required(stanza, Field::Sha256)?);
        let size_bytes = size.parse().map_err(|_| Refused::Defect(format!("expected a Size in bytes, got {size:?}")))?;
        let checksum = Algorithm::Sha256
            .hex(&sha256)
            .ok_or_else(|| Refused::Defect(format!("expected SHA256 as 64 hexadecimal digits, got {sha256:?}")))?;
        let mut needs = relations(stanza, Field::PreDepends)?;
        needs.extend(relations(stanza, Field::Depends)?);
        Ok(Entry {
            name: name.to_owned(),
            url: self.url(stanza, name, &version)?,
            version,
            architecture: required(stanza, Field::Architecture)?,
            index_architecture: self.architecture.clone(),
            kernel: self.distro.kernel_of(&PackageFacts::named(name)),
            needs,
            provides: relations(stanza, Field::Provides)?.into_iter().flatten().collect(),
            size_bytes,
            checksum,
            order: VersionOrder::Deb,
        })
    }

    fn url(&self, stanza: &Stanza<'_>, name: &str, version: &str) -> Result<String, Refused> {
        let filename = required(stanza, Field::Filename)?;
        if let Some(what) = hostile(&filename) {
            return Err(Refused::Defect(format!("expected a Filename below the archive's base, got {what}: {filename:?}")));
        }
        Ok(match &self.origin {
            Origin::Base(base) => below(base, &filename).into(),
            Origin::Apt => format!("apt:{name}={version}"),
        })
    }
}

/// Why a stanza is no entry.
enum Refused {
    /// The package can't be recorded; the others can.
    Defect(String),
    /// The index can't be believed.
    Unreadable(StanzaError),
}

impl From<StanzaError> for Refused {
    fn from(error: StanzaError) -> Self {
        Self::Unreadable(error)
    }
}

fn required(stanza: &Stanza<'_>, field: Field) -> Result<String, Refused> {
    let text = stanza.get(field)?.filter(|text| !text.is_empty());
    text.map(Cow::into_owned).ok_or_else(|| Refused::Defect(format!("expected a field {}, got none", field.name())))
}

fn relations(stanza: &Stanza<'_>, field: Field) -> Result<Vec<Vec<Dependency>>, Refused> {
    let text = stanza.get(field)?.unwrap_or_default();
    relation::parse(&text).map_err(|error| Refused::Defect(format!("{}: {error}", field.name())))
}

/// Scans a whole plain index; gives what it held and what was read.
pub(super) fn scan<R: Read>(input: Checked<R>, wanted: &Wanted, limits: &Limits) -> Result<(Entries, Checked<R>), StanzaError> {
    let mut stanzas = Stanzas::new(input, limits);
    let mut found = Entries::default();
    while let Some(stanza) = stanzas.next()? {
        match wanted.entry(&stanza) {
            Ok(entry) => found.entries.extend(entry),
            Err(Refused::Defect(defect)) => found.defects.push(defect),
            Err(Refused::Unreadable(error)) => return Err(error),
        }
    }
    Ok((found, stanzas.into_inner()))
}
