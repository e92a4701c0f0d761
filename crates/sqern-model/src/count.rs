//! Counts and sizes in messages: `1 kernel`, `2 kernels`, `50,000`, `1.50 MiB`.

use std::fmt::Display;

/// Returns a number and its noun, which is in the plural unless the number is 1.
///
/// The noun is in the singular, and its last word is inflected: `more kernel`, `repository`,
/// `address`.
#[must_use]
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    if number == N::from(1) {
        return format!("{number} {noun}");
    }
    match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{number} {stem}ies"),
        _ if ["s", "x", "ch", "sh"].iter().any(|end| noun.ends_with(end)) => {
            format!("{number} {noun}es")
        }
        _ => format!("{number} {noun}s"),
    }
}

/// Returns a number with a comma between each 3 digits.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Returns a number of bytes in the largest unit that is not larger, with 2 decimals.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "2 decimals need less than 52 bits"
)]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut value = bytes as f64;
    let mut unit = None;
    for name in UNITS {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = Some(name);
    }
    unit.map_or_else(|| format!("{bytes} B"), |unit| format!("{value:.2} {unit}"))
}

/// Joins up to 5 names, and counts the others.
#[must_use]
pub fn join_some(names: &[String]) -> String {
    const MAX_NAMED: usize = 5;
    match names.len().checked_sub(MAX_NAMED) {
        None | Some(0) => names.join(", "),
        Some(more) => format!("{} and {more} more", names[..MAX_NAMED].join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_1_is_singular() {
        let counts = [0_u64, 1, 2, 11, 21].map(|number| counted(number, "kernel"));
        assert_eq!(
            counts,
            [
                "0 kernels",
                "1 kernel",
                "2 kernels",
                "11 kernels",
                "21 kernels"
            ]
        );
        assert_eq!(
            (counted(1_usize, "host"), counted(-1_i64, "host")),
            ("1 host".into(), "-1 hosts".into())
        );
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(
            [0, 999, 1000, 50_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "50,000", "1,234,567"]
        );
    }

    #[test]
    fn sizes_have_the_largest_unit() {
        let sizes = [0, 1023, 1024, 1536 * 1024, 5 << 40, u64::MAX].map(size);
        assert_eq!(
            sizes,
            [
                "0 B",
                "1023 B",
                "1.00 KiB",
                "1.50 MiB",
                "5.00 TiB",
                "16.00 EiB"
            ]
        );
    }

    #[test]
    fn the_last_word_of_a_noun_is_inflected() {
        let nouns = [
            "more change",
            "repository",
            "index entry",
            "day",
            "address",
            "index",
            "match",
        ];
        let plurals = [
            "2 more changes",
            "2 repositories",
            "2 index entries",
            "2 days",
            "2 addresses",
            "2 indexes",
            "2 matches",
        ];
        assert_eq!(nouns.map(|noun| counted(2, noun)), plurals);
        assert_eq!(
            nouns.map(|noun| counted(1, noun)),
            nouns.map(|noun| format!("1 {noun}"))
        );
    }

    #[test]
    fn long_lists_of_names_are_shortened() {
        let names: Vec<String> = (1..=7).map(|number| number.to_string()).collect();
        assert_eq!(join_some(&names[..5]), "1, 2, 3, 4, 5");
        assert_eq!(join_some(&names), "1, 2, 3, 4, 5 and 2 more");
    }
}
