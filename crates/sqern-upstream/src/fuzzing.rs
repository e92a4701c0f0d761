//! The parsers as the fuzzer calls them: a function each, over any bytes, that panics where a promise is broken.
//!
//! A promise is more than to come back: what is read and written again reads the same, orders are orders, limits hold, and what
//! a hostile server sends leads nowhere but below its own base. `scripts/fuzz` runs them over what libFuzzer makes up; the tests
//! below run them over its seeds in `fuzz/corpus/`, where each input that ever broke a promise is kept.

mod order;
mod pieces;
mod values;

#[cfg(test)]
mod corpus;

pub(crate) use order::{is_order, three};
pub(crate) use pieces::{Pieces, head};

use crate::{apt, crawl, deb, openpgp, rpm};

/// What a parser is called by, and the function that tries it: whether the parser took the bytes.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// Every parser.
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

/// The function of a parser.
#[must_use]
pub fn target(name: &str) -> Option<fn(&[u8]) -> bool> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, run)| *run)
}
