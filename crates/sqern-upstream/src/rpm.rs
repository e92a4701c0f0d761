//! rpm-md repositories: from `repomd.xml` to kernels and what they need.
//!
//! The format has no specification but its makers' and readers' code: `createrepo_c`, librepo, libsolv
//! (<https://github.com/rpm-software-management/createrepo_c>).

mod format;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod input;
mod metalink;
mod mirrorlist;
mod primary;
mod read;
pub(crate) mod repomd;
mod skip;
mod tag;
mod top;
mod wanted;
mod xml;

pub use sqern_model::order::rpm as evr;

pub(crate) use read::read_primary;
pub(crate) use top::read_top;
