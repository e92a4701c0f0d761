//! Kernels as parameters and rows of queries.

use std::cmp::Ordering;

use sqern_model::{DistroName, Kernel, KernelVersion, VersionRule};

use crate::decode::from_row;

from_row!(Kernel { distro, version });

/// Returns the distributions and versions of kernels as parameters for `unnest($1::text[],
/// $2::text[])`.
pub(crate) fn kernel_arrays<'a>(
    kernels: impl IntoIterator<Item = &'a Kernel>,
) -> (Vec<&'a DistroName>, Vec<&'a KernelVersion>) {
    kernels
        .into_iter()
        .map(|kernel| (&kernel.distro, &kernel.version))
        .unzip()
}

/// Compares kernels by distribution, and of one distribution the newest first.
pub(crate) fn newest_first(a: &Kernel, b: &Kernel) -> Ordering {
    a.distro
        .cmp(&b.distro)
        .then_with(|| VersionRule::of(&a.distro).cmp(&b.version, &a.version))
}
