//! The command that installs missing tools.

use std::collections::BTreeSet;

use super::{Installer, Requirement, Tool};

/// The packages of tools whose names differ: tool, package of Debian, package of Fedora and
/// Enterprise Linux.
const PACKAGES: [(&str, &str, &str); 9] = [
    ("ld", "binutils", "binutils"),
    ("ld.lld", "lld", "lld"),
    ("pahole", "pahole", "dwarves"),
    ("libelf.so.1", "libelf1", "elfutils-libelf"),
    ("libdw.so.1", "libdw1", "elfutils-libs"),
    ("libz.so.1", "zlib1g", "zlib"),
    ("libcrypto.so.3", "libssl3", "openssl-libs"),
    ("libcrypto.so.1.1", "libssl1.1", "compat-openssl11"),
    ("libcrypto.so.10", "libssl1.0.2", "compat-openssl10"),
];

/// Returns the command that installs missing tools, or `None` if a package is unknown or the list
/// is empty.
///
/// `depends` are the names in the dependencies of the packages of the tree. They determine the name
/// of a renamed library (`libelf1t64`).
#[must_use]
pub fn install_command(
    missing: &[Requirement],
    depends: &BTreeSet<String>,
    installer: Option<Installer>,
) -> Option<String> {
    let installer = installer?;
    let packages: Option<BTreeSet<&str>> = missing
        .iter()
        .map(|requirement| package(&requirement.tool, depends, installer))
        .collect();
    let packages: Vec<&str> = packages?.into_iter().collect();
    let command = match installer {
        Installer::Apt => "apt-get install",
        Installer::Dnf => "dnf install",
    };
    (!packages.is_empty()).then(|| format!("{command} {}", packages.join(" ")))
}

fn package<'a>(
    tool: &'a Tool,
    depends: &'a BTreeSet<String>,
    installer: Installer,
) -> Option<&'a str> {
    let (Tool::Program(name) | Tool::Library(name)) = tool;
    let known =
        PACKAGES
            .iter()
            .find(|(tool, ..)| tool == name)
            .map(|(_, deb, rpm)| match installer {
                Installer::Apt => *deb,
                Installer::Dnf => *rpm,
            });
    match (tool, known) {
        (Tool::Library(_), Some(known)) => Some(
            depends
                .iter()
                .find(|name| name.starts_with(known))
                .map_or(known, String::as_str),
        ),
        (Tool::Program(_), known) => Some(known.unwrap_or(name)),
        (Tool::Library(_), None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Purpose, program};
    use super::*;

    #[test]
    fn one_command_installs_all_missing_tools() {
        let need = |purpose, tool| Requirement { purpose, tool };
        let missing = [
            need(Purpose::Compile, program("gcc-13")),
            need(Purpose::Compile, Tool::Library("libelf.so.1".into())),
            need(Purpose::Btf, program("pahole")),
        ];
        let depends = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        for (installer, names, expected) in [
            (
                Some(Installer::Apt),
                depends(&[]),
                Some("apt-get install gcc-13 libelf1 pahole"),
            ),
            (
                Some(Installer::Apt),
                depends(&["libelf1t64", "libc6"]),
                Some("apt-get install gcc-13 libelf1t64 pahole"),
            ),
            (
                Some(Installer::Dnf),
                depends(&["libelf1"]),
                Some("dnf install dwarves elfutils-libelf gcc-13"),
            ),
            (None, depends(&[]), None),
        ] {
            assert_eq!(
                install_command(&missing, &names, installer).as_deref(),
                expected
            );
        }
        assert_eq!(
            install_command(&[], &depends(&[]), Some(Installer::Apt)),
            None
        );
        let unknown = [need(Purpose::Compile, Tool::Library("libodd.so.7".into()))];
        assert_eq!(
            install_command(&unknown, &depends(&[]), Some(Installer::Apt)),
            None
        );
    }
}
