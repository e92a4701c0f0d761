//! Debian's text formats, pure: stanzas, `Release` files, relations between packages, the order of versions.

pub mod relation;
pub mod release;
pub mod stanza;
pub mod suite;
pub mod version;
