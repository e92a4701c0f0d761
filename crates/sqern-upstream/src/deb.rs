//! The text formats of Debian: stanzas, `Release` files, relations between packages, and the
//! version order.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
#[cfg(test)]
mod properties;
pub(crate) mod relation;
pub(crate) mod release;
pub(crate) mod stanza;
pub(crate) mod suite;

pub(crate) use sqern_model::order::dpkg as version;
