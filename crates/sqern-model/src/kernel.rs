//! Kernel versions as hosts report them.

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
