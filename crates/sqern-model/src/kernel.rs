//! Kernel versions as hosts report them.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::name::{DistroName, text_key};

text_key! {
    /// What `uname -r` prints on a host that runs the kernel, exactly: `6.1.0-25-amd64`, `6.8.0-40-generic`,
    /// `4.18.0-553.el8_10.x86_64`. Never a package's version.
    KernelVersion, "kernel version (what uname -r prints)"
}

/// One kernel: a version means something only within its distribution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Kernel {
    /// The distribution that ships it.
    pub distro: DistroName,
    /// Its `uname -r`.
    pub version: KernelVersion,
}

impl KernelVersion {
    /// Compares as people read: runs of digits by their number, everything else by its characters. An order for lists, not yet
    /// the rule of dpkg or rpm.
    #[must_use]
    pub fn natural_cmp(&self, other: &Self) -> Ordering {
        let (mut a, mut b) = (self.as_str(), other.as_str());
        while !a.is_empty() && !b.is_empty() {
            let (part_a, rest_a) = split_run(a);
            let (part_b, rest_b) = split_run(b);
            let order = match (number(part_a), number(part_b)) {
                // Of any length: what fits no integer is longer than what does.
                (Some(number_a), Some(number_b)) => number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b)),
                _ => part_a.cmp(part_b),
            };
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (rest_a, rest_b);
        }
        a.len().cmp(&b.len()).then_with(|| self.cmp(other))
    }
}

/// A run of digits without leading zeros; none if it is of anything else.
fn number(run: &str) -> Option<&str> {
    run.starts_with(|character: char| character.is_ascii_digit()).then(|| run.trim_start_matches('0'))
}

/// The leading run of digits, or of anything else, and what follows it.
fn split_run(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|character: char| character.is_ascii_digit());
    let end = text.find(|character: char| character.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_in_versions_count_as_numbers() {
        let mut versions: Vec<KernelVersion> = ["6.1.0-9-amd64", "6.1.0-25-amd64", "5.10.0-30-amd64", "6.1.0-25-cloud-amd64"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        versions.sort_by(KernelVersion::natural_cmp);
        let sorted: Vec<&str> = versions.iter().map(KernelVersion::as_str).collect();
        assert_eq!(sorted, ["5.10.0-30-amd64", "6.1.0-9-amd64", "6.1.0-25-amd64", "6.1.0-25-cloud-amd64"]);
    }

    #[test]
    fn a_number_beyond_every_integer_comes_after_those_below_it() {
        let [two, ten, long] =
            ["2", "10", "10000000000000000000000000000000000000000"].map(|text| KernelVersion::new(text).unwrap());
        assert!(two.natural_cmp(&ten).is_lt() && ten.natural_cmp(&long).is_lt() && two.natural_cmp(&long).is_lt());
    }

    /// With numbers that fit no integer.
    fn any_version() -> impl Strategy<Value = KernelVersion> {
        "([0-9a-c.-]{1,8}|[0-9.]{0,3}[0-9]{1,45})".prop_map(|text| KernelVersion::new(text).unwrap())
    }

    proptest! {
        #[test]
        fn it_is_an_order(a in any_version(), b in any_version(), c in any_version()) {
            prop_assert_eq!(a.natural_cmp(&b), b.natural_cmp(&a).reverse());
            if a.natural_cmp(&b).is_le() && b.natural_cmp(&c).is_le() {
                prop_assert!(a.natural_cmp(&c).is_le());
            }
        }
    }
}
