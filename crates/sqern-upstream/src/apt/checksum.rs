//! What a crawl's outcome depends on, as one checksum: equal ones spare reading every index.

use sha2::{Digest, Sha256};
use sqern_model::{AptSource, DistroDef, SignaturePolicy};

/// Raised whenever the same input is read in another way, so that everything is read once more.
const FORMAT: &str = "sqern apt 1";

/// A SHA-256 over named texts, each with its length, so that no two lists of texts run into the same bytes.
pub(super) struct Checksum(Sha256);

impl Checksum {
    /// Of the rules by which a distribution's packages are told.
    pub(super) fn of_rules(distro: &DistroDef) -> Self {
        let mut checksum = Self(Sha256::new());
        checksum.add("format", FORMAT);
        checksum.add("distro", distro.name.as_str());
        for rule in &distro.rules {
            checksum.add("package", rule.package.as_str());
            checksum.add("except", rule.except.as_ref().map_or("", regex::Regex::as_str));
            checksum.add("support", rule.support.as_str());
        }
        checksum
    }

    /// What a source file says of the source.
    pub(super) fn add_source(&mut self, source: &AptSource) {
        self.add("source", &source.name);
        self.add("suite", &source.suite);
        for (name, list) in
            [("component", &source.components), ("architecture", &source.architectures), ("keyring", &source.keyring)]
        {
            for text in list {
                self.add(name, text);
            }
        }
        let policy = match source.signature {
            SignaturePolicy::Require => "require",
            SignaturePolicy::IfPresent => "if-present",
            SignaturePolicy::Off => "off",
        };
        self.add("signature", policy);
    }

    /// One more text.
    pub(super) fn add(&mut self, name: &str, text: &str) {
        for part in [name, text] {
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part.as_bytes());
        }
    }

    /// 64 lower-case hexadecimal digits.
    pub(super) fn finish(self) -> String {
        format!("{:x}", self.0.finalize())
    }
}
