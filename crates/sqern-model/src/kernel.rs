//! Kernels and their versions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{DistroName, RELEASE, text_key};

text_key! {
    /// A kernel version: the exact output of `uname -r`, such as `6.1.0-25-amd64`,
    /// `6.8.0-40-generic` or `4.18.0-553.el8_10.x86_64`. The version of a package is different.
    KernelVersion, "kernel version (output of uname -r)", MAX_KERNEL_VERSION, RELEASE
}

/// A kernel. Versions of different distributions are different kernels.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema, Deserialize,
)]
pub struct Kernel {
    /// The distribution.
    pub distro: DistroName,
    /// The kernel version.
    pub version: KernelVersion,
}

impl KernelVersion {
    /// Returns whether this text starts with a digit, like the output of `uname -r` and unlike the
    /// name of a package.
    #[must_use]
    pub fn is_release(&self) -> bool {
        self.as_str()
            .starts_with(|first: char| first.is_ascii_digit())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use super::*;

    #[test]
    fn names_of_packages_are_no_releases() {
        for (text, is_release) in [
            ("6.1.0-25-amd64", true),
            ("4.18.0-553.el8_10.x86_64", true),
            ("linux-headers-6.1.0-25-amd64", false),
        ] {
            assert_eq!(KernelVersion::new(text).unwrap().is_release(), is_release);
        }
    }
}
