//! Runs the targets with their seeds, and with mutations of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;

use super::{TARGETS, Target};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// Returns the sorted names in a directory.
fn names(directory: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect()
}

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = corpus().join(target);
    let read = |name: String| {
        (
            directory.join(&name),
            std::fs::read(directory.join(&name)).expect("a seed"),
        )
    };
    names(&directory).into_iter().map(read).collect()
}

/// A target that violated a guarantee. Its panic message describes the guarantee.
#[derive(Debug, thiserror::Error)]
#[error("{target} violates a guarantee at {} with {input:?}", seed.display())]
struct Violation {
    target: &'static str,
    seed: PathBuf,
    input: String,
}

/// Runs a target, and returns whether it accepted the input.
fn run((name, target): &Target, input: &[u8], seed: &Path) -> Result<bool, Violation> {
    let violation = |_| Violation {
        target: name,
        seed: seed.to_owned(),
        input: input.escape_ascii().to_string(),
    };
    std::panic::catch_unwind(|| target(input)).map_err(violation)
}

#[test]
fn every_target_accepts_a_seed_and_violates_no_guarantee() {
    assert_eq!(
        names(&corpus()),
        TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect()
    );
    let mut violations = Vec::new();
    for target in TARGETS {
        let mut count = 0;
        for (seed, input) in seeds(target.0) {
            assert!(
                input.len() <= 4096,
                "{}: expected at most 4096 bytes, found {}",
                seed.display(),
                input.len()
            );
            match run(target, &input, &seed) {
                Ok(accepted) => count += usize::from(accepted),
                Err(violation) => violations.push(violation.to_string()),
            }
        }
        assert!(count > 0, "{}: no seed is accepted", target.0);
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// A mutation of an input.
#[derive(Debug, Clone)]
enum Mutation {
    Byte(Index, u8),
    Truncate(Index),
    Remove(Index, Index),
    Repeat(Index, Index),
}

impl Mutation {
    fn apply(&self, input: &mut Vec<u8>) {
        let length = input.len() + 1;
        let range = |start: &Index, end: &Index| {
            let (start, end) = (start.index(length), end.index(length));
            start.min(end)..start.max(end)
        };
        match self {
            Self::Byte(index, byte) => input
                .get_mut(index.index(length))
                .into_iter()
                .for_each(|old| *old = *byte),
            Self::Truncate(index) => input.truncate(index.index(length)),
            Self::Remove(start, end) => drop(input.drain(range(start, end))),
            Self::Repeat(start, end) => {
                let range = range(start, end);
                let part = input[range.clone()].to_vec();
                input.splice(range.end..range.end, part);
            }
        }
    }
}

fn mutations() -> impl Strategy<Value = Mutation> {
    let index = || any::<Index>();
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(index, byte)| Mutation::Byte(index, byte)),
        // Bytes that are special in one of the formats.
        (
            index(),
            prop::sample::select(&b"\r\n\0 \t<>!?/&;:-~^.%*\\_{}[]\"'0"[..])
        )
            .prop_map(|(index, byte)| Mutation::Byte(index, byte)),
        index().prop_map(Mutation::Truncate),
        (index(), index()).prop_map(|(start, end)| Mutation::Remove(start, end)),
        (index(), index()).prop_map(|(start, end)| Mutation::Repeat(start, end)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_seeds_violate_no_guarantee(
        seed in any::<Index>(), changes in prop::collection::vec(mutations(), 1..5),
    ) {
        for target in TARGETS {
            let seeds = seeds(target.0);
            let (path, mut input) = seeds[seed.index(seeds.len())].clone();
            for change in &changes {
                change.apply(&mut input);
            }
            let result = run(target, &input, &path);
            prop_assert!(result.is_ok(), "{}", result.unwrap_err());
        }
    }
}
