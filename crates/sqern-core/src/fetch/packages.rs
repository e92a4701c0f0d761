//! The choice of packages among those that the sources list.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use sqern_db::fetch::{FetchCandidate, Provenance};
use sqern_model::upstream::ListedPackage;
use sqern_model::{Kernel, KernelPackage, PackageRole};
use sqern_upstream::VersionOrder;

use super::FetchError;

/// The packages of one kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelPlan {
    /// The kernel.
    pub kernel: Kernel,
    /// The architecture, as named by the packages.
    pub architecture: String,
    /// The packages: headers first, then their dependencies. Empty if a command downloads the
    /// headers.
    pub packages: Vec<PlannedPackage>,
}

/// A package and its locations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPackage {
    /// The package, as the first source lists it.
    pub package: KernelPackage,
    /// The locations, in the order of the attempts.
    pub locations: Vec<PackageLocation>,
}

/// The location of a package in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageLocation {
    /// The name of the source.
    pub source: String,
    /// The recorded URL, or `apt:NAME=VERSION` for a package of apt lists.
    pub url: String,
    /// The signer of the metadata that last listed the package; see [`ListedPackage::verified_by`].
    pub verified_by: Option<String>,
    /// The root metadata of the source at its last complete crawl; `None` if there was none.
    pub provenance: Option<Provenance>,
}

impl PlannedPackage {
    /// Returns the first location that verified metadata listed. The checksum of the package is then
    /// that of a verified index, from any location.
    #[must_use]
    pub fn verified_location(&self) -> Option<&PackageLocation> {
        self.locations
            .iter()
            .find(|location| location.verified_by.is_some())
    }
}

impl KernelPlan {
    /// Returns the plan for a command that downloads the headers.
    pub(super) fn without_packages(candidate: &FetchCandidate, machine: &str) -> Self {
        Self {
            kernel: candidate.kernel.clone(),
            architecture: machine.to_owned(),
            packages: Vec::new(),
        }
    }

    /// Returns the size of all packages in bytes.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.packages
            .iter()
            .map(|planned| planned.package.size_bytes)
            .sum()
    }
}

/// The root metadata of the sources of a distribution, by the name of the source.
pub(super) type ProvenanceBySource = BTreeMap<String, Provenance>;

/// Chooses the highest version of each package for an architecture, as printed by `uname -m`. If
/// verified metadata lists a package, other metadata that lists it is ignored: a mirror without a
/// signature must not replace packages of signed sources.
///
/// # Errors
///
/// Returns [`FetchError::NoHeadersPackage`] if no headers package is for that architecture.
pub(super) fn choose(
    candidate: &FetchCandidate,
    machine: &str,
    provenance: &ProvenanceBySource,
) -> Result<KernelPlan, FetchError> {
    let is_for = |package: &KernelPackage| {
        package.architecture == machine
            || package.architecture == debian_name(machine)
            || is_for_all(package)
    };
    let headers = || {
        candidate
            .packages
            .iter()
            .map(|listed| &listed.package)
            .filter(|package| package.role == PackageRole::Headers)
    };
    let Some(first) = headers().find(|package| is_for(package)) else {
        let mut architectures: Vec<String> = headers()
            .map(|package| package.architecture.clone())
            .collect();
        architectures.sort_unstable();
        architectures.dedup();
        return Err(FetchError::NoHeadersPackage {
            machine: machine.to_owned(),
            architectures,
        });
    };
    let key = |listed: &ListedPackage| (listed.package.role, listed.package.name.clone());
    let entries = || {
        let packages = candidate.packages.iter();
        packages.filter(|listed| is_for(&listed.package))
    };
    let verified: BTreeSet<_> = entries()
        .filter(|listed| listed.verified_by.is_some())
        .map(key)
        .collect();
    let mut best: BTreeMap<(PackageRole, &str), Vec<&ListedPackage>> = BTreeMap::new();
    for entry in
        entries().filter(|listed| listed.verified_by.is_some() || !verified.contains(&key(listed)))
    {
        let entries = best
            .entry((entry.package.role, entry.package.name.as_str()))
            .or_default();
        match entries
            .first()
            .map(|other| compare_versions(&entry.package, &other.package))
        {
            Some(Ordering::Less) => {}
            Some(Ordering::Greater) => *entries = vec![entry],
            // The same file in another source. Of two different files with the same version, the
            // first is used.
            Some(Ordering::Equal) if entries[0].package.checksum != entry.package.checksum => {}
            _ => entries.push(entry),
        }
    }
    let location = |listed: &ListedPackage| PackageLocation {
        source: listed.source.clone(),
        url: listed.package.url.clone(),
        verified_by: listed.verified_by.clone(),
        provenance: provenance.get(&listed.source).cloned(),
    };
    let planned = |entries: Vec<&ListedPackage>| PlannedPackage {
        package: entries[0].package.clone(),
        locations: entries.into_iter().map(location).collect(),
    };
    Ok(KernelPlan {
        kernel: candidate.kernel.clone(),
        architecture: if is_for_all(first) {
            machine.to_owned()
        } else {
            first.architecture.clone()
        },
        packages: best.into_values().map(planned).collect(),
    })
}

/// Returns Debian's name of an architecture.
fn debian_name(machine: &str) -> &str {
    match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn is_for_all(package: &KernelPackage) -> bool {
    matches!(package.architecture.as_str(), "all" | "noarch")
}

/// Returns whether a package is an rpm file, else it is a Debian package.
pub(super) fn is_rpm(package: &KernelPackage) -> bool {
    std::path::Path::new(&package.url)
        .extension()
        .is_some_and(|suffix| suffix == "rpm")
}

/// Compares the versions of two packages with the same name, by the rules of their format.
fn compare_versions(package: &KernelPackage, other: &KernelPackage) -> Ordering {
    let order = if is_rpm(package) {
        VersionOrder::Rpm
    } else {
        VersionOrder::Deb
    };
    order.compare(&package.version, &other.version)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sqern_model::Package;

    use super::*;

    fn package(role: PackageRole, name: &str, version: &str, architecture: &str) -> KernelPackage {
        KernelPackage {
            kernel: "6.1.0-25-amd64".parse().expect("a version"),
            role,
            package: Arc::new(Package {
                name: name.into(),
                version: version.into(),
                architecture: architecture.into(),
                url: format!("https://mirror.example/{name}_{version}.deb"),
                size_bytes: 10,
                checksum: format!("{name}{version}{architecture}"),
            }),
        }
    }

    fn candidate(packages: &[(&str, KernelPackage)]) -> FetchCandidate {
        FetchCandidate {
            kernel: Kernel {
                distro: "d".parse().expect("a name"),
                version: "6.1.0-25-amd64".parse().expect("a version"),
            },
            hosts_running: 0,
            hosts_installed: 0,
            is_republished: false,
            packages: packages
                .iter()
                .map(|(source, package)| ListedPackage {
                    source: (*source).to_owned(),
                    package: package.clone(),
                    verified_by: None,
                })
                .collect(),
        }
    }

    #[test]
    fn the_highest_version_of_each_package_is_chosen_from_any_source() {
        let headers = |version: &str| package(PackageRole::Headers, "h", version, "amd64");
        let common = |version: &str| package(PackageRole::Support, "common", version, "all");
        let arm = package(PackageRole::Support, "kbuild", "9", "arm64");
        let plan = choose(
            &candidate(&[
                ("main", headers("6.1.9-1")),
                ("security", headers("6.1.10-1")),
                ("updates", headers("6.1.10-1")),
                ("main", common("6.1.9-1")),
                ("security", common("6.1.10-1")),
                ("main", arm),
            ]),
            "x86_64",
            &BTreeMap::new(),
        )
        .expect("a plan");
        let shown: Vec<String> = plan
            .packages
            .iter()
            .map(|PlannedPackage { package, locations }| {
                let sources: Vec<&str> = locations
                    .iter()
                    .map(|location| location.source.as_str())
                    .collect();
                format!("{} {} {}", package.name, package.version, sources.join("+"))
            })
            .collect();
        assert_eq!(
            shown,
            ["h 6.1.10-1 security+updates", "common 6.1.10-1 security"]
        );
        assert_eq!(
            (plan.architecture.as_str(), plan.size_bytes()),
            ("amd64", 20)
        );
    }

    #[test]
    fn packages_of_verified_metadata_are_preferred() {
        let headers = |version: &str| package(PackageRole::Headers, "h", version, "amd64");
        let support = package(PackageRole::Support, "k", "1", "amd64");
        let mut candidate = candidate(&[
            ("unsigned", headers("6.1.10-1")),
            ("signed", headers("6.1.9-1")),
            ("unsigned", support),
        ]);
        candidate.packages[1].verified_by = Some("apt".into());
        let plan = choose(&candidate, "x86_64", &BTreeMap::new()).expect("a plan");
        let chosen: Vec<_> = plan
            .packages
            .iter()
            .map(|planned| (&*planned.package.version, &*planned.locations[0].source))
            .collect();
        assert_eq!(chosen, [("6.1.9-1", "signed"), ("1", "unsigned")]);
    }

    #[test]
    fn a_kernel_of_another_architecture_is_reported() {
        let arm = package(PackageRole::Headers, "h", "1", "arm64");
        let error = choose(&candidate(&[("main", arm)]), "x86_64", &BTreeMap::new())
            .expect_err("no headers package");
        assert_eq!(
            error.to_string(),
            "the sources list no headers package for x86_64, only for arm64"
        );
        let error =
            choose(&candidate(&[]), "x86_64", &BTreeMap::new()).expect_err("no headers package");
        assert_eq!(error.to_string(), "the sources list no headers package");
    }
}
