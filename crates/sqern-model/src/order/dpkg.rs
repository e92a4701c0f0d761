//! The order of Debian package versions, as deb-version(7) defines it and dpkg implements it.

use std::cmp::Ordering;

/// Compares two versions `[epoch:]upstream[-revision]`.
///
/// Accepts any text, because an index with an invalid version must not be rejected. Versions that
/// differ only in leading zeros (`1.0` and `1.00`) are equal, as in dpkg.
#[must_use]
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (split(left), split(right));
    compare_part(left.0, right.0)
        .then_with(|| compare_part(left.1, right.1))
        .then_with(|| compare_part(left.2, right.2))
}

/// Splits a version into epoch, upstream version and revision. A missing part is empty, which is
/// equal to 0.
fn split(version: &str) -> (&str, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch, upstream, revision)
}

/// Alternately compares a run of non-digits by [`order`] and a run of digits by number.
fn compare_part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        let (left_text, right_text) = (take_run(&mut left, false), take_run(&mut right, false));
        for index in 0..left_text.len().max(right_text.len()) {
            let ordering = order(left_text.get(index)).cmp(&order(right_text.get(index)));
            if ordering.is_ne() {
                return ordering;
            }
        }
        let (left_number, right_number) = (take_run(&mut left, true), take_run(&mut right, true));
        let ordering = compare_numbers(left_number, right_number);
        if ordering.is_ne() {
            return ordering;
        }
    }
    Ordering::Equal
}

/// Returns the rank of a character: `~`, the end of the text, letters, other characters.
fn order(byte: Option<&u8>) -> u16 {
    match byte {
        Some(b'~') => 0,
        None => 1,
        Some(letter) if letter.is_ascii_alphabetic() => 2 + u16::from(*letter),
        Some(other) => 0x200 + u16::from(*other),
    }
}

/// Compares digits of any length as numbers.
fn compare_numbers(left: &[u8], right: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| {
        digits
            .iter()
            .position(|digit| *digit != b'0')
            .unwrap_or(digits.len())
    };
    let (left, right) = (&left[significant(left)..], &right[significant(right)..]);
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Removes the leading run of digits, or of non-digits, from `text`, and returns it.
fn take_run<'a>(text: &mut &'a [u8], digits: bool) -> &'a [u8] {
    let end = text
        .iter()
        .position(|byte| byte.is_ascii_digit() != digits)
        .unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    *text = rest;
    run
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// In ascending order. The versions of a row are equal.
    const ORDERED: &[&[&str]] = &[
        &["~~"],
        &["~"],
        &["", "0", "0:0-0"],
        &["1.0~rc1-1"],
        &["1.0", "1.00", "0:1.0", "1.0-0"],
        &["1.0-1~bpo12+1"],
        &["1.0-1"],
        &["1.0-1+b1"],
        &["1.0a"],
        &["1.0+deb12u1"],
        &["1.2"],
        &["1.10"],
        &["5.15.0-25.25"],
        &["6.1.106-3"],
        &["6.1.159-1"],
        &["6.8.0-40.40~22.04.3"],
        &["6.8.0-40.40"],
        &["1:0"],
        &["10:0"],
    ];

    #[test]
    fn versions_are_ordered_by_deb_version_7() {
        for (index, row) in ORDERED.iter().enumerate() {
            for (other_index, other_row) in ORDERED.iter().enumerate() {
                for (left, right) in row
                    .iter()
                    .flat_map(|left| other_row.iter().map(move |right| (left, right)))
                {
                    assert_eq!(
                        compare(left, right),
                        index.cmp(&other_index),
                        "{left:?} {right:?}"
                    );
                }
            }
        }
    }

    fn any_version() -> impl Strategy<Value = String> {
        "([0-9]:)?[0-9a-c.+~]{0,6}(-[0-9a-c.+~]{0,4})?"
    }

    proptest! {
        #[test]
        fn the_order_is_antisymmetric(left in any_version(), right in any_version()) {
            prop_assert_eq!(compare(&left, &right), compare(&right, &left).reverse());
        }

        #[test]
        fn the_order_is_transitive(mut three in proptest::array::uniform3(any_version())) {
            three.sort_by(|left, right| compare(left, right));
            prop_assert!(compare(&three[0], &three[2]).is_le());
        }

        #[test]
        fn any_text_compares(left in "\\PC*", right in "\\PC*") {
            let _ = compare(&left, &right);
        }
    }
}
