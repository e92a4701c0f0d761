//! Tests of the built-in distributions: header packages, their kernel versions as `uname -r` prints
//! them, and architectures.

use std::collections::{BTreeMap, BTreeSet};

use sqern_model::{DistroName, PackageFacts, Source};
use sqern_upstream::sources::builtin;

/// Distribution, package name, and kernel version; `None` for other packages.
#[rustfmt::skip]
const NAMES: &[(&str, &str, Option<&str>)] = &[
    ("debian10", "linux-headers-4.19.0-27-amd64", Some("4.19.0-27-amd64")),
    ("debian10", "linux-headers-4.19.0-27-all-amd64", None),
    ("debian10", "linux-headers-4.19.0-27-arm64", Some("4.19.0-27-arm64")),
    ("debian10", "linux-headers-4.19.0-27-rt-arm64", Some("4.19.0-27-rt-arm64")),
    ("debian10", "linux-headers-4.19.0-27-all-arm64", None),
    ("debian10", "linux-headers-4.19.0-27-all", None),
    ("debian11", "linux-headers-6.1.0-0.deb11.22-arm64", Some("6.1.0-0.deb11.22-arm64")),
    ("debian11", "linux-headers-5.10.0-32-armmp", None),
    ("debian12", "linux-headers-6.1.0-25-amd64", Some("6.1.0-25-amd64")),
    ("debian12", "linux-headers-6.1.0-25-rt-amd64", Some("6.1.0-25-rt-amd64")),
    ("debian12", "linux-headers-6.1.0-25-cloud-amd64", Some("6.1.0-25-cloud-amd64")),
    ("debian12", "linux-headers-6.12.9+bpo-amd64", Some("6.12.9+bpo-amd64")),
    ("debian12", "linux-headers-6.1.0-25-arm64", Some("6.1.0-25-arm64")),
    ("debian12", "linux-headers-6.1.0-25-rt-arm64", Some("6.1.0-25-rt-arm64")),
    ("debian12", "linux-headers-6.1.0-25-cloud-arm64", Some("6.1.0-25-cloud-arm64")),
    ("debian12", "linux-headers-arm64", None),
    ("debian12", "linux-headers-6.1-arm64", None),
    ("debian12", "linux-headers-6.1.0-25-common", None),
    ("debian12", "linux-headers-6.1.0-25-common-rt", None),
    ("debian12", "linux-headers-amd64", None),
    ("debian12", "linux-headers-cloud-amd64", None),
    ("debian12", "linux-headers-6.1-amd64", None),
    ("debian12", "linux-image-6.1.0-25-amd64-dbg", None),
    ("debian12", "linux-image-6.1.0-25-amd64", None),
    ("debian13", "linux-headers-6.12.43+deb13-amd64", Some("6.12.43+deb13-amd64")),
    ("debian13", "linux-headers-6.12.43+deb13-cloud-arm64", Some("6.12.43+deb13-cloud-arm64")),
    ("debian13", "linux-headers-6.12.43+deb13-arm64-16k", Some("6.12.43+deb13-arm64-16k")),
    ("debian13", "linux-headers-arm64-16k", None),
    ("debian13", "linux-headers-6.12.43+deb13-common", None),
    ("ubuntu-20.04", "linux-headers-5.4.0-216-generic", Some("5.4.0-216-generic")),
    ("ubuntu-18.04", "linux-headers-4.15.0-213", None),
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
    ("ubuntu-24.04", "linux-headers-6.8.0-40-generic-64k", Some("6.8.0-40-generic-64k")),
    ("ubuntu-24.04", "linux-headers-6.8.0-1013-raspi", Some("6.8.0-1013-raspi")),
    ("ubuntu-24.04", "linux-nvidia-6.8-headers-6.8.0-1015", None),
    ("ubuntu-26.04", "linux-headers-7.0.0-14-generic", Some("7.0.0-14-generic")),
    ("proxmox8", "proxmox-headers-6.8.12-1-pve", Some("6.8.12-1-pve")),
    ("proxmox8", "pve-headers-6.2.16-3-pve", Some("6.2.16-3-pve")),
    ("proxmox8", "proxmox-headers-6.8", None),
    ("proxmox8", "proxmox-default-headers", None),
    ("proxmox8", "pve-headers", None),
    ("proxmox9", "proxmox-headers-6.14.8-2-pve", Some("6.14.8-2-pve")),
];

#[test]
fn only_header_packages_identify_a_kernel() {
    let sources = builtin().expect("the built-in sources are right");
    for (distro, package, expected) in NAMES {
        let def = sources
            .get(&DistroName::new(*distro).expect("a name"))
            .expect(distro);
        let kernel = def
            .kernel_of(&PackageFacts::named(package))
            .expect("a valid version")
            .map(|(kernel, _)| kernel.to_string());
        assert_eq!(kernel.as_deref(), *expected, "{distro} {package}");
    }
}

const X86_64: &str = "x86_64";
const AARCH64: &str = "aarch64";

/// Distribution, package name, version, release, architecture, and kernel version; `None` for other
/// packages.
type RpmRow = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
);

const RPMS: &[RpmRow] = &[
    (
        "alma8",
        "kernel-devel",
        "4.18.0",
        "553.el8_10",
        X86_64,
        Some("4.18.0-553.el8_10.x86_64"),
    ),
    (
        "alma8",
        "kernel-devel",
        "4.18.0",
        "553.el8_10",
        AARCH64,
        Some("4.18.0-553.el8_10.aarch64"),
    ),
    (
        "alma8",
        "kernel-debug-devel",
        "4.18.0",
        "553.el8_10",
        X86_64,
        None,
    ),
    (
        "alma8",
        "kernel-rt-devel",
        "4.18.0",
        "553.rt7.342.el8_10",
        X86_64,
        None,
    ),
    (
        "alma9",
        "kernel-64k-devel",
        "5.14.0",
        "503.11.1.el9_5",
        AARCH64,
        Some("5.14.0-503.11.1.el9_5.aarch64+64k"),
    ),
    (
        "alma9",
        "kernel-64k-debug-devel",
        "5.14.0",
        "503.11.1.el9_5",
        AARCH64,
        None,
    ),
    (
        "alma9",
        "kernel-64k-devel-matched",
        "5.14.0",
        "503.11.1.el9_5",
        AARCH64,
        None,
    ),
    (
        "rocky9",
        "kernel-devel-matched",
        "5.14.0",
        "503.el9_5",
        X86_64,
        None,
    ),
    (
        "rocky10",
        "kernel-64k-devel",
        "6.12.0",
        "55.9.1.el10_0",
        AARCH64,
        Some("6.12.0-55.9.1.el10_0.aarch64+64k"),
    ),
    (
        "centos7",
        "kernel-devel",
        "3.10.0",
        "1160.el7",
        X86_64,
        Some("3.10.0-1160.el7.x86_64"),
    ),
    (
        "centos7",
        "kernel-devel",
        "4.14.0",
        "115.el7a.0.1",
        AARCH64,
        Some("4.14.0-115.el7a.0.1.aarch64"),
    ),
    (
        "centos9",
        "kernel-devel",
        "5.14.0",
        "503.el9",
        AARCH64,
        Some("5.14.0-503.el9.aarch64"),
    ),
    (
        "oracle8",
        "kernel-uek-devel",
        "5.15.0",
        "1.43.4.el8uek",
        X86_64,
        Some("5.15.0-1.43.4.el8uek.x86_64"),
    ),
    (
        "oracle8",
        "kernel-uek-devel",
        "5.15.0",
        "1.43.4.el8uek",
        AARCH64,
        Some("5.15.0-1.43.4.el8uek.aarch64"),
    ),
    (
        "oracle8",
        "kernel-uek-debug-devel",
        "5.15.0",
        "1.43.4.el8uek",
        X86_64,
        None,
    ),
    (
        "oracle9",
        "kernel-uek64k-devel",
        "5.15.0",
        "305.176.4.el9uek",
        AARCH64,
        Some("5.15.0-305.176.4.el9uek.aarch64.64k"),
    ),
    (
        "rhel9",
        "kernel-devel",
        "5.14.0",
        "503.el9_5",
        X86_64,
        Some("5.14.0-503.el9_5.x86_64"),
    ),
    (
        "rhel10",
        "kernel-64k-devel",
        "6.12.0",
        "55.9.1.el10_0",
        AARCH64,
        Some("6.12.0-55.9.1.el10_0.aarch64+64k"),
    ),
    (
        "amazon2",
        "kernel-devel",
        "4.14.355",
        "275.570.amzn2",
        X86_64,
        Some("4.14.355-275.570.amzn2.x86_64"),
    ),
    (
        "amazon2023",
        "kernel6.12-devel",
        "6.12.22",
        "27.96.amzn2023",
        AARCH64,
        Some("6.12.22-27.96.amzn2023.aarch64"),
    ),
    (
        "fedora42",
        "kernel-devel",
        "6.14.2",
        "300.fc42",
        X86_64,
        Some("6.14.2-300.fc42.x86_64"),
    ),
    (
        "fedora44",
        "kernel-devel",
        "6.19.10",
        "300.fc44",
        AARCH64,
        Some("6.19.10-300.fc44.aarch64"),
    ),
    (
        "leap15.6",
        "kernel-default-devel",
        "6.4.0",
        "150600.23.25.1",
        X86_64,
        Some("6.4.0-150600.23.25-default"),
    ),
    (
        "leap15.6",
        "kernel-64kb-devel",
        "6.4.0",
        "150600.23.25.1",
        AARCH64,
        Some("6.4.0-150600.23.25-64kb"),
    ),
    (
        "leap15.6",
        "kernel-devel",
        "6.4.0",
        "150600.23.25.1",
        X86_64,
        None,
    ),
    (
        "leap15.6",
        "kernel-debug-devel",
        "6.4.0",
        "150600.23.25.1",
        X86_64,
        None,
    ),
    (
        "leap16.0",
        "kernel-default-devel",
        "6.12.0",
        "160000.5.1",
        AARCH64,
        Some("6.12.0-160000.5-default"),
    ),
    (
        "tumbleweed",
        "kernel-default-devel",
        "6.9.7",
        "1.1",
        X86_64,
        Some("6.9.7-1-default"),
    ),
    (
        "tumbleweed",
        "kernel-longterm-devel",
        "6.6.30",
        "2.3",
        X86_64,
        Some("6.6.30-2-longterm"),
    ),
    (
        "tumbleweed",
        "kernel-source-vanilla",
        "6.9.7",
        "1.1",
        X86_64,
        None,
    ),
    (
        "photon4",
        "linux-secure-devel",
        "5.10.118",
        "3.ph4",
        X86_64,
        Some("5.10.118-3.ph4-secure"),
    ),
    (
        "photon5",
        "linux-devel",
        "6.1.10",
        "11.ph5",
        AARCH64,
        Some("6.1.10-11.ph5"),
    ),
    (
        "photon5",
        "linux-esx-devel",
        "6.1.10",
        "11.ph5",
        X86_64,
        Some("6.1.10-11.ph5-esx"),
    ),
    (
        "photon5",
        "linux-api-headers",
        "6.1.10",
        "1.ph5",
        X86_64,
        None,
    ),
];

#[test]
fn devel_packages_identify_their_kernel() {
    let sources = builtin().expect("the built-in sources are right");
    for (distro, name, version, release, architecture, expected) in RPMS {
        let def = sources
            .get(&DistroName::new(*distro).expect("a name"))
            .expect(distro);
        let package = PackageFacts {
            version,
            release,
            architecture,
            ..PackageFacts::named(name)
        };
        let kernel = def
            .kernel_of(&package)
            .expect("a valid version")
            .map(|(kernel, _)| kernel.to_string());
        assert_eq!(
            kernel.as_deref(),
            *expected,
            "{distro} {name} {version}-{release}.{architecture}"
        );
    }
}

#[test]
fn kernels_with_64_kib_pages_are_identified() {
    let sources = builtin().expect("the built-in sources are right");
    let provides = [(
        "kernel-devel-uname-r".to_owned(),
        "5.14.0-611.5.1.el9_7.aarch64+64k".to_owned(),
    )];
    for distro in [
        "alma9", "alma10", "centos9", "centos10", "oracle9", "oracle10", "rhel9", "rhel10",
        "rocky9", "rocky10",
    ] {
        let def = sources.get(&distro.parse().expect("a name")).expect(distro);
        let package = PackageFacts {
            provides: &provides,
            ..PackageFacts::named("kernel-64k-devel")
        };
        let kernel = def
            .kernel_of(&package)
            .expect("a valid version")
            .map(|(kernel, _)| kernel.to_string());
        assert_eq!(
            kernel.as_deref(),
            Some("5.14.0-611.5.1.el9_7.aarch64+64k"),
            "{distro}"
        );
    }
}

const DEB: &[&str] = &["amd64", "arm64"];
const RPM: &[&str] = &["aarch64", "x86_64"];

/// Distribution, the architectures of each suite or repository, and those that only exist for
/// Intel.
const ARCHITECTURES: &[(&str, &[&str], &[&str])] = &[
    ("alma10", RPM, &[]),
    ("alma8", RPM, &["8.3-baseos"]),
    ("alma9", RPM, &[]),
    ("amazon2", RPM, &["extras-kernel-ng"]),
    ("amazon2023", RPM, &[]),
    ("centos10", RPM, &[]),
    (
        "centos7",
        RPM,
        &[
            "7.0.1406-os",
            "7.0.1406-updates",
            "7.1.1503-os",
            "7.1.1503-updates",
            "7.2.1511-os",
            "7.2.1511-updates",
            "7.3.1611-os",
            "7.3.1611-updates",
        ],
    ),
    ("centos8", RPM, &[]),
    ("centos9", RPM, &[]),
    ("debian10", DEB, &[]),
    ("debian11", DEB, &[]),
    ("debian12", DEB, &[]),
    ("debian13", DEB, &[]),
    ("fedora42", RPM, &[]),
    ("fedora43", RPM, &[]),
    ("fedora44", RPM, &[]),
    ("leap15.6", RPM, &[]),
    ("leap16.0", RPM, &[]),
    ("oracle10", RPM, &[]),
    ("oracle7", RPM, &["ol7_UEKR3", "ol7_UEKR4"]),
    ("oracle8", RPM, &[]),
    ("oracle9", RPM, &[]),
    ("photon4", RPM, &[]),
    ("photon5", RPM, &[]),
    ("proxmox8", &["amd64"], &[]),
    ("proxmox9", &["amd64"], &[]),
    ("rhel10", RPM, &[]),
    ("rhel8", RPM, &[]),
    ("rhel9", RPM, &[]),
    ("rocky10", RPM, &[]),
    ("rocky8", RPM, &[]),
    ("rocky9", RPM, &[]),
    ("tumbleweed", RPM, &[]),
    ("ubuntu-18.04", DEB, &[]),
    ("ubuntu-20.04", DEB, &[]),
    ("ubuntu-22.04", DEB, &[]),
    ("ubuntu-24.04", DEB, &[]),
    ("ubuntu-26.04", DEB, &[]),
];

#[test]
fn all_architectures_of_each_repository_are_read() {
    let sources = builtin().expect("the built-in sources are right");
    let known: Vec<&str> = sources.distros.keys().map(DistroName::as_str).collect();
    let listed: Vec<&str> = ARCHITECTURES.iter().map(|(distro, ..)| *distro).collect();
    assert_eq!(
        known, listed,
        "the table lists all distributions, sorted by name"
    );
    for ((distro, expected, intel_alone), def) in ARCHITECTURES.iter().zip(sources.distros.values())
    {
        let mut read: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for source in &def.sources {
            let architectures = source.architectures().iter().map(String::as_str);
            read.entry(without_architecture(source.name()))
                .or_default()
                .extend(architectures);
        }
        for (name, architectures) in &read {
            let architectures: Vec<&str> = architectures.iter().copied().collect();
            let expected = if intel_alone.contains(name) {
                &["x86_64"]
            } else {
                *expected
            };
            assert_eq!(architectures, expected, "{distro} {name}");
        }
        for name in *intel_alone {
            assert!(
                read.contains_key(name),
                "{distro} {name} is no source any more"
            );
        }
    }
}

/// Returns the common name of the sources of a suite or repository.
fn without_architecture(name: &str) -> &str {
    let ends = ["-amd64", "-arm64", "-x86_64", "-aarch64"];
    ends.iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name)
}

#[test]
fn source_names_are_unique_and_closed_ones_never_stale() {
    for (distro, def) in builtin().expect("the built-in sources are right").distros {
        let names: BTreeSet<&str> = def.sources.iter().map(Source::name).collect();
        assert_eq!(
            names.len(),
            def.sources.len(),
            "{distro} has two sources of one name"
        );
        assert!(!names.is_empty(), "{distro} has a source");
        for source in &def.sources {
            let closed = matches!(source, Source::Apt(apt) if !apt.check_valid_until);
            assert!(
                !closed || source.stale_after_days().is_none(),
                "{distro} {} never changes",
                source.name()
            );
        }
    }
}
