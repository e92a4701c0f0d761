//! A checksum of everything that determines the result of a crawl. If it is unchanged, no index is
//! read.

use sqern_archive::{Algorithm, Hasher};
use sqern_model::{DistroDef, SignaturePolicy, Source};

/// The version of the parsers and of the cached form of entries. A new version invalidates the
/// cache.
const FORMAT: &str = "sqern crawl 3";

/// Returns the checksum of the rules of a distribution and the definition of a source.
pub(crate) fn of_source(distro: &DistroDef, source: &Source) -> Checksum {
    let mut checksum = Checksum::of_rules(distro);
    checksum.add_source(source);
    checksum
}

/// A SHA-256 of named texts with their lengths, so that different sequences have different
/// checksums.
#[derive(Clone)]
pub(crate) struct Checksum(Hasher);

impl Checksum {
    /// Returns the checksum of the rules of a distribution.
    pub(crate) fn of_rules(distro: &DistroDef) -> Self {
        let mut checksum = Self(Hasher::new(Algorithm::Sha256));
        checksum.add("format", FORMAT);
        checksum.add("distro", distro.name.as_str());
        for rule in &distro.rules {
            checksum.add("package", rule.package.as_str());
            checksum.add(
                "except",
                rule.except.as_ref().map_or("", regex::Regex::as_str),
            );
            checksum.add("support", rule.support.as_str());
            for (name, text) in [
                ("uname-provides", &rule.uname_provides),
                ("uname", &rule.uname),
            ] {
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

    /// Adds the definition of a source.
    fn add_source(&mut self, source: &Source) {
        self.add("source", source.name());
        let (lists, signature) = match source {
            Source::Apt(apt) => {
                self.add("suite", &apt.suite);
                let lists = [
                    ("component", &apt.components),
                    ("architecture", &apt.architectures),
                    ("keyring", &apt.keyring),
                    ("key", &apt.keys),
                ];
                (lists.to_vec(), apt.signature)
            }
            Source::RpmMd(rpm) => (
                vec![
                    ("architecture", &rpm.architectures),
                    ("package host", &rpm.package_hosts),
                    ("keyring", &rpm.keyring),
                    ("key", &rpm.keys),
                ],
                rpm.signature,
            ),
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

    /// Adds a named text.
    pub(crate) fn add(&mut self, name: &str, text: &str) {
        self.0.update_with_length(name.as_bytes());
        self.0.update_with_length(text.as_bytes());
    }

    /// Returns the checksum in lower-case hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        self.0.finish()
    }
}
