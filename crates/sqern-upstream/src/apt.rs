//! apt repositories: from the signed `Release` to kernels and the packages that they require.

mod check_release;
mod entry;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod index;
mod listfile;
mod lists;
mod read;
mod root_metadata;

pub use lists::crawl_apt_lists;
pub(crate) use read::{Suite, read_indexes};
pub(crate) use root_metadata::read_root_metadata;
