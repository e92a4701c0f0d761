//! How a package tells that it is a kernel's headers, and which kernel's.

use regex::{Captures, Regex};
use serde::{Deserialize, Serialize};

use super::regex_text;
use crate::KernelVersion;

/// How a package becomes a kernel version.
///
/// The kernel is, in this order: what the package provides under [`uname_provides`](Self::uname_provides), [`uname`](Self::uname)
/// filled in, the group `uname` of [`package`](Self::package).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KernelRule {
    /// A regular expression over the whole package name: `^linux-headers-(?<uname>[0-9].*-amd64)$`, `^kernel-devel$`. Its named
    /// groups may be used in `uname`.
    #[serde(with = "regex_text")]
    pub package: Regex,
    /// Packages that `package` matches and that are no kernel all the same.
    #[serde(with = "regex_text::option", default, skip_serializing_if = "Option::is_none")]
    pub except: Option<Regex>,
    /// What the package provides in the kernel's version: `kernel-devel-uname-r`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uname_provides: Option<String>,
    /// A template of the kernel's version: `{version}-{release}.{arch}`. It may name `version`, `release` and `arch` of the
    /// package, and the named groups of `package` and `release`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uname: Option<String>,
    /// A regular expression over the package's release, whose named groups may be used in `uname`:
    /// `^(?<build>.+)\.[0-9]+$` leaves SUSE's count of rebuilds out. A release that it does not match is no kernel's.
    #[serde(with = "regex_text::option", default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Regex>,
    /// Which of the dependencies a build needs from the same distribution; others (libc6, gcc) are left to the builder.
    #[serde(with = "regex_text")]
    pub support: Regex,
}

/// What is known of a package when it is asked for its kernel.
#[derive(Debug, Clone, Copy)]
pub struct PackageFacts<'a> {
    /// The name.
    pub name: &'a str,
    /// The version, without epoch and release.
    pub version: &'a str,
    /// The release; empty where the format has none.
    pub release: &'a str,
    /// The architecture.
    pub architecture: &'a str,
    /// Names that it provides, with their versions (without epoch).
    pub provides: &'a [(String, String)],
}

impl<'a> PackageFacts<'a> {
    /// Where the name alone tells everything.
    #[must_use]
    pub fn named(name: &'a str) -> Self {
        Self { name, version: "", release: "", architecture: "", provides: &[] }
    }
}

impl KernelRule {
    /// Whether a package of this name is a kernel's headers, whatever else it says.
    #[must_use]
    pub fn is_headers(&self, name: &str) -> bool {
        self.package.is_match(name) && !self.except.as_ref().is_some_and(|except| except.is_match(name))
    }

    /// The kernel that a package is the headers of; none if it is no headers package or does not tell.
    #[must_use]
    pub fn kernel_of(&self, package: &PackageFacts<'_>) -> Option<KernelVersion> {
        let name = self.package.captures(package.name)?;
        if self.except.as_ref().is_some_and(|except| except.is_match(package.name)) {
            return None;
        }
        let release = match &self.release {
            Some(release) => Some(release.captures(package.release)?),
            None => None,
        };
        let provided = self.uname_provides.as_ref().and_then(|wanted| {
            let provided = package.provides.iter().find(|(name, version)| name == wanted && !version.is_empty());
            provided.map(|(_, version)| version.clone())
        });
        let value = |field: &str| match field {
            "version" => Some(package.version.to_owned()),
            "release" => Some(package.release.to_owned()),
            "arch" => Some(package.architecture.to_owned()),
            group => [Some(&name), release.as_ref()].into_iter().flatten().find_map(|groups| text_of(groups, group)),
        };
        let uname = provided.or_else(|| match &self.uname {
            Some(template) => fill(template, value).ok(),
            None => text_of(&name, "uname"),
        });
        KernelVersion::new(uname?).ok()
    }

    /// Checks that the rule determines a kernel version, and that each field of its template is known.
    pub(super) fn check(&self) -> Result<(), InvalidTemplate> {
        let groups = |regex: &Regex| regex.capture_names().flatten().map(str::to_owned).collect::<Vec<_>>();
        let mut known = groups(&self.package);
        let Some(template) = &self.uname else {
            let told = self.uname_provides.is_some() || known.iter().any(|group| group == "uname");
            return if told { Ok(()) } else { Err(InvalidTemplate::NoUname) };
        };
        known.extend(self.release.as_ref().map(groups).unwrap_or_default());
        known.extend(["version", "release", "arch"].map(str::to_owned));
        fill(template, |field| known.iter().any(|name| name == field).then(String::new)).map(drop)
    }
}

fn text_of(groups: &Captures<'_>, name: &str) -> Option<String> {
    groups.name(name).map(|group| group.as_str().to_owned())
}

/// A rule that determines no kernel version. The text is the invalid part of the template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidTemplate {
    /// The rule has neither a template nor another origin of the version.
    #[error("nothing")]
    NoUname,
    /// A field is not known.
    #[error("{{{0}}}")]
    UnknownField(String),
    /// A brace is not closed.
    #[error("{{{0}")]
    UnclosedBrace(String),
}

/// Returns a template with each `{field}` replaced by its value.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, InvalidTemplate> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (field, after) = after.split_once('}').ok_or_else(|| InvalidTemplate::UnclosedBrace(after.to_owned()))?;
        text.push_str(before);
        text.push_str(&value(field).ok_or_else(|| InvalidTemplate::UnknownField(field.to_owned()))?);
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(package: &str) -> KernelRule {
        let regex = |text: &str| Regex::new(text).unwrap();
        KernelRule {
            package: regex(package),
            except: None,
            uname_provides: None,
            uname: None,
            release: None,
            support: regex("^$"),
        }
    }

    fn kernel(rule: &KernelRule, name: &str, version: &str, release: &str, provides: &[(&str, &str)]) -> Option<String> {
        let provides: Vec<_> = provides.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect();
        let facts = PackageFacts { name, version, release, architecture: "x86_64", provides: &provides };
        rule.kernel_of(&facts).map(String::from)
    }

    #[test]
    fn what_a_package_provides_comes_before_the_template() {
        let rule = KernelRule {
            uname_provides: Some("kernel-devel-uname-r".into()),
            uname: Some("{version}-{release}.{arch}".into()),
            ..rule("^kernel-devel$")
        };
        let provided = [("kernel-devel", "1"), ("kernel-devel-uname-r", "4.18.0-553.el8_10.x86_64+x")];
        assert_eq!(
            kernel(&rule, "kernel-devel", "4.18.0", "553.el8_10", &provided).as_deref(),
            Some("4.18.0-553.el8_10.x86_64+x")
        );
        assert_eq!(
            kernel(&rule, "kernel-devel", "3.10.0", "1160.el7", &[]).as_deref(),
            Some("3.10.0-1160.el7.x86_64"),
            "without the provide the template tells"
        );
        assert_eq!(kernel(&rule, "kernel-core", "3.10.0", "1160.el7", &provided), None);
    }

    #[test]
    fn groups_of_name_and_release_fill_the_template() {
        let suse = KernelRule {
            uname: Some("{version}-{build}-{flavour}".into()),
            release: Some(Regex::new(r"^(?<build>.+)\.[0-9]+$").unwrap()),
            ..rule("^kernel-(?<flavour>[a-z]+)-devel$")
        };
        for (name, version, release, expected) in [
            ("kernel-default-devel", "6.4.0", "150600.23.25.1", Some("6.4.0-150600.23.25-default")),
            ("kernel-longterm-devel", "6.9.7", "1.1", Some("6.9.7-1-longterm")),
            ("kernel-default-devel", "6.9.7", "1", None),
            ("kernel-devel", "6.9.7", "1.1", None),
        ] {
            assert_eq!(kernel(&suse, name, version, release, &[]).as_deref(), expected, "{name} {version}-{release}");
        }
    }

    #[test]
    fn a_template_that_names_what_nothing_gives_is_refused() {
        assert_eq!(rule("^kernel-devel$").check(), Err(InvalidTemplate::NoUname));
        assert_eq!(rule("^linux-headers-(?<uname>.*)$").check(), Ok(()));
        let templated = |template: &str| KernelRule { uname: Some(template.into()), ..rule("^kernel-(?<flavour>.*)-devel$") };
        assert_eq!(templated("{version}-{release}-{flavour}.{arch}").check(), Ok(()));
        assert_eq!(templated("{version}-{flavor}").check(), Err(InvalidTemplate::UnknownField("flavor".into())));
        assert_eq!(templated("{version").check(), Err(InvalidTemplate::UnclosedBrace("version".into())));
    }
}
