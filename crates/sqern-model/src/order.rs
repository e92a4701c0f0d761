//! The order of kernel versions, by the rules of the package manager of the distribution.

pub mod dpkg;
pub mod rpm;

use std::cmp::Ordering;

use crate::{DistroName, Kernel, KernelVersion};

/// The rules for the order of kernel versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionRule {
    /// The rules of dpkg (deb-version(7)), for Debian and its derivatives.
    Dpkg,
    /// The rules of rpm (rpm-version(7)), for all other distributions.
    Rpm,
}

impl VersionRule {
    /// Prefixes of the names of Debian and its derivatives. The database function `kver_sort_key()`
    /// contains the same names.
    pub const DPKG_FAMILY: [&str; 9] = [
        "debian",
        "ubuntu",
        "proxmox",
        "devuan",
        "gardenlinux",
        "kali",
        "linuxmint",
        "raspbian",
        "raspios",
    ];

    /// Returns the rule of a distribution by its name: dpkg for `debian12`, rpm for `alma8` and for
    /// unknown names.
    #[must_use]
    pub fn of(distro: &DistroName) -> Self {
        if Self::DPKG_FAMILY
            .iter()
            .any(|family| distro.as_str().starts_with(family))
        {
            Self::Dpkg
        } else {
            Self::Rpm
        }
    }

    /// Compares two versions of a distribution; the older one is less. Different texts that are
    /// equal by the rule (`6.1.0` and `6.01.0`) are compared as text, so that only identical
    /// versions are equal.
    #[must_use]
    pub fn cmp(self, left: &KernelVersion, right: &KernelVersion) -> Ordering {
        let compare = match self {
            Self::Dpkg => dpkg::compare,
            Self::Rpm => rpm::compare,
        };
        compare(left.as_str(), right.as_str()).then_with(|| left.cmp(right))
    }
}

/// Compares kernels by distribution, and of one distribution the newest first.
#[must_use]
pub fn newest_first(a: &Kernel, b: &Kernel) -> Ordering {
    a.distro
        .cmp(&b.distro)
        .then_with(|| VersionRule::of(&a.distro).cmp(&b.version, &a.version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted<'a>(distro: &str, versions: &[&'a str]) -> Vec<&'a str> {
        let rule = VersionRule::of(&DistroName::new(distro).unwrap());
        let mut versions = versions.to_vec();
        versions.sort_by(|a, b| {
            rule.cmp(
                &KernelVersion::new(*a).unwrap(),
                &KernelVersion::new(*b).unwrap(),
            )
        });
        versions
    }

    #[test]
    fn an_update_of_an_el_kernel_is_newer_than_the_first_kernel() {
        let versions = [
            "5.14.0-70.13.1.el9_0.x86_64",
            "5.14.0-70.el9.x86_64",
            "5.14.0-503.el9.x86_64",
        ];
        let expected = [
            "5.14.0-70.el9.x86_64",
            "5.14.0-70.13.1.el9_0.x86_64",
            "5.14.0-503.el9.x86_64",
        ];
        assert_eq!(sorted("alma9", &versions), expected);
    }

    #[test]
    fn a_release_candidate_is_older_than_the_release_in_dpkg() {
        let versions = [
            "6.1.0-25-amd64",
            "6.1.0-9-amd64",
            "6.1.0~rc3-9-amd64",
            "6.1.0-25-cloud-amd64",
            "5.10.0-30-amd64",
        ];
        let expected = [
            "5.10.0-30-amd64",
            "6.1.0~rc3-9-amd64",
            "6.1.0-9-amd64",
            "6.1.0-25-amd64",
            "6.1.0-25-cloud-amd64",
        ];
        assert_eq!(sorted("debian12", &versions), expected);
    }

    #[test]
    fn a_number_that_exceeds_every_integer_type_is_compared_by_value() {
        let long = "10000000000000000000000000000000000000000";
        assert_eq!(sorted("debian12", &[long, "10", "2"]), ["2", "10", long]);
        assert_eq!(sorted("alma8", &[long, "10", "2"]), ["2", "10", long]);
    }

    /// Generates versions, some with numbers that exceed every integer type.
    fn any_version() -> impl Strategy<Value = KernelVersion> {
        "([0-9a-c.+~^_-]{1,8}|[0-9.]{0,3}[0-9]{1,45})"
            .prop_map(|text| KernelVersion::recorded(text).unwrap())
    }

    proptest! {
        #[test]
        fn each_rule_is_a_total_order(a in any_version(), b in any_version(), c in any_version()) {
            for rule in [VersionRule::Dpkg, VersionRule::Rpm] {
                prop_assert_eq!(rule.cmp(&a, &b), rule.cmp(&b, &a).reverse());
                prop_assert_eq!(rule.cmp(&a, &b).is_eq(), a == b);
                if rule.cmp(&a, &b).is_le() && rule.cmp(&b, &c).is_le() {
                    prop_assert!(rule.cmp(&a, &c).is_le());
                }
            }
        }
    }
}
