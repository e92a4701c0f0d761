//! Upstream sources as data: what a `distros/*.toml` file says.

use std::collections::BTreeMap;

mod apt;
mod expand;
mod regex_text;
mod rpm_md;
mod rule;

use serde::{Deserialize, Serialize};

pub use apt::AptSource;
pub use rpm_md::RpmMdSource;
pub use rule::{KernelRule, PackageFacts};

use crate::{DistroName, KernelVersion};

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
    /// A value contains an unknown placeholder, or the name of a source does not contain a required one.
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

/// How a source's signature is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignaturePolicy {
    /// A valid signature by a key of the source's own keyring, or the source fails.
    #[default]
    Require,
    /// A signature that is there must be valid; none is a warning.
    IfPresent,
    /// Not looked at; told as a warning on every crawl.
    Off,
}

/// One distribution: its names and its upstream sources.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DistroDef {
    /// The distro's name, as the file is called.
    pub name: DistroName,
    /// sp-variant's build variant, or a name in its style for what it does not know.
    pub variant: String,
    /// What people call it: "Debian 12 (bookworm)".
    pub title: String,
    /// How a host says in os-release(5) that it is this distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_release: Option<OsRelease>,
    /// How a package's name tells a kernel; the first rule that matches counts.
    #[serde(rename = "rule", default)]
    pub rules: Vec<KernelRule>,
    /// Where to look.
    #[serde(rename = "source", default)]
    pub sources: Vec<Source>,
}

/// The fields of os-release(5) by which a host is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OsRelease {
    /// `ID=`.
    pub id: String,
    /// `VERSION_ID=`, exactly.
    pub version_id: String,
}

/// One repository that is crawled and recorded by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Source {
    /// A Debian-style archive: one suite of it.
    Apt(AptSource),
    /// An rpm-md repository.
    RpmMd(RpmMdSource),
}

impl Source {
    /// The source's name, unique within its distribution.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Apt(source) => &source.name,
            Self::RpmMd(source) => &source.name,
        }
    }

    /// The architectures that are read, in the format's own words.
    #[must_use]
    pub fn architectures(&self) -> &[String] {
        match self {
            Self::Apt(source) => &source.architectures,
            Self::RpmMd(source) => &source.architectures,
        }
    }

    /// How its signature is treated.
    #[must_use]
    pub fn signature(&self) -> SignaturePolicy {
        match self {
            Self::Apt(source) => source.signature,
            Self::RpmMd(source) => source.signature,
        }
    }

    /// The keyring files that its signature is judged by.
    #[must_use]
    pub fn keyring(&self) -> &[String] {
        match self {
            Self::Apt(source) => &source.keyring,
            Self::RpmMd(source) => &source.keyring,
        }
    }

    /// The files that tell a server who asks, as the source file names them; none for a source that is open to all.
    #[must_use]
    pub fn credential_files(&self) -> Vec<&str> {
        match self {
            Self::Apt(source) => source.credentials.iter().map(String::as_str).collect(),
            Self::RpmMd(source) => {
                let files = [&source.credentials, &source.client_certificate, &source.client_key, &source.ca];
                files.into_iter().flatten().map(String::as_str).collect()
            }
        }
    }

    /// Whether it is left out where a file of [`credential_files`](Self::credential_files) is not on this machine.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        match self {
            Self::Apt(source) => source.optional,
            Self::RpmMd(source) => source.optional,
        }
    }

    /// The age in days from which the source's top is told as old; none where it may be of any age.
    #[must_use]
    pub fn stale_after_days(&self) -> Option<u32> {
        match self {
            Self::Apt(source) => source.stale_after_days,
            Self::RpmMd(source) => source.stale_after_days,
        }
    }

    /// A list of the source file that must hold something and does not.
    fn empty_field(&self) -> Option<&'static str> {
        let lists: &[(&'static str, bool)] = match self {
            Self::Apt(apt) => &[
                ("name", apt.name.is_empty()),
                ("base", apt.base.is_empty()),
                ("components", apt.components.is_empty()),
                ("architectures", apt.architectures.is_empty()),
                ("credentials", apt.optional && apt.credentials.is_none()),
            ],
            Self::RpmMd(rpm) => &[
                ("name", rpm.name.is_empty()),
                ("base, mirrorlist or metalink", rpm.base.is_empty() && rpm.mirrorlist.is_empty() && rpm.metalink.is_none()),
                ("architectures", rpm.architectures.is_empty()),
                ("client-key", rpm.client_certificate.is_some() && rpm.client_key.is_none()),
                ("client-certificate", rpm.client_key.is_some() && rpm.client_certificate.is_none()),
                (
                    "credentials or client-certificate",
                    rpm.optional && rpm.credentials.is_none() && rpm.client_certificate.is_none(),
                ),
            ],
        };
        lists.iter().find(|(_, empty)| *empty).map(|(field, _)| *field)
    }
}

impl DistroDef {
    /// The same with each source that stands for several made into those: see [`AptSource::each`].
    ///
    /// Fails on what the types can't say. `file` is the file's name, for the error.
    pub fn expanded(mut self, file: &str) -> Result<Self, SourceError> {
        let mut sources = Vec::new();
        for source in self.sources {
            sources.extend(expand::expand(source, file)?);
        }
        self.sources = sources;
        self.check(file)?;
        Ok(self)
    }

    fn check(&self, file: &str) -> Result<(), SourceError> {
        let stem = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".toml");
        if self.name.as_str() != stem {
            return Err(SourceError::NameDiffers { file: file.into(), stem: stem.into(), name: self.name.to_string() });
        }
        for rule in &self.rules {
            rule.check().map_err(|error| SourceError::NoUname {
                file: file.into(),
                rule: rule.package.to_string(),
                got: error.to_string(),
            })?;
        }
        for (place, source) in self.sources.iter().enumerate() {
            if self.sources[..place].iter().any(|other| other.name() == source.name()) {
                return Err(SourceError::DuplicateSource { file: file.into(), name: source.name().into() });
            }
        }
        Ok(())
    }

    /// The kernel that a package is the headers of, and the place of the rule that says so.
    #[must_use]
    pub fn kernel_of(&self, package: &PackageFacts<'_>) -> Option<(KernelVersion, usize)> {
        let told = |(place, rule): (usize, &KernelRule)| rule.kernel_of(package).map(|kernel| (kernel, place));
        self.rules.iter().enumerate().find_map(told)
    }
}

/// All distributions that are known, by name.
#[derive(Debug, Clone, Default)]
pub struct SourceSet {
    /// By the distro's name.
    pub distros: BTreeMap<DistroName, DistroDef>,
    /// The file that each of them is from.
    pub files: BTreeMap<DistroName, SourceFile>,
}

/// A file that says where a distribution publishes its kernels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path; for one that is built in, its path in the source tree.
    pub place: String,
    /// What it says, with its comments.
    pub text: String,
}

impl SourceSet {
    /// The distribution of this name.
    #[must_use]
    pub fn get(&self, name: &DistroName) -> Option<&DistroDef> {
        self.distros.get(name)
    }

    /// The distribution that a host with these os-release(5) fields runs.
    #[must_use]
    pub fn detect(&self, id: &str, version_id: &str) -> Option<&DistroDef> {
        self.distros
            .values()
            .find(|distro| distro.os_release.as_ref().is_some_and(|release| release.id == id && release.version_id == version_id))
    }
}
