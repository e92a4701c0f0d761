//! Kernels and their versions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::{DistroName, text_key};

text_key! {
    /// A kernel version: the exact output of `uname -r`, such as `6.1.0-25-amd64`,
    /// `6.8.0-40-generic` or `4.18.0-553.el8_10.x86_64`. The version of a package is different.
    KernelVersion, "kernel version (what uname -r prints)"
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
