//! Selects and classifies the packages of a package list.

use std::sync::Arc;

use regex::RegexSet;
use sqern_model::{DistroDef, Package, PackageFacts};
use url::Url;

use super::evr;
use super::location::location_url;
use crate::crawl::entry::Entry;
use crate::error::escape_entry_text;
use crate::relation::{Dependency, RELATIONS, VersionOrder};
use sqern_archive::{Algorithm, Checksum};

/// The packages that are relevant for a distribution.
#[derive(Debug)]
pub(super) struct PackageFilter {
    distro: DistroDef,
    /// The names of headers and of packages that they might require, as one set that is matched
    /// once.
    names: RegexSet,
    /// The names of packages that headers might require.
    support: RegexSet,
    architectures: Vec<String>,
    /// The architecture of the kernels of packages for all architectures.
    index_architecture: Arc<str>,
    /// The base URL of the packages.
    base: Url,
    /// The other hosts of packages.
    hosts: Vec<String>,
}

/// The relevant content of the element of a package.
#[derive(Debug, Default)]
pub(super) struct RawPackage {
    pub(super) name: String,
    pub(super) architecture: String,
    pub(super) epoch: String,
    pub(super) version: String,
    pub(super) release: String,
    pub(super) checksum: Option<(Algorithm, String)>,
    pub(super) size_bytes: Option<u64>,
    pub(super) href: Option<String>,
    pub(super) xml_base: Option<String>,
    pub(super) needs: Vec<Dependency>,
    pub(super) provides: Vec<Dependency>,
    /// The provided names that identify a kernel, with their versions.
    pub(super) unames: Vec<(String, String)>,
    /// Whether the package has more relevant relations than the limit.
    pub(super) has_excess_relations: bool,
}

/// The result of the classification of a package.
pub(super) enum Classified {
    /// A relevant package.
    Entry(Box<Entry>),
    /// An irrelevant package.
    Other,
    /// A relevant package that cannot be recorded, with the reason.
    Defect(String),
    /// A package that is skipped with a warning: without a valid kernel version, or with too many
    /// relations.
    Skipped(String),
}

impl PackageFilter {
    /// Returns the filter of the rules of a distribution for a repository with these architectures.
    pub(super) fn new(
        distro: &DistroDef,
        architectures: &[String],
        base: Url,
    ) -> Result<Self, regex::Error> {
        let patterns = distro
            .rules
            .iter()
            .flat_map(|rule| [rule.package.as_str(), rule.support.as_str()]);
        let support = distro.rules.iter().map(|rule| rule.support.as_str());
        Ok(Self {
            names: RegexSet::new(patterns)?,
            support: RegexSet::new(support)?,
            distro: distro.clone(),
            architectures: architectures.to_vec(),
            index_architecture: architectures.first().map_or("", String::as_str).into(),
            base,
            hosts: Vec::new(),
        })
    }

    /// Returns the filter with other hosts of packages.
    pub(super) fn with_hosts(mut self, hosts: &[String]) -> Self {
        self.hosts = hosts.to_vec();
        self
    }

    /// Returns whether packages of this name are relevant.
    pub(super) fn matches_name(&self, name: &str) -> bool {
        self.names.is_match(name)
    }

    /// Returns whether packages of this architecture are relevant.
    pub(super) fn matches_architecture(&self, architecture: &str) -> bool {
        architecture == "noarch"
            || self
                .architectures
                .iter()
                .any(|wanted| wanted == architecture)
    }

    /// Returns whether relations to this name are relevant.
    pub(super) fn matches_relation(&self, name: &str) -> bool {
        self.support.is_match(name)
    }

    /// Returns whether the version of this provided name identifies a kernel.
    pub(super) fn identifies_kernel(&self, name: &str) -> bool {
        self.distro
            .rules
            .iter()
            .any(|rule| rule.uname_provides.as_deref() == Some(name))
    }

    /// Classifies a package.
    pub(super) fn classify(&self, package: RawPackage) -> Classified {
        if !self.matches_name(&package.name) || !self.matches_architecture(&package.architecture) {
            return Classified::Other;
        }
        let version = evr::show(&package.epoch, &package.version, &package.release);
        let facts = PackageFacts {
            name: &package.name,
            version: &package.version,
            release: &package.release,
            architecture: &package.architecture,
            provides: &package.unames,
        };
        let shown = escape_entry_text(&format!(
            "{} {version} {}",
            package.name, package.architecture
        ));
        if package.has_excess_relations {
            return Classified::Skipped(format!(
                "skipped: {shown}: expected at most {RELATIONS} relevant relations, found more"
            ));
        }
        let kernel = match self.distro.kernel_of(&facts) {
            Ok(kernel) => kernel,
            Err(error) => {
                return Classified::Skipped(escape_entry_text(&format!(
                    "skipped: {shown}: {error}"
                )));
            }
        };
        let is_support = self.support.is_match(&package.name);
        if kernel.is_none() && !is_support {
            let headers = self
                .distro
                .rules
                .iter()
                .any(|rule| rule.is_headers(&package.name));
            return if headers {
                Classified::Skipped(format!("no rule matches header package {shown}"))
            } else {
                Classified::Other
            };
        }
        match location_url(
            &self.base,
            package.href.as_deref().unwrap_or_default(),
            package.xml_base.as_deref(),
            &self.hosts,
        ) {
            Err(defect) => Classified::Defect(escape_entry_text(&format!("{shown}: {defect}"))),
            Ok(url) => match (package.checksum, package.size_bytes) {
                (Some((algorithm, digits)), Some(size_bytes)) if !package.version.is_empty() => {
                    let entry = Entry {
                        package: Arc::new(Package {
                            name: package.name,
                            version,
                            architecture: package.architecture,
                            url: url.into(),
                            size_bytes,
                            checksum: Checksum { algorithm, digits }.to_string(),
                        }),
                        index_architecture: Arc::clone(&self.index_architecture),
                        kernel,
                        needs: package.needs.into_iter().map(|need| vec![need]).collect(),
                        provides: package.provides,
                        order: VersionOrder::Rpm,
                    };
                    match entry.defect() {
                        Some(defect) => {
                            Classified::Defect(escape_entry_text(&format!("{shown}: {defect}")))
                        }
                        None => Classified::Entry(Box::new(entry)),
                    }
                }
                _ => Classified::Defect(format!(
                    "{shown}: the version, a supported checksum or the size is missing"
                )),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filter() -> PackageFilter {
        let text = "name = \"d\"\nvariant = \"D\"\ntitle = \"D\"\n[[rule]]\npackage = '^kernel-devel$'\n\
                    uname = '{version}-{release}.{arch}'\nsupport = '^$'\n";
        let distro: DistroDef = toml::from_str(text).expect("a distribution");
        PackageFilter::new(
            &distro,
            &["x86_64".to_owned()],
            "https://h/os/".parse().expect("a URL"),
        )
        .expect("patterns")
    }

    fn classified_url(href: &str, xml_base: Option<&str>) -> Option<String> {
        let package = RawPackage {
            name: "kernel-devel".into(),
            architecture: "x86_64".into(),
            version: "1".into(),
            release: "2".into(),
            checksum: Some((Algorithm::Sha256, "0".repeat(64))),
            size_bytes: Some(1),
            href: Some(href.into()),
            xml_base: xml_base.map(str::to_owned),
            ..RawPackage::default()
        };
        match filter().classify(package) {
            Classified::Entry(entry) => Some(entry.package.url.clone()),
            Classified::Defect(_) => None,
            Classified::Other | Classified::Skipped(_) => {
                panic!("the filter matches the package")
            }
        }
    }

    #[test]
    fn url_identifies_exactly_the_location() {
        assert_eq!(
            classified_url("Packages/k/a~b^c.rpm", None).as_deref(),
            Some("https://h/os/Packages/k/a~b%5Ec.rpm")
        );
        assert_eq!(
            classified_url("Packages/a%2Bb.rpm", None).as_deref(),
            Some("https://h/os/Packages/a+b.rpm")
        );
        assert_eq!(
            classified_url("a.rpm", Some("https://h/other")).as_deref(),
            Some("https://h/other/a.rpm")
        );
        // The layout of Amazon Linux.
        assert_eq!(
            classified_url("../blobstore/0123/a.rpm", None).as_deref(),
            Some("https://h/blobstore/0123/a.rpm")
        );
        assert_eq!(
            classified_url("./%2e%2e//a.rpm", None).as_deref(),
            Some("https://h//a.rpm")
        );
        assert_eq!(
            classified_url("a.rpm", Some("more/")).as_deref(),
            Some("https://h/os/more/a.rpm")
        );
    }

    #[test]
    fn locations_on_other_servers_are_defects() {
        for (href, xml_base) in [
            ("../../a.rpm", None),
            ("%2e%2e/../a.rpm", None),
            ("http://evil/a.rpm", None),
            ("", None),
            ("a.rpm", Some("http://h/os")),
            ("a.rpm", Some("https://evil/os")),
            ("a.rpm", Some("file:///etc")),
            ("a.rpm", Some("//evil/")),
            ("a.rpm", Some("https://user:secret@h/os")),
            ("a.rpm", Some("//user@h/os")),
        ] {
            assert!(
                classified_url(href, xml_base).is_none(),
                "{href:?} {xml_base:?}"
            );
        }
    }

    #[test]
    fn directories_on_the_local_disk_cannot_be_left() {
        let base: Url = "file:///srv/repo".parse().expect("a URL");
        for xml_base in [
            "file:///srv/repo/..%2f..%2fsecret/",
            "x/..%2F../",
            "../other/",
            "file:///srv/repo/../other/",
        ] {
            let found = location_url(&base, "a.rpm", Some(xml_base), &[]);
            assert!(found.is_err(), "{xml_base} {found:?}");
        }
        assert!(location_url(&base, "a.rpm", Some("x/y/"), &[]).is_ok());
    }

    #[test]
    fn other_hosts_must_be_named_and_as_secure() {
        let base = |scheme: &str| format!("{scheme}://h/os").parse::<Url>().expect("a URL");
        let hosts = ["other.example".to_owned()];
        let is_accepted = |scheme: &str, xml_base: &str| {
            location_url(&base(scheme), "a.rpm", Some(xml_base), &hosts).is_ok()
        };
        for (scheme, xml_base, expected) in [
            ("http", "http://other.example/x/", true),
            ("http", "https://OTHER.example/x/", true),
            ("https", "https://other.example", true),
            ("https", "http://other.example/x/", false),
            ("https", "https://other.example:8443/x/", false),
            ("https", "https://user@other.example/x/", false),
            ("https", "https://example/x/", false),
            ("https", "ftp://other.example/x/", false),
        ] {
            assert_eq!(
                is_accepted(scheme, xml_base),
                expected,
                "{scheme} {xml_base}"
            );
        }
        let url = "https://other.example/x/a.rpm".parse().expect("a URL");
        let text = "name = \"x\"\nbase = [\"https://h/os\"]\narchitectures = [\"x86_64\"]\n";
        let source =
            |text: &str| sqern_model::Source::RpmMd(toml::from_str(text).expect("a source"));
        assert!(!crate::belongs_to(&source(text), None, &url));
        let named = format!("{text}package-hosts = [\"other.example\"]\n");
        assert!(crate::belongs_to(&source(&named), None, &url));
        let local = source(&text.replace("https://h/os", "file:///srv/repo"));
        for (path, expected) in [("x/a.rpm", true), ("..%2Fother/a.rpm", false)] {
            let url = format!("file:///srv/repo/{path}").parse().expect("a URL");
            assert_eq!(crate::belongs_to(&local, None, &url), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn urls_are_on_the_same_host_without_user(
            href in "([a-z@:?#]|/|\\.\\.|%2[ef]|%|\\\\){0,6}", xml_base in proptest::option::of("(https?:)?(//)?([a-z@:]|h/|/|\\.\\.|\\?){0,6}"),
        ) {
            if let Some(url) = classified_url(&href, xml_base.as_deref()) {
                prop_assert!(url.starts_with("https://h/"), "{}", url);
            }
        }
    }
}
