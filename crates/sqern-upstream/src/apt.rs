//! Debian-style archives: from the signed `Release` to kernels and what they need.

mod entry;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod index;
mod listfile;
mod lists;
mod read;
mod top;
mod vet;

pub use lists::crawl_apt_lists;
pub(crate) use read::{Suite, read_indexes};
pub(crate) use top::read_top;
