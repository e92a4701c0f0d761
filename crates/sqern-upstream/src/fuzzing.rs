//! Fuzz targets: functions that parse any bytes, and panic if a guarantee is violated.
//!
//! Values that are written again parse to the same value, comparisons are total orders, limits
//! apply, and paths of a hostile server are below its base. `scripts/fuzz` runs the targets with
//! libFuzzer. The tests run them with the seeds in `fuzz/corpus/`, which include each input that
//! violated a guarantee.

mod chunks;
mod order;
mod values;

#[cfg(test)]
mod corpus;

pub(crate) use chunks::{Chunks, head};
pub(crate) use order::{is_order, three};

use crate::{apt, crawl, deb, openpgp, rpm};

/// The name and function of a target. The function returns whether the parser accepted the bytes.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All targets.
pub const TARGETS: &[Target] = &[
    ("at", values::at),
    ("clearsign", openpgp::fuzzing::clearsign),
    ("deb-version", deb::fuzzing::version),
    ("decode", crawl::fuzzing::decode),
    ("evr", rpm::fuzzing::order),
    ("kernel", values::kernel),
    ("listfile", apt::fuzzing::listfile),
    ("metalink", rpm::fuzzing::metalink),
    ("mirrorlist", rpm::fuzzing::mirrors),
    ("packages", apt::fuzzing::packages),
    ("path", crawl::fuzzing::path),
    ("pattern", values::pattern),
    ("primary", rpm::fuzzing::primary),
    ("relation", deb::fuzzing::relation),
    ("release", deb::fuzzing::release),
    ("repomd", rpm::fuzzing::repomd),
    ("signature", openpgp::fuzzing::signature),
    ("source-file", values::source_file),
    ("stanza", deb::fuzzing::stanza),
    ("xml", rpm::fuzzing::xml),
];

/// Returns the function of a target.
#[must_use]
pub fn target(name: &str) -> Option<fn(&[u8]) -> bool> {
    TARGETS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, run)| *run)
}
