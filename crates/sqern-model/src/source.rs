//! Distributions and their sources, as defined by `distros/*.toml`.

use std::collections::BTreeMap;

mod apt;
mod expand;
mod regex_text;
mod rpm_md;
mod rule;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use apt::AptSource;
pub use rpm_md::RpmMdSource;
pub use rule::{KernelRule, PackageFacts};

use crate::{DistroName, InvalidName, KernelVersion};

/// The error of a source file.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The name in the file differs from the stem of the file name.
    #[error("{file}: expected name = {stem:?}, like the file name, found {name:?}")]
    NameDiffers {
        /// The file.
        file: String,
        /// The stem of the file name.
        stem: String,
        /// The name in the file.
        name: String,
    },
    /// A rule determines no kernel version, or its template contains an unknown field.
    #[error(
        "{file}: rule {rule:?} must have a named group (?<uname>…), uname-provides, or a template uname with known fields, found {got}"
    )]
    NoUname {
        /// The file.
        file: String,
        /// The rule's regular expression.
        rule: String,
        /// The unknown field of the template, or "nothing".
        got: String,
    },
    /// Two sources of a distribution have the same name.
    #[error("{file}: source name {name:?} is not unique")]
    DuplicateSource {
        /// The file.
        file: String,
        /// The name.
        name: String,
    },
    /// A value contains an unknown placeholder, or the name of a source does not contain a required
    /// one.
    #[error("{file}: expected {expected} in source {name:?}, found {got:?}")]
    Placeholder {
        /// The file.
        file: String,
        /// The valid value.
        expected: &'static str,
        /// The source.
        name: String,
        /// The value.
        got: String,
    },
    /// A key is not named by its whole fingerprint.
    #[error(
        "{file}: expected a fingerprint with 40 hexadecimal digits in keys of source {name:?}, found {got:?}"
    )]
    Fingerprint {
        /// The file.
        file: String,
        /// The source.
        name: String,
        /// The value.
        got: String,
    },
    /// A key cannot be downloaded securely.
    #[error("{file}: expected an https URL in key-urls of source {name:?}, found {got:?}")]
    KeyUrl {
        /// The file.
        file: String,
        /// The source.
        name: String,
        /// The value.
        got: String,
    },
    /// A source of a flat repository has fields of another one.
    #[error("{file}: the flat repository {name:?} must have {expected}, because it has one index")]
    Flat {
        /// The file.
        file: String,
        /// The source.
        name: String,
        /// The expected fields.
        expected: &'static str,
    },
    /// A value of `package-hosts` is not the name of a host.
    #[error(
        "{file}: expected the name of a host in package-hosts of source {name:?}, found {got:?}"
    )]
    PackageHost {
        /// The file.
        file: String,
        /// The source.
        name: String,
        /// The value.
        got: String,
    },
    /// A required list is empty.
    #[error("{file}: {field} of source {name:?} must not be empty")]
    Empty {
        /// The file.
        file: String,
        /// The field.
        field: &'static str,
        /// The source.
        name: String,
    },
}

/// The policy for the signature of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignaturePolicy {
    /// The source fails without a valid signature by a key of its keyring.
    #[default]
    Require,
    /// An existing signature must be valid. A missing signature is a warning.
    IfPresent,
    /// The signature is not checked, which is a warning on every crawl.
    Off,
}

/// A distribution, its rules and its sources.
#[derive(Debug, Clone, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DistroDef {
    /// The name of the distribution, which is also the stem of the file name.
    pub name: DistroName,
    /// The name in sp-variant, or a name of the same form if sp-variant does not contain the
    /// distribution.
    pub variant: String,
    /// The display name: "Debian 12 (bookworm)".
    pub title: String,
    /// The fields of os-release(5) of a host with this distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_release: Option<OsRelease>,
    /// The rules for packages. The first rule that matches a package applies.
    #[serde(rename = "rule", default)]
    pub rules: Vec<KernelRule>,
    /// The sources.
    #[serde(rename = "source", default)]
    pub sources: Vec<Source>,
}

/// The fields of os-release(5) that identify a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OsRelease {
    /// `ID=`.
    pub id: String,
    /// `VERSION_ID=`, exactly.
    pub version_id: String,
}

/// A repository that is crawled and recorded separately.
#[derive(Debug, Clone, Serialize, JsonSchema, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Source {
    /// A suite of a Debian-style archive.
    Apt(AptSource),
    /// An rpm-md repository.
    RpmMd(RpmMdSource),
}

/// Returns whether a text is the fingerprint of an OpenPGP key: 40 hexadecimal digits, or 64 for keys
/// of version 6 (RFC 9580, section 5.5.4).
#[must_use]
pub fn is_fingerprint(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Source {
    /// Returns the name, which is unique in the distribution.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Apt(source) => &source.name,
            Self::RpmMd(source) => &source.name,
        }
    }

    /// Returns the architectures, with the names of the repository format.
    #[must_use]
    pub fn architectures(&self) -> &[String] {
        match self {
            Self::Apt(source) => &source.architectures,
            Self::RpmMd(source) => &source.architectures,
        }
    }

    /// Returns the policy for the signature.
    #[must_use]
    pub fn signature(&self) -> SignaturePolicy {
        match self {
            Self::Apt(source) => source.signature,
            Self::RpmMd(source) => source.signature,
        }
    }

    /// Returns the keyring files that verify the signature.
    #[must_use]
    pub fn keyring(&self) -> &[String] {
        match self {
            Self::Apt(source) => &source.keyring,
            Self::RpmMd(source) => &source.keyring,
        }
    }

    /// Returns the package that contains the keyring.
    #[must_use]
    pub fn keyring_package(&self) -> Option<&str> {
        match self {
            Self::Apt(source) => source.keyring_package.as_deref(),
            Self::RpmMd(source) => source.keyring_package.as_deref(),
        }
    }

    /// Returns the fingerprints of the keys that may sign, in upper-case hexadecimal digits. If
    /// empty, all keys of the keyring may sign.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        match self {
            Self::Apt(source) => &source.keys,
            Self::RpmMd(source) => &source.keys,
        }
    }

    /// Returns the URLs from which the keys can be downloaded.
    #[must_use]
    pub fn key_urls(&self) -> &[String] {
        match self {
            Self::Apt(source) => &source.key_urls,
            Self::RpmMd(source) => &source.key_urls,
        }
    }

    /// Returns the paths of the files with credentials and certificates, which are empty for a
    /// public source.
    #[must_use]
    pub fn credential_files(&self) -> Vec<&str> {
        match self {
            Self::Apt(source) => source.credentials.iter().map(String::as_str).collect(),
            Self::RpmMd(source) => {
                let files = [
                    &source.credentials,
                    &source.client_certificate,
                    &source.client_key,
                    &source.ca,
                ];
                files.into_iter().flatten().map(String::as_str).collect()
            }
        }
    }

    /// Returns whether the source is skipped if one of the
    /// [`credential_files`](Self::credential_files) does not exist.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        match self {
            Self::Apt(source) => source.optional,
            Self::RpmMd(source) => source.optional,
        }
    }

    /// Returns the age in days at which the root metadata causes a warning, or `None` for no limit.
    #[must_use]
    pub fn stale_after_days(&self) -> Option<u32> {
        match self {
            Self::Apt(source) => source.stale_after_days,
            Self::RpmMd(source) => source.stale_after_days,
        }
    }

    /// Returns the hosts of packages besides those of the repository.
    #[must_use]
    pub fn package_hosts(&self) -> &[String] {
        match self {
            Self::Apt(_) => &[],
            Self::RpmMd(source) => &source.package_hosts,
        }
    }

    /// Checks that the hosts of packages are names without a scheme, port or path.
    fn check_package_hosts(&self, file: &str) -> Result<(), SourceError> {
        let is_host = |host: &String| {
            !host.is_empty()
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
        };
        match self.package_hosts().iter().find(|host| !is_host(host)) {
            Some(host) => Err(SourceError::PackageHost {
                file: file.into(),
                name: self.name().to_owned(),
                got: host.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Checks the fingerprints and URLs of keys, and converts the fingerprints to upper case.
    fn check_keys(&mut self, file: &str) -> Result<(), SourceError> {
        let name = self.name().to_owned();
        let (keys, urls) = match self {
            Self::Apt(source) => (&mut source.keys, &source.key_urls),
            Self::RpmMd(source) => (&mut source.keys, &source.key_urls),
        };
        for key in keys {
            if !is_fingerprint(key) {
                return Err(SourceError::Fingerprint {
                    file: file.into(),
                    name,
                    got: key.clone(),
                });
            }
            key.make_ascii_uppercase();
        }
        match urls.iter().find(|url| !url.starts_with("https://")) {
            Some(url) => Err(SourceError::KeyUrl {
                file: file.into(),
                name,
                got: url.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Returns the name of a required field that is empty.
    fn empty_field(&self) -> Option<&'static str> {
        let lists: &[(&'static str, bool)] = match self {
            Self::Apt(apt) => &[
                ("name", apt.name.is_empty()),
                ("base", apt.base.is_empty()),
                ("components", apt.components.is_empty() && !apt.is_flat()),
                ("architectures", apt.architectures.is_empty()),
                ("credentials", apt.optional && apt.credentials.is_none()),
                ("keyring", apt.keyring.is_empty() && !apt.keys.is_empty()),
                ("keys", apt.keys.is_empty() && !apt.key_urls.is_empty()),
            ],
            Self::RpmMd(rpm) => &[
                ("name", rpm.name.is_empty()),
                (
                    "base, mirrorlist or metalink",
                    rpm.base.is_empty() && rpm.mirrorlist.is_empty() && rpm.metalink.is_none(),
                ),
                ("architectures", rpm.architectures.is_empty()),
                (
                    "client-key",
                    rpm.client_certificate.is_some() && rpm.client_key.is_none(),
                ),
                (
                    "client-certificate",
                    rpm.client_key.is_some() && rpm.client_certificate.is_none(),
                ),
                (
                    "credentials or client-certificate",
                    rpm.optional && rpm.credentials.is_none() && rpm.client_certificate.is_none(),
                ),
                ("keyring", rpm.keyring.is_empty() && !rpm.keys.is_empty()),
                ("keys", rpm.keys.is_empty() && !rpm.key_urls.is_empty()),
            ],
        };
        lists
            .iter()
            .find(|(_, empty)| *empty)
            .map(|(field, _)| *field)
    }
}

impl DistroDef {
    /// Replaces each source with placeholders by the sources that it defines (see
    /// [`AptSource::each`]).
    ///
    /// # Errors
    /// Returns [`SourceError`] with the name `file` if a field or a rule is invalid.
    pub fn expanded(mut self, file: &str) -> Result<Self, SourceError> {
        let mut sources = Vec::new();
        for mut source in self.sources {
            source.check_keys(file)?;
            source.check_package_hosts(file)?;
            sources.extend(expand::expand(source, file)?);
        }
        self.sources = sources;
        self.check(file)?;
        Ok(self)
    }

    fn check(&self, file: &str) -> Result<(), SourceError> {
        let stem = file
            .rsplit('/')
            .next()
            .unwrap_or(file)
            .trim_end_matches(".toml");
        if self.name.as_str() != stem {
            return Err(SourceError::NameDiffers {
                file: file.into(),
                stem: stem.into(),
                name: self.name.to_string(),
            });
        }
        for rule in &self.rules {
            rule.check().map_err(|error| SourceError::NoUname {
                file: file.into(),
                rule: rule.package.to_string(),
                got: error.to_string(),
            })?;
        }
        for (index, source) in self.sources.iter().enumerate() {
            if self.sources[..index]
                .iter()
                .any(|other| other.name() == source.name())
            {
                return Err(SourceError::DuplicateSource {
                    file: file.into(),
                    name: source.name().into(),
                });
            }
        }
        Ok(())
    }

    /// Returns the kernel version of a headers package, and the index of the rule that matched.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidName`] if the version of the first matching rule is not valid.
    pub fn kernel_of(
        &self,
        package: &PackageFacts<'_>,
    ) -> Result<Option<(KernelVersion, usize)>, InvalidName> {
        for (index, rule) in self.rules.iter().enumerate() {
            if let Some(kernel) = rule.kernel_of(package)? {
                return Ok(Some((kernel, index)));
            }
        }
        Ok(None)
    }
}

/// All known distributions.
#[derive(Debug, Clone, Default)]
pub struct SourceSet {
    /// The distributions by name.
    pub distros: BTreeMap<DistroName, DistroDef>,
    /// The file of each distribution.
    pub files: BTreeMap<DistroName, SourceFile>,
}

/// A file that defines a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path. For a built-in file, its path in the source tree.
    pub path: String,
    /// Its content.
    pub text: String,
}

impl SourceSet {
    /// Returns the distribution with this name.
    #[must_use]
    pub fn get(&self, name: &DistroName) -> Option<&DistroDef> {
        self.distros.get(name)
    }

    /// Returns the distribution of a host with these fields of os-release(5).
    #[must_use]
    pub fn detect(&self, id: &str, version_id: &str) -> Option<&DistroDef> {
        self.distros.values().find(|distro| {
            distro
                .os_release
                .as_ref()
                .is_some_and(|release| release.id == id && release.version_id == version_id)
        })
    }
}
