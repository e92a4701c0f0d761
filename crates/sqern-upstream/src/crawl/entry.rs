//! The packages of an index that say something about kernels, whatever the index's format.

use serde::{Deserialize, Serialize};
use sqern_model::KernelVersion;
use sqern_model::name::is_text_key;

use crate::relation::{Dependency, VersionOrder};

/// What a name, a version or an architecture may be long: file names, which all of them are part of, have no more, and the
/// database's keys have room for all of them together.
const TEXT_BYTES: usize = 255;

/// A package that is a kernel's headers, or may be needed by them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// As the format shows it: Debian's version, rpm's `[epoch:]version-release`.
    pub(crate) version: String,
    pub(crate) architecture: String,
    /// The architecture of the index that it stands in: what a package for all of them is read as.
    pub(crate) index_architecture: String,
    /// The kernel that it is the headers of, and the place of the rule that says so.
    pub(crate) kernel: Option<(KernelVersion, usize)>,
    /// All of the outer list, one of each inner one.
    pub(crate) needs: Vec<Vec<Dependency>>,
    pub(crate) provides: Vec<Dependency>,
    pub(crate) url: String,
    pub(crate) size_bytes: u64,
    /// The SHA-256 in hexadecimal digits, else `ALGORITHM:DIGITS`.
    pub(crate) checksum: String,
    /// Whose rules order its version.
    pub(crate) order: VersionOrder,
}

impl Entry {
    /// What the packages that go with it are built for: one for all architectures is read as the index that it stands in.
    pub(crate) fn real_architecture(&self) -> &str {
        if self.is_for_all() { &self.index_architecture } else { &self.architecture }
    }

    /// Why it can't be recorded; none if it can.
    pub(crate) fn defect(&self) -> Option<String> {
        let kernel = self.kernel.as_ref().map_or("-", |(kernel, _)| kernel.as_str());
        let texts = [("name", &*self.name), ("version", &self.version), ("architecture", &self.architecture), ("kernel", kernel)];
        if let Some((what, text)) = texts.into_iter().find(|(_, text)| text.len() > TEXT_BYTES || !is_text_key(text)) {
            let got: String = text.chars().take(80).collect();
            let rule = "without control characters and without leading or trailing blanks";
            return Some(format!("expected a {what} of at most {TEXT_BYTES} bytes {rule}, found {got:?}"));
        }
        let size = i64::try_from(self.size_bytes);
        size.is_err().then(|| format!("expected a valid file size, found {} bytes", self.size_bytes))
    }

    /// About how much memory it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let relation = |one: &Dependency| one.name.len() + one.version.as_ref().map_or(0, |(_, version)| version.len());
        let relations = self.needs.iter().flatten().chain(&self.provides);
        let texts = [&self.name, &self.version, &self.architecture, &self.index_architecture, &self.url, &self.checksum];
        size_of::<Self>()
            + texts.iter().map(|text| text.len()).sum::<usize>()
            + self.needs.len() * size_of::<Vec<Dependency>>()
            + relations.map(|one| size_of::<Dependency>() + relation(one)).sum::<usize>()
    }

    /// Whether it is for all architectures: Debian's `all`, rpm's `noarch`.
    pub(crate) fn is_for_all(&self) -> bool {
        self.architecture == "all" || self.architecture == "noarch"
    }
}

/// What an index held. As JSON it is kept for the next crawl: `checksum::FORMAT` counts its form.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Entries {
    pub(crate) entries: Vec<Entry>,
    /// Packages that should be an entry and can't, with the reason.
    pub(crate) defects: Vec<String>,
    /// What is worth a look and stopped nothing.
    pub(crate) warnings: Vec<String>,
}

impl Entries {
    /// These and those of another index.
    pub(crate) fn extend(&mut self, other: Self) {
        self.entries.extend(other.entries);
        self.defects.extend(other.defects);
        self.warnings.extend(other.warnings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(version: &str, size_bytes: u64) -> Entry {
        Entry {
            name: "linux-headers".into(),
            version: version.into(),
            architecture: "amd64".into(),
            index_architecture: "amd64".into(),
            kernel: None,
            needs: Vec::new(),
            provides: Vec::new(),
            url: String::new(),
            size_bytes,
            checksum: "0".repeat(64),
            order: VersionOrder::Deb,
        }
    }

    #[test]
    fn what_the_database_would_refuse_is_a_defect() {
        let largest = i64::MAX.unsigned_abs();
        assert_eq!(entry(&"1".repeat(255), largest).defect(), None);
        for (version, size_bytes, expected) in [
            ("1\0", 1, "a version of at most 255 bytes"),
            ("1\n", 1, "found \"1\\n\""),
            ("", 1, "a version"),
            (&*"1".repeat(256), 1, "a version"),
            ("1", largest + 1, "found 9223372036854775808 bytes"),
        ] {
            let defect = entry(version, size_bytes).defect().expect(expected);
            assert!(defect.contains(expected) && defect.len() < 300, "{defect}");
        }
    }

    #[test]
    fn a_kernel_that_no_key_has_room_for_is_a_defect() {
        let kernel = Some((KernelVersion::new("6".repeat(256)).expect("a version"), 0));
        assert!(Entry { kernel, ..entry("1", 1) }.defect().expect("too long").contains("a kernel of"));
    }

    proptest! {
        #[test]
        fn what_is_no_defect_is_a_key_of_the_database(version in "(\\PC|\\pC| ){0,200}") {
            let is_key = is_text_key(&version) && version.len() <= 255;
            prop_assert_eq!(entry(&version, 1).defect().is_none(), is_key);
        }
    }
}
