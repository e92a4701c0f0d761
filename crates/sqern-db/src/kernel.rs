//! Kernels as parameters and rows of queries.

use sqern_model::{DistroName, Kernel, KernelVersion};

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
