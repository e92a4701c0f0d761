//! The built-in rules: which package names are a kernel's headers, and of which kernel, as `uname -r` prints it.

use sqern_model::{DistroName, PackageFacts};
use sqern_upstream::sources::builtin;

/// Distribution, package name, and the kernel version; none for what is no kernel.
const NAMES: &[(&str, &str, Option<&str>)] = &[
    ("debian10", "linux-headers-4.19.0-27-amd64", Some("4.19.0-27-amd64")),
    ("debian10", "linux-headers-4.19.0-27-all-amd64", None),
    ("debian12", "linux-headers-6.1.0-25-amd64", Some("6.1.0-25-amd64")),
    ("debian12", "linux-headers-6.1.0-25-rt-amd64", Some("6.1.0-25-rt-amd64")),
    ("debian12", "linux-headers-6.1.0-25-cloud-amd64", Some("6.1.0-25-cloud-amd64")),
    ("debian12", "linux-headers-6.12.9+bpo-amd64", Some("6.12.9+bpo-amd64")),
    ("debian12", "linux-headers-6.1.0-25-common", None),
    ("debian12", "linux-headers-6.1.0-25-common-rt", None),
    ("debian12", "linux-headers-amd64", None),
    ("debian12", "linux-headers-cloud-amd64", None),
    ("debian12", "linux-headers-6.1-amd64", None),
    ("debian12", "linux-image-6.1.0-25-amd64-dbg", None),
    ("debian12", "linux-image-6.1.0-25-amd64", None),
    ("debian13", "linux-headers-6.12.43+deb13-amd64", Some("6.12.43+deb13-amd64")),
    ("ubuntu-22.04", "linux-headers-5.15.0-25-generic", Some("5.15.0-25-generic")),
    ("ubuntu-22.04", "linux-headers-6.8.0-40-generic", Some("6.8.0-40-generic")),
    ("ubuntu-22.04", "linux-headers-5.15.0-1004-aws", Some("5.15.0-1004-aws")),
    ("ubuntu-22.04", "linux-headers-5.15.0-1004-azure", Some("5.15.0-1004-azure")),
    ("ubuntu-22.04", "linux-headers-5.15.0-25-lowlatency-64k", Some("5.15.0-25-lowlatency-64k")),
    ("ubuntu-22.04", "linux-headers-5.15.0-25", None),
    ("ubuntu-22.04", "linux-hwe-6.8-headers-6.8.0-40", None),
    ("ubuntu-22.04", "linux-aws-headers-5.15.0-1004", None),
    ("ubuntu-22.04", "linux-headers-generic", None),
    ("ubuntu-22.04", "linux-headers-generic-hwe-22.04", None),
    ("ubuntu-24.04", "linux-headers-generic-6.8", None),
    ("proxmox8", "proxmox-headers-6.8.12-1-pve", Some("6.8.12-1-pve")),
    ("proxmox8", "pve-headers-6.2.16-3-pve", Some("6.2.16-3-pve")),
    ("proxmox8", "proxmox-headers-6.8", None),
    ("proxmox8", "proxmox-default-headers", None),
    ("proxmox8", "pve-headers", None),
    ("proxmox9", "proxmox-headers-6.14.8-2-pve", Some("6.14.8-2-pve")),
];

#[test]
fn headers_packages_tell_their_kernel_and_meta_common_and_debug_packages_tell_none() {
    let sources = builtin().expect("the built-in sources are right");
    for (distro, package, expected) in NAMES {
        let def = sources.get(&DistroName::new(*distro).expect("a name")).expect(distro);
        let kernel = def.kernel_of(&PackageFacts::named(package)).map(|(kernel, _)| kernel.to_string());
        assert_eq!(kernel.as_deref(), *expected, "{distro} {package}");
    }
}

/// Distribution, package name, version, release, and the kernel version; none for what is no kernel.
const RPMS: &[(&str, &str, &str, &str, Option<&str>)] = &[
    ("alma8", "kernel-devel", "4.18.0", "553.el8_10", Some("4.18.0-553.el8_10.x86_64")),
    ("alma8", "kernel-debug-devel", "4.18.0", "553.el8_10", None),
    ("rocky9", "kernel-devel-matched", "5.14.0", "503.el9_5", None),
    ("centos7", "kernel-devel", "3.10.0", "1160.el7", Some("3.10.0-1160.el7.x86_64")),
    ("oracle8", "kernel-uek-devel", "5.15.0", "1.43.4.el8uek", Some("5.15.0-1.43.4.el8uek.x86_64")),
    ("oracle8", "kernel-uek-debug-devel", "5.15.0", "1.43.4.el8uek", None),
    ("rhel9", "kernel-devel", "5.14.0", "503.el9_5", Some("5.14.0-503.el9_5.x86_64")),
    ("amazon2", "kernel-devel", "4.14.355", "275.570.amzn2", Some("4.14.355-275.570.amzn2.x86_64")),
    ("amazon2023", "kernel6.12-devel", "6.12.22", "27.96.amzn2023", Some("6.12.22-27.96.amzn2023.x86_64")),
    ("fedora42", "kernel-devel", "6.14.2", "300.fc42", Some("6.14.2-300.fc42.x86_64")),
    ("leap15.6", "kernel-default-devel", "6.4.0", "150600.23.25.1", Some("6.4.0-150600.23.25-default")),
    ("leap15.6", "kernel-devel", "6.4.0", "150600.23.25.1", None),
    ("leap15.6", "kernel-debug-devel", "6.4.0", "150600.23.25.1", None),
    ("tumbleweed", "kernel-default-devel", "6.9.7", "1.1", Some("6.9.7-1-default")),
    ("tumbleweed", "kernel-longterm-devel", "6.6.30", "2.3", Some("6.6.30-2-longterm")),
    ("photon5", "linux-devel", "6.1.10", "11.ph5", Some("6.1.10-11.ph5")),
    ("photon5", "linux-esx-devel", "6.1.10", "11.ph5", Some("6.1.10-11.ph5-esx")),
    ("photon5", "linux-api-headers", "6.1.10", "1.ph5", None),
];

#[test]
fn devel_packages_tell_their_kernel_by_version_and_release() {
    let sources = builtin().expect("the built-in sources are right");
    for (distro, name, version, release, expected) in RPMS {
        let def = sources.get(&DistroName::new(*distro).expect("a name")).expect(distro);
        let package = PackageFacts { version, release, architecture: "x86_64", ..PackageFacts::named(name) };
        let kernel = def.kernel_of(&package).map(|(kernel, _)| kernel.to_string());
        assert_eq!(kernel.as_deref(), *expected, "{distro} {name} {version}-{release}");
    }
}
