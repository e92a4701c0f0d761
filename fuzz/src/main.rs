//! Entry point of libFuzzer: one program for all parsers. `SQERN_FUZZ_TARGET` selects the parser.
//! `scripts/fuzz` runs it.

#![no_main]

use std::sync::LazyLock;

use sqern_upstream::fuzzing::{TARGETS, target};

static TARGET: LazyLock<fn(&[u8]) -> bool> = LazyLock::new(|| {
    let name = std::env::var("SQERN_FUZZ_TARGET").unwrap_or_default();
    let names = || TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    target(&name).unwrap_or_else(|| panic!("SQERN_FUZZ_TARGET must be one of {}, not {name:?}", names()))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    TARGET(data);
});
