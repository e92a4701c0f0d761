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
