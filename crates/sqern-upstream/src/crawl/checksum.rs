//! What a crawl's outcome depends on, as one checksum: equal ones spare reading every index.

use sha2::{Digest, Sha256};
use sqern_model::{DistroDef, SignaturePolicy, Source};

/// Raised whenever the same input is read in another way, or kept in another form, so that everything is read once more.
const FORMAT: &str = "sqern crawl 2";

/// What a source is read by: its rules, and what its file says of it.
pub(crate) fn of_source(distro: &DistroDef, source: &Source) -> Checksum {
    let mut checksum = Checksum::of_rules(distro);
    checksum.add_source(source);
    checksum
}

/// A SHA-256 over named texts, each with its length, so that no two lists of texts run into the same bytes.
#[derive(Clone)]
pub(crate) struct Checksum(Sha256);

impl Checksum {
    /// Of the rules by which a distribution's packages are told.
    pub(crate) fn of_rules(distro: &DistroDef) -> Self {
        let mut checksum = Self(Sha256::new());
        checksum.add("format", FORMAT);
        checksum.add("distro", distro.name.as_str());
        for rule in &distro.rules {
            checksum.add("package", rule.package.as_str());
            checksum.add("except", rule.except.as_ref().map_or("", regex::Regex::as_str));
            checksum.add("support", rule.support.as_str());
            for (name, text) in [("uname-provides", &rule.uname_provides), ("uname", &rule.uname)] {
                if let Some(text) = text {
                    checksum.add(name, text);
                }
            }
            if let Some(release) = &rule.release {
                checksum.add("release", release.as_str());
            }
        }
        checksum
    }

    /// What a source file says of the source.
    fn add_source(&mut self, source: &Source) {
        self.add("source", source.name());
        let (lists, signature) = match source {
            Source::Apt(apt) => {
                self.add("suite", &apt.suite);
                let lists = [("component", &apt.components), ("architecture", &apt.architectures), ("keyring", &apt.keyring)];
                (lists.to_vec(), apt.signature)
            }
            Source::RpmMd(rpm) => (vec![("architecture", &rpm.architectures), ("keyring", &rpm.keyring)], rpm.signature),
        };
        for (name, list) in lists {
            for text in list {
                self.add(name, text);
            }
        }
        let policy = match signature {
            SignaturePolicy::Require => "require",
            SignaturePolicy::IfPresent => "if-present",
            SignaturePolicy::Off => "off",
        };
        self.add("signature", policy);
    }

    /// One more text.
    pub(crate) fn add(&mut self, name: &str, text: &str) {
        for part in [name, text] {
            self.0.update((part.len() as u64).to_be_bytes());
            self.0.update(part.as_bytes());
        }
    }

    /// 64 lower-case hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        format!("{:x}", self.0.finalize())
    }
}
