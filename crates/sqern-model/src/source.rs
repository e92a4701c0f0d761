//! Upstream sources as data: what a `distros/*.toml` file says.

use std::collections::BTreeMap;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::DistroName;

/// Why a source file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file's stem and the name inside must agree, so that an override replaces what it means to.
    #[error("{file}: expected name = {stem:?} as in the file's name, got {name:?}")]
    NameDiffers {
        /// The file.
        file: String,
        /// What the file's name says.
        stem: String,
        /// What the file says.
        name: String,
    },
    /// A rule has no group `uname`.
    #[error("{file}: expected a named group (?<uname>…) in the rule {rule:?}")]
    NoUname {
        /// The file.
        file: String,
        /// The rule's regular expression.
        rule: String,
    },
    /// Two sources of a distribution have one name.
    #[error("{file}: expected each [[source]] to have a name of its own, got {name:?} twice")]
    DuplicateSource {
        /// The file.
        file: String,
        /// The name.
        name: String,
    },
    /// A list that must hold something is empty.
    #[error("{file}: expected at least one entry in {field} of source {name:?}")]
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
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DistroDef {
    /// The distro's name, as the file is called.
    pub name: DistroName,
    /// sp-variant's build variant, or a name in its style for what it does not know.
    pub variant: String,
    /// What people call it: "Debian 12 (bookworm)".
    pub title: String,
    /// How a host says in os-release(5) that it is this distribution.
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

/// How a package becomes a kernel version.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KernelRule {
    /// A regular expression over the whole package name with a group `uname`: `^linux-headers-(?<uname>[0-9].*-amd64)$`.
    #[serde(with = "regex_text")]
    pub package: Regex,
    /// Packages that `package` matches and that are no kernel all the same.
    #[serde(with = "regex_text_option", default, skip_serializing_if = "Option::is_none")]
    pub except: Option<Regex>,
    /// Which of the dependencies a build needs from the same distribution; others (libc6, gcc) are left to the builder.
    #[serde(with = "regex_text")]
    pub support: Regex,
}

/// One repository that is crawled and recorded by itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Source {
    /// A Debian-style archive: one suite of it.
    Apt(AptSource),
}

/// One suite of a Debian-style archive (wiki.debian.org/DebianRepository/Format).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AptSource {
    /// The source's name, unique within its distribution.
    pub name: String,
    /// Base URLs of mirrors, tried in order (`http`, `https`, `file`): what stands before `/dists/`.
    pub base: Vec<String>,
    /// The suite below `dists/` (`bookworm-updates`).
    pub suite: String,
    /// The components to read.
    pub components: Vec<String>,
    /// The Debian architectures to read (`amd64`).
    pub architectures: Vec<String>,
    /// OpenPGP keyring files (binary or armoured); every one that exists is used.
    #[serde(default)]
    pub keyring: Vec<String>,
    /// The package of this distribution family that brings the keyring, for the hint when it is missing.
    pub keyring_package: Option<String>,
    /// How the signature is treated.
    #[serde(default)]
    pub signature: SignaturePolicy,
}

impl Source {
    /// The source's name, unique within its distribution.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Apt(source) => &source.name,
        }
    }
}

impl DistroDef {
    /// What the types can't say. `file` is the file's name, for the error.
    pub fn check(&self, file: &str) -> Result<(), SourceError> {
        let stem = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".toml");
        if self.name.as_str() != stem {
            return Err(SourceError::NameDiffers { file: file.into(), stem: stem.into(), name: self.name.to_string() });
        }
        for rule in &self.rules {
            if !rule.package.capture_names().flatten().any(|group| group == "uname") {
                return Err(SourceError::NoUname { file: file.into(), rule: rule.package.to_string() });
            }
        }
        for (place, source) in self.sources.iter().enumerate() {
            if self.sources[..place].iter().any(|other| other.name() == source.name()) {
                return Err(SourceError::DuplicateSource { file: file.into(), name: source.name().into() });
            }
            let Source::Apt(apt) = source;
            for (field, list) in [("base", &apt.base), ("components", &apt.components), ("architectures", &apt.architectures)] {
                if list.is_empty() {
                    return Err(SourceError::Empty { file: file.into(), field, name: apt.name.clone() });
                }
            }
        }
        Ok(())
    }

    /// The kernel that a package of this name is the headers of, and the rule that says so.
    #[must_use]
    pub fn kernel_of<'a>(&'a self, package: &str) -> Option<(crate::KernelVersion, &'a KernelRule)> {
        self.rules.iter().find_map(|rule| rule.kernel_of(package).map(|kernel| (kernel, rule)))
    }
}

impl KernelRule {
    /// The kernel that a package of this name is the headers of.
    #[must_use]
    pub fn kernel_of(&self, package: &str) -> Option<crate::KernelVersion> {
        let uname = self.package.captures(package)?.name("uname")?;
        if self.except.as_ref().is_some_and(|except| except.is_match(package)) {
            return None;
        }
        crate::KernelVersion::new(uname.as_str()).ok()
    }
}

/// All distributions that are known, by name.
#[derive(Debug, Clone, Default)]
pub struct SourceSet {
    /// By the distro's name.
    pub distros: BTreeMap<DistroName, DistroDef>,
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

/// A regular expression as text in a file.
mod regex_text {
    use regex::Regex;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(regex: &Regex, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(regex.as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Regex, D::Error> {
        Regex::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A regular expression as text in a file, or none.
mod regex_text_option {
    use regex::Regex;
    use serde::{Deserializer, Serializer};

    #[allow(clippy::ref_option, reason = "serde calls it so")]
    pub fn serialize<S: Serializer>(regex: &Option<Regex>, serializer: S) -> Result<S::Ok, S::Error> {
        match regex {
            Some(regex) => super::regex_text::serialize(regex, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Regex>, D::Error> {
        super::regex_text::deserialize(deserializer).map(Some)
    }
}
