//! Counts in messages: `1 kernel`, `2 kernels`.

use std::fmt::Display;

/// Returns a number and its noun, which is in the plural unless the number is 1.
///
/// The noun is in the singular, and its last word is inflected: `more kernel`, `repository`, `address`.
#[must_use]
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    if number == N::from(1) {
        return format!("{number} {noun}");
    }
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{number} {stem}ies"),
        _ if ["s", "x", "ch", "sh"].iter().any(|end| noun.ends_with(end)) => format!("{number} {noun}es"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_1_is_singular() {
        let counts = [0_u64, 1, 2, 11, 21].map(|number| counted(number, "kernel"));
        assert_eq!(counts, ["0 kernels", "1 kernel", "2 kernels", "11 kernels", "21 kernels"]);
        assert_eq!((counted(1_usize, "host"), counted(-1_i64, "host")), ("1 host".into(), "-1 hosts".into()));
    }

    #[test]
    fn the_last_word_of_a_noun_is_inflected() {
        let nouns = ["more change", "repository", "index entry", "day", "address", "index", "match"];
        let plurals = ["2 more changes", "2 repositories", "2 index entries", "2 days", "2 addresses", "2 indexes", "2 matches"];
        assert_eq!(nouns.map(|noun| counted(2, noun)), plurals);
        assert_eq!(nouns.map(|noun| counted(1, noun)), nouns.map(|noun| format!("1 {noun}")));
    }
}
