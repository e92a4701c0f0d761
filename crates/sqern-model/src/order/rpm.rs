//! The order of rpm package versions, as rpm-version(7) defines it and `rpmvercmp` of librpm
//! implements it.

use std::cmp::Ordering;

/// Compares two versions `[epoch:]version[-release]`. A missing epoch is 0, and a missing release
/// is empty.
///
/// Accepts any text, because an index with an invalid version must not be rejected.
#[must_use]
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (Evr::split(left), Evr::split(right));
    left.without_release(&right)
        .then_with(|| compare_part(left.release.unwrap_or(""), right.release.unwrap_or("")))
}

/// Compares the version of a package with a bound. Releases are compared only if both have one
/// (rpm-dependencies(7)), so `6.9.7-1.1` satisfies `kernel-devel = 6.9.7`.
#[must_use]
pub fn compare_with_bound(found: &str, bound: &str) -> Ordering {
    let (found, bound) = (Evr::split(found), Evr::split(bound));
    found
        .without_release(&bound)
        .then_with(|| match (found.release, bound.release) {
            (Some(found), Some(bound)) => compare_part(found, bound),
            _ => Ordering::Equal,
        })
}

/// Returns `[epoch:]version-release` like rpm, without an epoch of 0.
#[must_use]
pub fn show(epoch: &str, version: &str, release: &str) -> String {
    let epoch = epoch.trim_start_matches('0');
    let colon = if epoch.is_empty() { "" } else { ":" };
    let dash = if release.is_empty() { "" } else { "-" };
    [epoch, colon, version, dash, release].concat()
}

struct Evr<'a> {
    epoch: &'a str,
    version: &'a str,
    release: Option<&'a str>,
}

impl<'a> Evr<'a> {
    /// Splits a version like `parseEVR` of rpm: the epoch is the digits before the first colon, and
    /// the release is the text after the last dash.
    fn split(text: &'a str) -> Self {
        let epoch = text
            .split_once(':')
            .filter(|(epoch, _)| epoch.bytes().all(|byte| byte.is_ascii_digit()));
        let (epoch, rest) = epoch.unwrap_or(("", text));
        match rest.rsplit_once('-') {
            Some((version, release)) => Self {
                epoch,
                version,
                release: Some(release),
            },
            None => Self {
                epoch,
                version: rest,
                release: None,
            },
        }
    }

    fn without_release(&self, other: &Self) -> Ordering {
        compare_digits(self.epoch.as_bytes(), other.epoch.as_bytes())
            .then_with(|| compare_part(self.version, other.version))
    }
}

/// Compares two versions or releases like `rpmvercmp` of rpm.
///
/// Segments of digits or letters are compared in pairs, and separators are ignored. `~` is less
/// than the end of the text, and `^` is between the end and all other characters.
fn compare_part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        left = skip_separators(left);
        right = skip_separators(right);
        match (left.first(), right.first()) {
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => {
                (left, right) = (&left[1..], &right[1..]);
                continue;
            }
            (Some(b'~'), _) | (None, Some(b'^')) => return Ordering::Less,
            (_, Some(b'~')) | (Some(b'^'), None) => return Ordering::Greater,
            (Some(b'^'), _) => return Ordering::Less,
            (_, Some(b'^')) => return Ordering::Greater,
            (None, _) | (_, None) => break,
            _ => {}
        }
        let digits = left[0].is_ascii_digit();
        let (left_run, left_rest) = run(left, digits);
        let (right_run, right_rest) = run(right, digits);
        if right_run.is_empty() {
            // Digits are newer than letters.
            return if digits {
                Ordering::Greater
            } else {
                Ordering::Less
            };
        }
        let ordering = if digits {
            compare_digits(left_run, right_run)
        } else {
            left_run.cmp(right_run)
        };
        if ordering.is_ne() {
            return ordering;
        }
        (left, right) = (left_rest, right_rest);
    }
    // The text with a remaining segment is newer.
    left.is_empty().cmp(&right.is_empty()).reverse()
}

fn skip_separators(text: &[u8]) -> &[u8] {
    let counts = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'~' | b'^');
    &text[text.iter().position(counts).unwrap_or(text.len())..]
}

/// Splits a text after its leading digits or letters.
fn run(text: &[u8], digits: bool) -> (&[u8], &[u8]) {
    let belongs = |byte: &u8| {
        if digits {
            byte.is_ascii_digit()
        } else {
            byte.is_ascii_alphabetic()
        }
    };
    text.split_at(
        text.iter()
            .position(|byte| !belongs(byte))
            .unwrap_or(text.len()),
    )
}

/// Compares digits of any length as numbers.
fn compare_digits(left: &[u8], right: &[u8]) -> Ordering {
    let significant = |digits: &[u8]| {
        digits
            .iter()
            .position(|digit| *digit != b'0')
            .unwrap_or(digits.len())
    };
    let (left, right) = (&left[significant(left)..], &right[significant(right)..]);
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// In ascending order by rpm-version(7). The versions of a row are equal.
    const ORDERED: &[&[&str]] = &[
        &["~~"],
        &["~"],
        &["~1"],
        &["", "0:", "00:"],
        &["^"],
        &["a"],
        &["1.0~rc1", "1.0~rc.1"],
        &["1.0~rc1^git1"],
        &["1.0~rc2"],
        &["1.0", "1.00", "1_0", "0:1.0", "1..0", "1.0."],
        &["1.0^git1~pre"],
        &["1.0^git1"],
        &["1.0^git2"],
        &["1.0a", "1.0.a"],
        &["1.0b"],
        &["1.0.1", "1.0_1"],
        &["1.0.1a"],
        &["1.0.10"],
        &["1.2"],
        &["1.10"],
        &["4.18.0-372.el8_6"],
        &["4.18.0-372.9.1.el8_6"],
        &["4.18.0-553.el8_10"],
        &["5.14.0-70.13.1.el9_0"],
        &["6.9.7-1.1"],
        &["6.9.7-1.10"],
        &["1:0"],
        &["10:0"],
    ];

    #[test]
    fn versions_are_ordered_by_rpm_version_7() {
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

    #[test]
    fn a_bound_without_a_release_is_satisfied_by_any_release() {
        for (found, bound, expected) in [
            ("6.9.7-1.1", "6.9.7", Ordering::Equal),
            ("6.9.7-1.1", "6.9.7-1.2", Ordering::Less),
            ("6.9.7-1.1", "0:6.9.7-1.1", Ordering::Equal),
            ("6.9.8-1.1", "6.9.7", Ordering::Greater),
        ] {
            assert_eq!(
                compare_with_bound(found, bound),
                expected,
                "{found} {bound}"
            );
        }
    }

    #[test]
    fn an_epoch_of_0_is_omitted() {
        assert_eq!(show("0", "1.2", "3"), "1.2-3");
        assert_eq!(show("", "1.2", ""), "1.2");
        assert_eq!(show("1", "1.2", "3"), "1:1.2-3");
    }

    fn any_version() -> impl Strategy<Value = String> {
        "([0-9]:)?[0-9a-c.+~^_]{0,6}(-[0-9a-c.+~^]{0,4})?"
    }

    proptest! {
        #[test]
        fn the_order_is_antisymmetric(left in any_version(), right in any_version()) {
            prop_assert_eq!(compare(&left, &right), compare(&right, &left).reverse());
        }

        #[test]
        fn a_version_equals_itself(version in any_version()) {
            prop_assert_eq!(compare(&version, &version), Ordering::Equal);
        }

        #[test]
        fn the_order_is_transitive(mut three in proptest::array::uniform3(any_version())) {
            three.sort_by(|left, right| compare(left, right));
            prop_assert!(compare(&three[0], &three[2]).is_le());
        }

        #[test]
        fn any_text_compares(left in "\\PC*", right in "\\PC*") {
            let _ = compare(&left, &right);
            let _ = compare_with_bound(&left, &right);
        }
    }
}
