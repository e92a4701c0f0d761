//! The fuzzer's seeds, run as they are and altered.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;

use super::{TARGETS, Target};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// The names in a folder, in order.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect()
}

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = folder().join(target);
    let read = |name: String| (folder.join(&name), std::fs::read(folder.join(&name)).expect("a seed"));
    names(&folder).into_iter().map(read).collect()
}

/// Runs a parser: whether it took the input, or the promise that it broke (said above, by its panic).
fn run((name, target): &Target, input: &[u8], seed: &Path) -> Result<bool, String> {
    let broken = |_| format!("{name} breaks a promise at {} as {:?}", seed.display(), input.escape_ascii().to_string());
    std::panic::catch_unwind(|| target(input)).map_err(broken)
}

#[test]
fn every_parser_keeps_its_promises_over_its_seeds_and_takes_one_of_them() {
    assert_eq!(names(&folder()), TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect());
    let mut wrong = Vec::new();
    for target in TARGETS {
        let mut count = 0;
        for (seed, input) in seeds(target.0) {
            assert!(input.len() <= 4096, "{}: expected at most 4096 bytes, found {}", seed.display(), input.len());
            match run(target, &input, &seed) {
                Ok(taken) => count += usize::from(taken),
                Err(broken) => wrong.push(broken),
            }
        }
        assert!(count > 0, "{}: expected a seed that the parser takes, found none", target.0);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One alteration of an input.
#[derive(Debug, Clone)]
enum Altered {
    Byte(Index, u8),
    Cut(Index),
    Without(Index, Index),
    Twice(Index, Index),
}

impl Altered {
    fn apply(&self, input: &mut Vec<u8>) {
        let length = input.len() + 1;
        let range = |one: &Index, other: &Index| {
            let (one, other) = (one.index(length), other.index(length));
            one.min(other)..one.max(other)
        };
        match self {
            Self::Byte(place, byte) => input.get_mut(place.index(length)).into_iter().for_each(|old| *old = *byte),
            Self::Cut(place) => input.truncate(place.index(length)),
            Self::Without(one, other) => drop(input.drain(range(one, other))),
            Self::Twice(one, other) => {
                let range = range(one, other);
                let part = input[range.clone()].to_vec();
                input.splice(range.end..range.end, part);
            }
        }
    }
}

fn altered() -> impl Strategy<Value = Altered> {
    let place = || any::<Index>();
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(place, byte)| Altered::Byte(place, byte)),
        // Bytes that mean something to one parser or another.
        (place(), prop::sample::select(&b"\r\n\0 \t<>!?/&;:-~^.%*\\_{}[]\"'0"[..]))
            .prop_map(|(place, byte)| Altered::Byte(place, byte)),
        place().prop_map(Altered::Cut),
        (place(), place()).prop_map(|(one, other)| Altered::Without(one, other)),
        (place(), place()).prop_map(|(one, other)| Altered::Twice(one, other)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_parser_keeps_its_promises_over_altered_seeds(
        seed in any::<Index>(), changes in prop::collection::vec(altered(), 1..5),
    ) {
        for target in TARGETS {
            let seeds = seeds(target.0);
            let (path, mut input) = seeds[seed.index(seeds.len())].clone();
            for change in &changes {
                change.apply(&mut input);
            }
            let kept = run(target, &input, &path);
            prop_assert!(kept.is_ok(), "{}", kept.unwrap_err());
        }
    }
}
