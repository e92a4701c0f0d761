//! Chooses the packages of a kernel's tree among those that the sources list.

use std::collections::BTreeMap;

use sqern_db::fetch::FetchCandidate;
use sqern_model::{Kernel, KernelPackage, PackageRole};
use sqern_upstream::VersionOrder;

/// The packages of one kernel's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The kernel.
    pub kernel: Kernel,
    /// The number of customer hosts that run the kernel.
    pub hosts_running: i64,
    /// The architecture, as named by the packages.
    pub architecture: String,
    /// The packages: headers first, then their dependencies.
    pub packages: Vec<Chosen>,
}

/// One package and its sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// The package, as the first source lists it.
    pub package: KernelPackage,
    /// Each source that lists it, with the URL there.
    pub places: Vec<(String, String)>,
}

impl Plan {
    /// The bytes of all packages.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.packages.iter().map(|chosen| chosen.package.size_bytes).sum()
    }
}

/// Returns the plan for another program that fetches: no packages, because that program chooses them.
#[must_use]
pub fn without_packages(wanted: &FetchCandidate, machine: &str) -> Plan {
    Plan {
        kernel: wanted.kernel.clone(),
        hosts_running: wanted.hosts_running,
        architecture: machine.to_owned(),
        packages: Vec::new(),
    }
}

/// Chooses for a machine's architecture (`x86_64`, `aarch64`: what `uname -m` prints): of each package the highest version.
///
/// # Errors
///
/// Returns a message if no headers package is for that architecture.
pub fn plan(wanted: &FetchCandidate, machine: &str) -> Result<Plan, String> {
    let is_for = |package: &KernelPackage| package.architecture == machine || package.architecture == debian_name(machine);
    let headers = || wanted.packages.iter().filter(|(_, package)| package.role == PackageRole::Headers);
    let Some((_, first)) = headers().find(|(_, package)| is_for(package) || is_for_all(package)) else {
        let mut others: Vec<&str> = headers().map(|(_, package)| package.architecture.as_str()).collect();
        others.sort_unstable();
        others.dedup();
        if others.is_empty() {
            return Err("the sources list no headers package".to_owned());
        }
        return Err(format!("the sources list no headers package for {machine}, only for {}", others.join(", ")));
    };
    let mut best: BTreeMap<(PackageRole, &str), Vec<&(String, KernelPackage)>> = BTreeMap::new();
    for entry in wanted.packages.iter().filter(|(_, package)| is_for(package) || is_for_all(package)) {
        let kept = best.entry((entry.1.role, entry.1.name.as_str())).or_default();
        match kept.first().map(|(_, other)| order(&entry.1).compare(&entry.1.version, &other.version)) {
            Some(std::cmp::Ordering::Less) => {}
            Some(std::cmp::Ordering::Greater) => *kept = vec![entry],
            // The same file in another source. Of two different files with the same version, the first is used.
            Some(std::cmp::Ordering::Equal) if kept[0].1.checksum != entry.1.checksum => {}
            _ => kept.push(entry),
        }
    }
    let chosen = |entries: Vec<&(String, KernelPackage)>| Chosen {
        package: entries[0].1.clone(),
        places: entries.iter().map(|(source, package)| (source.clone(), package.url.clone())).collect(),
    };
    Ok(Plan {
        kernel: wanted.kernel.clone(),
        hosts_running: wanted.hosts_running,
        architecture: if is_for_all(first) { machine.to_owned() } else { first.architecture.clone() },
        packages: best.into_values().map(chosen).collect(),
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

/// Returns the order of versions: that of rpm for rpm files, else that of dpkg.
fn order(package: &KernelPackage) -> VersionOrder {
    let is_rpm = std::path::Path::new(&package.url).extension().is_some_and(|suffix| suffix == "rpm");
    if is_rpm { VersionOrder::Rpm } else { VersionOrder::Deb }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(role: PackageRole, name: &str, version: &str, architecture: &str) -> KernelPackage {
        KernelPackage {
            kernel: "6.1.0-25-amd64".parse().expect("a version"),
            role,
            name: name.into(),
            version: version.into(),
            architecture: architecture.into(),
            url: format!("https://mirror.example/{name}_{version}.deb"),
            size_bytes: 10,
            checksum: format!("{name}{version}{architecture}"),
        }
    }

    fn wanted(packages: &[(&str, KernelPackage)]) -> FetchCandidate {
        FetchCandidate {
            kernel: Kernel { distro: "d".parse().expect("a name"), version: "6.1.0-25-amd64".parse().expect("a version") },
            hosts_running: 0,
            hosts_installed: 0,
            packages: packages.iter().map(|(source, package)| ((*source).to_owned(), package.clone())).collect(),
        }
    }

    #[test]
    fn the_highest_version_of_each_package_is_taken_from_wherever_it_is() {
        let headers = |version: &str| package(PackageRole::Headers, "h", version, "amd64");
        let common = |version: &str| package(PackageRole::Support, "common", version, "all");
        let arm = package(PackageRole::Support, "kbuild", "9", "arm64");
        let plan = plan(
            &wanted(&[
                ("main", headers("6.1.9-1")),
                ("security", headers("6.1.10-1")),
                ("updates", headers("6.1.10-1")),
                ("main", common("6.1.9-1")),
                ("security", common("6.1.10-1")),
                ("main", arm),
            ]),
            "x86_64",
        )
        .expect("a plan");
        let shown: Vec<String> = plan
            .packages
            .iter()
            .map(|chosen| {
                let places: Vec<&str> = chosen.places.iter().map(|(source, _)| source.as_str()).collect();
                format!("{} {} {}", chosen.package.name, chosen.package.version, places.join("+"))
            })
            .collect();
        assert_eq!(shown, ["h 6.1.10-1 security+updates", "common 6.1.10-1 security"]);
        assert_eq!((plan.architecture.as_str(), plan.bytes()), ("amd64", 20));
    }

    #[test]
    fn a_kernel_of_another_architecture_is_reported() {
        let arm = package(PackageRole::Headers, "h", "1", "arm64");
        assert_eq!(
            plan(&wanted(&[("main", arm)]), "x86_64").unwrap_err(),
            "the sources list no headers package for x86_64, only for arm64"
        );
        assert_eq!(plan(&wanted(&[]), "x86_64").unwrap_err(), "the sources list no headers package");
    }
}
