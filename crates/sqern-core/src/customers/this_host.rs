//! The report of this host.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use serde::Serialize;
use sqern_model::{
    ClusterName, DistroName, HostName, InvalidName, KernelVersion, ReportedHost, TypeWord,
    VersionRule,
};

use super::csv::HEADER;
use crate::Error;
use crate::owner::host_name;

/// The directory of the modules of installed kernels (kernel-install(8), depmod(8)).
pub const MODULES_DIR: &str = "/lib/modules";

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The clusters.
    pub clusters: Vec<ReportedCluster>,
}

/// A cluster of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportedCluster {
    /// The name.
    pub name: ClusterName,
    /// The name or number of the type.
    #[serde(rename = "type")]
    pub cltype: TypeWord,
    /// The hosts.
    pub hosts: Vec<ReportedHost>,
}

impl ReportedCluster {
    /// Returns the cluster as a report in CSV, with a header line.
    ///
    /// # Errors
    ///
    /// Returns an error if a host contains a kernel twice.
    pub fn to_csv(&self) -> Result<String, Error> {
        self.write_csv()
            .map_err(Error::io("could not write the report of this host"))
    }

    fn write_csv(&self) -> io::Result<String> {
        let mut writer = csv::Writer::from_writer(vec![]);
        writer.write_record(HEADER).map_err(io::Error::other)?;
        for host in &self.hosts {
            let kernels = host
                .kernels()
                .map_err(|error| io::Error::other(error.to_string()))?;
            for (version, current) in kernels {
                let record = [
                    self.name.as_str(),
                    &self.cltype.0,
                    host.name.as_str(),
                    host.distro.as_str(),
                    version.as_str(),
                    if current { "true" } else { "false" },
                ];
                writer.write_record(record).map_err(io::Error::other)?;
            }
        }
        let bytes = writer
            .into_inner()
            .map_err(|error| io::Error::other(error.to_string()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Returns this host: the name and the running kernel of uname(2), and the installed kernels with
/// modules in `modules`.
///
/// # Errors
///
/// Returns an error if `modules` cannot be read, or if the host name or the release of the kernel
/// is invalid.
pub fn this_host(distro: DistroName, modules: &Path) -> Result<ReportedHost, Error> {
    let uname_error = Error::io("could not use the names of uname");
    let invalid = |error: InvalidName| io::Error::other(error.to_string());
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let names =
        HostName::new(host_name()).and_then(|name| Ok((name, KernelVersion::new(release)?)));
    let (name, running) = names.map_err(invalid).map_err(uname_error)?;
    let directory_error = Error::io(format!("could not read directory {}", modules.display()));
    let mut installed: Vec<KernelVersion> = installed(modules)
        .map_err(directory_error)?
        .into_iter()
        .collect();
    let rule = VersionRule::of(&distro);
    installed.sort_by(|a, b| rule.cmp(b, a));
    Ok(ReportedHost {
        name,
        distro,
        running: Some(running),
        installed,
    })
}

/// Returns the kernels with modules, or with a list of built-in modules. A removed kernel can leave
/// a directory with modules of other packages or links to headers.
fn installed(modules: &Path) -> io::Result<BTreeSet<KernelVersion>> {
    let entries = match std::fs::read_dir(modules) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries?,
    };
    let mut found = BTreeSet::new();
    for entry in entries {
        let directory = entry?.path();
        if directory.join("kernel").is_dir() || directory.join("modules.builtin").is_file() {
            let name = directory
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| KernelVersion::new(name).ok());
            found.extend(name);
        }
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_identified_by_their_modules() {
        let modules = tempfile::tempdir().unwrap();
        for directory in [
            "6.1.0-9-amd64/kernel",
            "6.1.0-25-amd64/kernel",
            "6.1.0-1-amd64/updates/dkms",
            "6.1.0-2-amd64/build",
        ] {
            std::fs::create_dir_all(modules.path().join(directory)).unwrap();
        }
        std::fs::create_dir(modules.path().join("6.1.0-3-cloud-amd64")).unwrap();
        std::fs::write(
            modules.path().join("6.1.0-3-cloud-amd64/modules.builtin"),
            "",
        )
        .unwrap();
        let host = this_host(DistroName::new("debian12").unwrap(), modules.path()).unwrap();
        let installed: Vec<&str> = host.installed.iter().map(KernelVersion::as_str).collect();
        assert_eq!(
            installed,
            ["6.1.0-25-amd64", "6.1.0-9-amd64", "6.1.0-3-cloud-amd64"]
        );
    }

    #[test]
    fn a_host_without_modules_has_its_running_kernel() {
        let parent = tempfile::tempdir().unwrap();
        let host = this_host(
            DistroName::new("debian12").unwrap(),
            &parent.path().join("modules"),
        )
        .unwrap();
        assert!(host.installed.is_empty() && host.running.is_some());
    }
}
