//! rpm-md repositories: from `repomd.xml` to kernels and the packages that they require.
//!
//! The format is only specified by its implementations `createrepo_c`, librepo and libsolv
//! (<https://github.com/rpm-software-management/createrepo_c>).

mod format;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod input;
mod location;
mod metalink;
mod mirrorlist;
mod package_filter;
mod primary;
mod read;
pub(crate) mod repomd;
mod root_metadata;
mod skip;
mod tag;
mod xml;
mod xml_error;

pub(crate) use sqern_model::order::rpm as evr;

pub(crate) use read::read_primary;
pub(crate) use root_metadata::read_root_metadata;
