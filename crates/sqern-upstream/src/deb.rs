//! Debian's text formats, pure: stanzas, `Release` files, relations between packages, the order of versions.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub mod relation;
pub mod release;
pub mod stanza;
pub mod suite;

pub use sqern_model::order::dpkg as version;
