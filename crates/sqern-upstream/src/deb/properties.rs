//! Properties of the stanza scanner, and a comparison of the version order with dpkg.

use std::io::{self, Read};

use proptest::prelude::*;
use sqern_testkit::clean_command;

use super::stanza::{Field, Stanzas};
use super::version::compare;
use crate::Limits;

/// A reader that returns chunks of these sizes.
struct ChunkReader<'a> {
    rest: &'a [u8],
    sizes: Vec<usize>,
}

impl Read for ChunkReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.pop().unwrap_or(1).max(1).min(buffer.len());
        (&mut self.rest).take(size as u64).read(buffer)
    }
}

/// Returns the fields of all stanzas, and the error or "end".
fn scanned(input: impl Read, limits: &Limits) -> (Vec<String>, String) {
    let mut stanzas = Stanzas::new(input, limits);
    let mut stanzas_text = Vec::new();
    loop {
        match stanzas.next() {
            Ok(Some(stanza)) => {
                let fields = [Field::Package, Field::Version, Field::Depends];
                let fields: Vec<_> = fields.into_iter().map(|field| stanza.get(field)).collect();
                stanzas_text.push(format!("{} {fields:?}", stanza.line));
                if let Some(invalid) = &stanza.invalid {
                    return (stanzas_text, invalid.to_string());
                }
            }
            Ok(None) => return (stanzas_text, "end".into()),
            Err(error) => return (stanzas_text, error.to_string()),
        }
    }
}

fn small_limits() -> Limits {
    Limits {
        line_bytes: 40,
        stanza_bytes: 90,
        stanzas: 5,
        ..Limits::default()
    }
}

proptest! {
    #[test]
    fn result_does_not_depend_on_chunks(
        text in "((Package|Version|Depends|X): [a-c ,|]{0,9}\r?\n| [a-c]{0,3}\n|#x\n|\n|[a-c:]{0,45}\n){0,20}[a-c:]{0,3}",
        sizes in proptest::collection::vec(1usize..50, 0..40),
    ) {
        let whole = scanned(text.as_bytes(), &small_limits());
        let chunked = scanned(ChunkReader { rest: text.as_bytes(), sizes }, &small_limits());
        prop_assert_eq!(whole, chunked);
    }

    #[test]
    fn folded_values_are_joined_without_comments(
        first in "[ #a\u{a0}]{0,3}", folded in prop::collection::vec("[ \t][ #a\u{a0}]{0,3}\u{a0}|[ \t]#?a|#[ -~]{0,3}", 0..6), end in "\r?\n",
    ) {
        let lines = folded.iter().filter(|line| !line.starts_with('#')).map(|line| line.trim());
        let expected = [first.trim()].into_iter().chain(lines).collect::<Vec<_>>().join(" ");
        let folded: String = folded.iter().map(|line| format!("{line}{end}")).collect();
        let text = format!("Package: x{end}Depends:{first}{end}{folded}");
        let mut stanzas = Stanzas::new(text.as_bytes(), &Limits::default());
        let stanza = stanzas.next().expect("readable").expect("a stanza");
        let read = stanza.get(Field::Depends).expect("text");
        prop_assert_eq!(read.as_deref(), Some(expected.trim()));
    }

    #[test]
    fn field_names_are_visible_ascii(name in "[!-9;-~]{0,3}[\t\x00é a]?[!-9;-~]{0,3}") {
        let text = format!("Package: x\n{name}: y\n");
        let is_folded_or_empty = name.is_empty() || name.starts_with([' ', '\t', '#']);
        let is_field = name.chars().all(|character| character.is_ascii_graphic());
        let read = scanned(text.as_bytes(), &small_limits()).1 == "end";
        let is_read = if is_folded_or_empty { !name.is_empty() } else { is_field };
        prop_assert!(read == is_read || name.eq_ignore_ascii_case("package"), "{:?}", text);
    }

    #[test]
    fn scanner_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = scanned(&*bytes, &small_limits());
    }
}

/// Compares the order with dpkg, if it is installed.
#[test]
fn version_order_equals_that_of_dpkg() {
    let versions = [
        "1.0",
        "1.00",
        "1.0-1",
        "1.0-1+b1",
        "1.0~rc1-1",
        "1:0.1",
        "0:1.0",
        "1.0a",
        "1.0+a",
        "2~",
        "2~~",
        "2~a",
        "2",
        "5.15.0-25.25",
        "6.8.0-40.40~22.04.3",
        "6.8.0-40.40",
        "6.1.106-3",
        "6.1.159-1",
        "1.0-1~bpo12+1",
        "10",
        "9",
        "1.2.3-4-5",
    ];
    assert!(
        compare("6.8.0-40.40~22.04.3", "6.8.0-40.40").is_lt() && compare("1:0.1", "10").is_gt()
    );
    if clean_command("dpkg").arg("--version").output().is_err() {
        return;
    }
    for left in versions {
        for right in versions {
            let holds = |relation: &str| {
                let output = clean_command("dpkg")
                    .args(["--compare-versions", left, relation, right])
                    .output()
                    .expect("dpkg runs");
                output.status.success()
            };
            let expected = if holds("eq") {
                std::cmp::Ordering::Equal
            } else if holds("lt") {
                std::cmp::Ordering::Less
            } else {
                std::cmp::Ordering::Greater
            };
            assert_eq!(compare(left, right), expected, "{left} {right}");
        }
    }
}
