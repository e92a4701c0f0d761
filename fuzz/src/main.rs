//! libFuzzer's entry: one program for every parser; `SQERN_FUZZ_TARGET` names the one that is tried. `scripts/fuzz` runs it.

#![no_main]

use std::sync::LazyLock;

use sqern_upstream::fuzzing::{TARGETS, target};

static TARGET: LazyLock<fn(&[u8]) -> bool> = LazyLock::new(|| {
    let name = std::env::var("SQERN_FUZZ_TARGET").unwrap_or_default();
    let names = || TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    target(&name).unwrap_or_else(|| panic!("expected SQERN_FUZZ_TARGET to be one of {}, got {name:?}", names()))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    TARGET(data);
});
