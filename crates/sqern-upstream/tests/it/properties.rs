//! The stanza scanner over any text in any pieces, and the order of versions beside dpkg's.

use std::io::{self, Read};

use proptest::prelude::*;
use sqern_testkit::clean_command;
use sqern_upstream::Limits;
use sqern_upstream::deb::stanza::{Field, StanzaError, Stanzas};
use sqern_upstream::deb::version::compare;

/// Gives at most so many bytes at a time.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: Vec<usize>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.pop().unwrap_or(1).max(1).min(buffer.len());
        (&mut self.rest).take(size as u64).read(buffer)
    }
}

/// Every kept field of every stanza, and how it ended.
fn scanned(input: impl Read, limits: &Limits) -> (Vec<String>, String) {
    let mut stanzas = Stanzas::new(input, limits);
    let mut seen = Vec::new();
    loop {
        match stanzas.next() {
            Ok(Some(stanza)) => {
                let fields = [Field::Package, Field::Version, Field::Depends];
                let fields: Result<Vec<_>, StanzaError> = fields.into_iter().map(|field| stanza.get(field)).collect();
                seen.push(format!("{} {fields:?}", stanza.line));
            }
            Ok(None) => return (seen, "end".into()),
            Err(error) => return (seen, error.to_string()),
        }
    }
}

fn small() -> Limits {
    Limits { line_bytes: 40, stanza_bytes: 90, stanzas: 5, ..Limits::default() }
}

proptest! {
    #[test]
    fn scanning_does_not_depend_on_how_the_text_comes(
        text in "((Package|Version|Depends|X): [a-c ,|]{0,9}\r?\n| [a-c]{0,3}\n|#x\n|\n|[a-c:]{0,45}\n){0,20}[a-c:]{0,3}",
        sizes in proptest::collection::vec(1usize..50, 0..40),
    ) {
        let whole = scanned(text.as_bytes(), &small());
        let pieces = scanned(Pieces { rest: text.as_bytes(), sizes }, &small());
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn a_value_is_its_lines_without_the_blanks_around_them_and_without_comments(
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
    fn a_field_has_a_name_of_visible_ascii(name in "[!-9;-~]{0,3}[\t\x00é a]?[!-9;-~]{0,3}") {
        let text = format!("Package: x\n{name}: y\n");
        let folded_or_none = name.is_empty() || name.starts_with([' ', '\t', '#']);
        let is_field = name.chars().all(|character| character.is_ascii_graphic());
        let read = scanned(text.as_bytes(), &small()).1 == "end";
        let is_read = if folded_or_none { !name.is_empty() } else { is_field };
        prop_assert!(read == is_read || name.eq_ignore_ascii_case("package"), "{:?}", text);
    }

    #[test]
    fn any_bytes_are_scanned_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = scanned(&*bytes, &small());
    }
}

/// The machine's dpkg is the measure where there is one; the table that it was taken from is checked in any case.
#[test]
fn versions_sort_as_dpkg_sorts_them() {
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
    assert!(compare("6.8.0-40.40~22.04.3", "6.8.0-40.40").is_lt() && compare("1:0.1", "10").is_gt());
    if clean_command("dpkg").arg("--version").output().is_err() {
        return;
    }
    for left in versions {
        for right in versions {
            let says = |relation: &str| {
                let output =
                    clean_command("dpkg").args(["--compare-versions", left, relation, right]).output().expect("dpkg runs");
                output.status.success()
            };
            let expected = if says("eq") {
                std::cmp::Ordering::Equal
            } else if says("lt") {
                std::cmp::Ordering::Less
            } else {
                std::cmp::Ordering::Greater
            };
            assert_eq!(compare(left, right), expected, "{left} {right}");
        }
    }
}
