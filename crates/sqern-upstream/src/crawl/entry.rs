//! The relevant packages of an index.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sqern_model::name::is_text_key;
use sqern_model::{KernelVersion, Package, counted};

use crate::relation::{Dependency, VersionOrder, text_bytes};

/// The length limit of a name, version or architecture in bytes. It is that of file names, and the
/// keys of the database have enough space.
const TEXT_BYTES: usize = 255;

/// A package that contains headers of a kernel, or might be required by them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The package, which kernels share. Its version has the form of the package format, in rpm
    /// `[epoch:]version-release`.
    pub(crate) package: Arc<Package>,
    /// The architecture of the index. It replaces the architecture of packages for all
    /// architectures.
    pub(crate) index_architecture: Arc<str>,
    /// The kernel of a header package, and the index of the matching rule.
    pub(crate) kernel: Option<(KernelVersion, usize)>,
    /// The relevant required packages: all of the outer list, and one alternative of each inner
    /// list.
    pub(crate) needs: Vec<Vec<Dependency>>,
    /// The relevant names that it provides.
    pub(crate) provides: Vec<Dependency>,
    /// The rules for the order of its version.
    pub(crate) order: VersionOrder,
}

impl Entry {
    /// Returns the architecture of the kernel: that of the index for packages for all
    /// architectures.
    pub(crate) fn real_architecture(&self) -> &str {
        if self.is_for_all() {
            &self.index_architecture
        } else {
            &self.package.architecture
        }
    }

    /// Returns the reason if the package cannot be recorded.
    pub(crate) fn defect(&self) -> Option<String> {
        let texts = [
            ("name", &self.package.name),
            ("version", &self.package.version),
            ("architecture", &self.package.architecture),
        ];
        if let Some((what, text)) = texts
            .into_iter()
            .find(|(_, text)| text.len() > TEXT_BYTES || !is_text_key(text))
        {
            let actual: String = text.chars().take(80).collect();
            let rule = "no control characters and no leading or trailing blanks";
            return Some(format!(
                "invalid {what} {actual:?}: must have 1 to {TEXT_BYTES} bytes, {rule}"
            ));
        }
        let size = i64::try_from(self.package.size_bytes);
        size.is_err().then(|| {
            format!(
                "file size {} is out of range",
                counted(self.package.size_bytes, "byte")
            )
        })
    }

    /// Returns the approximate memory usage in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let package = &*self.package;
        let texts = [
            &package.name,
            &package.version,
            &package.architecture,
            &package.url,
            &package.checksum,
        ];
        size_of::<Self>()
            + size_of::<Package>()
            + texts.iter().map(|text| text_bytes(text)).sum::<usize>()
            + self.needs.len() * size_of::<Vec<Dependency>>()
            + self
                .needs
                .iter()
                .flatten()
                .chain(&self.provides)
                .map(Dependency::bytes)
                .sum::<usize>()
    }

    /// Returns whether the package is for all architectures: `all` in Debian, `noarch` in rpm.
    pub(crate) fn is_for_all(&self) -> bool {
        matches!(self.package.architecture.as_str(), "all" | "noarch")
    }
}

/// The content of an index. It is cached as JSON, whose version is part of `checksum::FORMAT`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Entries {
    pub(crate) entries: Vec<Entry>,
    /// Relevant packages that cannot be recorded, with the reasons.
    pub(crate) defects: Vec<String>,
    /// Problems that did not stop the crawl.
    pub(crate) warnings: Vec<String>,
}

impl Entries {
    /// Returns the approximate memory usage in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let texts = self.defects.iter().chain(&self.warnings);
        self.entries.iter().map(Entry::bytes).sum::<usize>()
            + texts
                .map(|text| size_of::<String>() + text_bytes(text))
                .sum::<usize>()
    }

    /// Adds the content of another index.
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
            package: Arc::new(Package {
                name: "linux-headers".into(),
                version: version.into(),
                architecture: "amd64".into(),
                url: String::new(),
                size_bytes,
                checksum: "0".repeat(64),
            }),
            index_architecture: "amd64".into(),
            kernel: None,
            needs: Vec::new(),
            provides: Vec::new(),
            order: VersionOrder::Deb,
        }
    }

    #[test]
    fn values_that_the_database_rejects_are_defects() {
        let largest = i64::MAX.unsigned_abs();
        assert_eq!(entry(&"1".repeat(255), largest).defect(), None);
        for (version, size_bytes, expected) in [
            ("1\0", 1, "must have 1 to 255 bytes"),
            ("1\n", 1, "invalid version \"1\\n\""),
            ("", 1, "invalid version"),
            (&*"1".repeat(256), 1, "invalid version"),
            (
                "1",
                largest + 1,
                "file size 9223372036854775808 bytes is out of range",
            ),
        ] {
            let defect = entry(version, size_bytes).defect().expect(expected);
            assert!(defect.contains(expected) && defect.len() < 300, "{defect}");
        }
    }

    proptest! {
        #[test]
        fn versions_without_defect_are_valid_keys(version in "(\\PC|\\pC| ){0,200}") {
            let is_key = is_text_key(&version) && version.len() <= 255;
            prop_assert_eq!(entry(&version, 1).defect().is_none(), is_key);
        }
    }
}
