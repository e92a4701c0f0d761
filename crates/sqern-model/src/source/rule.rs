//! Rules that derive a kernel version from a package.

use regex::{Captures, Regex};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::regex_text;
use crate::{InvalidName, KernelVersion};

/// A rule that derives a kernel version from a package.
///
/// The version is the provided version of `uname-provides`, or the template `uname`, or the group
/// `uname` of `package`, in this order.
#[derive(Debug, Clone, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KernelRule {
    /// A regular expression for the whole package name: `^linux-headers-(?<uname>[0-9].*-amd64)$`,
    /// `^kernel-devel$`. `uname` can use its named groups.
    #[serde(with = "regex_text")]
    #[schemars(with = "String")]
    pub package: Regex,
    /// Packages that `package` matches but that contain no headers.
    #[serde(
        with = "regex_text::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub except: Option<Regex>,
    /// The capability whose version is the kernel version: `kernel-devel-uname-r`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uname_provides: Option<String>,
    /// A template of the kernel version: `{version}-{release}.{arch}`. It can contain `version`,
    /// `release` and `arch` of the package, and the named groups of `package` and `release`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uname: Option<String>,
    /// A regular expression for the release of the package, with named groups for `uname`.
    /// `^(?<build>.+)\.[0-9]+$` excludes the number of the rebuild of SUSE. Packages with other
    /// releases are skipped.
    #[serde(
        with = "regex_text::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub release: Option<Regex>,
    /// A regular expression for the names of support packages. Other dependencies (libc6, gcc) are
    /// part of the build environment.
    #[serde(with = "regex_text")]
    #[schemars(with = "String")]
    pub support: Regex,
}

/// The properties of a package that rules use.
#[derive(Debug, Clone, Copy)]
pub struct PackageFacts<'a> {
    /// The name.
    pub name: &'a str,
    /// The version, without epoch and release.
    pub version: &'a str,
    /// The release; empty if the package format has none.
    pub release: &'a str,
    /// The architecture.
    pub architecture: &'a str,
    /// Provided capabilities with their versions, without epoch.
    pub provides: &'a [(String, String)],
}

impl<'a> PackageFacts<'a> {
    /// Creates the properties of a package whose name contains the kernel version.
    #[must_use]
    pub fn named(name: &'a str) -> Self {
        Self {
            name,
            version: "",
            release: "",
            architecture: "",
            provides: &[],
        }
    }
}

impl KernelRule {
    /// Returns whether a package with this name contains headers.
    #[must_use]
    pub fn is_headers(&self, name: &str) -> bool {
        self.package.is_match(name)
            && !self
                .except
                .as_ref()
                .is_some_and(|except| except.is_match(name))
    }

    /// Returns the kernel version of a package, or `None` if it contains no headers or has no
    /// kernel version.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidName`] if the version is not valid.
    pub fn kernel_of(
        &self,
        package: &PackageFacts<'_>,
    ) -> Result<Option<KernelVersion>, InvalidName> {
        self.uname_of(package).map(KernelVersion::new).transpose()
    }

    /// Returns the text of the kernel version of a package.
    fn uname_of(&self, package: &PackageFacts<'_>) -> Option<String> {
        let name = self.package.captures(package.name)?;
        if self
            .except
            .as_ref()
            .is_some_and(|except| except.is_match(package.name))
        {
            return None;
        }
        let release = match &self.release {
            Some(release) => Some(release.captures(package.release)?),
            None => None,
        };
        let provided = self.uname_provides.as_ref().and_then(|wanted| {
            let provided = package
                .provides
                .iter()
                .find(|(name, version)| name == wanted && !version.is_empty());
            provided.map(|(_, version)| version.clone())
        });
        let value = |field: &str| match field {
            "version" => Some(package.version.to_owned()),
            "release" => Some(package.release.to_owned()),
            "arch" => Some(package.architecture.to_owned()),
            group => [Some(&name), release.as_ref()]
                .into_iter()
                .flatten()
                .find_map(|groups| text_of(groups, group)),
        };
        provided.or_else(|| match &self.uname {
            Some(template) => fill(template, value).ok(),
            None => text_of(&name, "uname"),
        })
    }

    /// Checks that the rule determines a kernel version, and that each field of its template is
    /// known.
    pub(super) fn check(&self) -> Result<(), InvalidTemplate> {
        let groups = |regex: &Regex| {
            regex
                .capture_names()
                .flatten()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let mut known = groups(&self.package);
        let Some(template) = &self.uname else {
            let has_uname =
                self.uname_provides.is_some() || known.iter().any(|group| group == "uname");
            return if has_uname {
                Ok(())
            } else {
                Err(InvalidTemplate::NoUname)
            };
        };
        known.extend(self.release.as_ref().map(groups).unwrap_or_default());
        known.extend(["version", "release", "arch"].map(str::to_owned));
        fill(template, |field| {
            known.iter().any(|name| name == field).then(String::new)
        })
        .map(drop)
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
        let (field, after) = after
            .split_once('}')
            .ok_or_else(|| InvalidTemplate::UnclosedBrace(after.to_owned()))?;
        text.push_str(before);
        text.push_str(
            &value(field).ok_or_else(|| InvalidTemplate::UnknownField(field.to_owned()))?,
        );
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

    fn kernel(
        rule: &KernelRule,
        name: &str,
        version: &str,
        release: &str,
        provides: &[(&str, &str)],
    ) -> Option<String> {
        let provides: Vec<_> = provides
            .iter()
            .map(|(name, version)| ((*name).to_owned(), (*version).to_owned()))
            .collect();
        let facts = PackageFacts {
            name,
            version,
            release,
            architecture: "x86_64",
            provides: &provides,
        };
        rule.kernel_of(&facts).unwrap().map(String::from)
    }

    #[test]
    fn the_provided_version_precedes_the_template() {
        let rule = KernelRule {
            uname_provides: Some("kernel-devel-uname-r".into()),
            uname: Some("{version}-{release}.{arch}".into()),
            ..rule("^kernel-devel$")
        };
        let provided = [
            ("kernel-devel", "1"),
            ("kernel-devel-uname-r", "4.18.0-553.el8_10.x86_64+x"),
        ];
        assert_eq!(
            kernel(&rule, "kernel-devel", "4.18.0", "553.el8_10", &provided).as_deref(),
            Some("4.18.0-553.el8_10.x86_64+x")
        );
        assert_eq!(
            kernel(&rule, "kernel-devel", "3.10.0", "1160.el7", &[]).as_deref(),
            Some("3.10.0-1160.el7.x86_64"),
            "the template applies without the provided version"
        );
        assert_eq!(
            kernel(&rule, "kernel-core", "3.10.0", "1160.el7", &provided),
            None
        );
    }

    #[test]
    fn a_template_contains_groups_of_name_and_release() {
        let suse = KernelRule {
            uname: Some("{version}-{build}-{flavour}".into()),
            release: Some(Regex::new(r"^(?<build>.+)\.[0-9]+$").unwrap()),
            ..rule("^kernel-(?<flavour>[a-z]+)-devel$")
        };
        for (name, version, release, expected) in [
            (
                "kernel-default-devel",
                "6.4.0",
                "150600.23.25.1",
                Some("6.4.0-150600.23.25-default"),
            ),
            (
                "kernel-longterm-devel",
                "6.9.7",
                "1.1",
                Some("6.9.7-1-longterm"),
            ),
            ("kernel-default-devel", "6.9.7", "1", None),
            ("kernel-devel", "6.9.7", "1.1", None),
        ] {
            assert_eq!(
                kernel(&suse, name, version, release, &[]).as_deref(),
                expected,
                "{name} {version}-{release}"
            );
        }
    }

    #[test]
    fn a_template_with_an_unknown_field_is_rejected() {
        assert_eq!(
            rule("^kernel-devel$").check(),
            Err(InvalidTemplate::NoUname)
        );
        assert_eq!(rule("^linux-headers-(?<uname>.*)$").check(), Ok(()));
        let templated = |template: &str| KernelRule {
            uname: Some(template.into()),
            ..rule("^kernel-(?<flavour>.*)-devel$")
        };
        assert_eq!(
            templated("{version}-{release}-{flavour}.{arch}").check(),
            Ok(())
        );
        assert_eq!(
            templated("{version}-{flavor}").check(),
            Err(InvalidTemplate::UnknownField("flavor".into()))
        );
        assert_eq!(
            templated("{version").check(),
            Err(InvalidTemplate::UnclosedBrace("version".into()))
        );
    }
}
