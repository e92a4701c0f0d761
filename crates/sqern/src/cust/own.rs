//! The report about this host, for `sqern cust report`.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use serde::Serialize;
use sqern_model::{ClusterName, DistroName, HostName, InvalidName, KernelVersion, ReportedHost, TypeWord, VersionRule};

/// Where the modules of installed kernels are (kernel-install(8), depmod(8)).
pub const MODULES: &str = "/lib/modules";

/// A report for `sqern cust load`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The clusters: here always one.
    pub clusters: Vec<ReportedCluster>,
}

/// A cluster as a report has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportedCluster {
    /// Its name.
    pub name: ClusterName,
    /// Its type.
    #[serde(rename = "type")]
    pub cltype: TypeWord,
    /// Its hosts.
    pub hosts: Vec<ReportedHost>,
}

/// This host, of this distribution: its name and the kernel that it runs by uname(2), the installed ones by their modules.
pub fn host(distro: DistroName, modules: &Path) -> io::Result<ReportedHost> {
    let uname = rustix::system::uname();
    let invalid = |error: InvalidName| io::Error::other(error.to_string());
    let name = HostName::new(uname.nodename().to_string_lossy()).map_err(invalid)?;
    let running = KernelVersion::new(uname.release().to_string_lossy()).map_err(invalid)?;
    let rule = VersionRule::of(&distro);
    let mut installed: Vec<KernelVersion> = installed(modules)?.into_iter().collect();
    installed.sort_by(|a, b| rule.cmp(b, a));
    Ok(ReportedHost { name, distro, running: Some(running), installed })
}

/// The kernels below a folder of modules. What a removed kernel left behind (modules of others, links to headers) is none: an installed one
/// brought its own modules, or a list of those that are built in.
fn installed(modules: &Path) -> io::Result<BTreeSet<KernelVersion>> {
    let entries = match std::fs::read_dir(modules) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        other => other?,
    };
    let mut found = BTreeSet::new();
    for entry in entries {
        let folder = entry?.path();
        if folder.join("kernel").is_dir() || folder.join("modules.builtin").is_file() {
            let name = folder.file_name().and_then(|name| name.to_str()).and_then(|name| KernelVersion::new(name).ok());
            found.extend(name);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_known_by_their_modules_and_not_by_what_was_left_behind() {
        let modules = tempfile::tempdir().unwrap();
        for folder in ["6.1.0-9-amd64/kernel", "6.1.0-25-amd64/kernel", "6.1.0-1-amd64/updates/dkms", "6.1.0-2-amd64/build"] {
            std::fs::create_dir_all(modules.path().join(folder)).unwrap();
        }
        std::fs::create_dir(modules.path().join("6.1.0-3-cloud-amd64")).unwrap();
        std::fs::write(modules.path().join("6.1.0-3-cloud-amd64/modules.builtin"), "").unwrap();
        let host = host(DistroName::new("debian12").unwrap(), modules.path()).unwrap();
        let installed: Vec<&str> = host.installed.iter().map(KernelVersion::as_str).collect();
        assert_eq!(installed, ["6.1.0-25-amd64", "6.1.0-9-amd64", "6.1.0-3-cloud-amd64"]);
    }

    #[test]
    fn a_host_without_a_folder_of_modules_has_the_kernel_that_it_runs() {
        let nowhere = tempfile::tempdir().unwrap();
        let host = host(DistroName::new("debian12").unwrap(), &nowhere.path().join("modules")).unwrap();
        assert!(host.installed.is_empty() && host.running.is_some());
    }
}
