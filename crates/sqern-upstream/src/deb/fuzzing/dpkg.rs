//! The version order of dpkg, translated from lib/dpkg/version.c. It is independent of the
//! implementation in the model.

use std::cmp::Ordering;

/// Compares epoch, version and revision, as split by `parseversion`. An epoch that is not a number
/// is compared as a text.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let parts = |text: &str| {
        let (epoch, rest) = match text.find(':') {
            Some(colon) => (text[..colon].to_owned(), &text[colon + 1..]),
            None => (String::new(), text),
        };
        let (upstream, revision) = match rest.rfind('-') {
            Some(dash) => (&rest[..dash], &rest[dash + 1..]),
            None => (rest, ""),
        };
        [epoch, upstream.to_owned(), revision.to_owned()]
    };
    let (left, right) = (parts(left), parts(right));
    let steps = left
        .iter()
        .zip(&right)
        .map(|(left, right)| verrevcmp(left.as_bytes(), right.as_bytes()));
    steps
        .into_iter()
        .find(|step| *step != 0)
        .unwrap_or(0)
        .cmp(&0)
}

fn order(byte: u8) -> i32 {
    match byte {
        0 | b'0'..=b'9' => 0,
        b'~' => -1,
        letter if letter.is_ascii_alphabetic() => i32::from(letter),
        other => i32::from(other) + 256,
    }
}

/// Compares texts, which are null-terminated in C.
fn verrevcmp(left: &[u8], right: &[u8]) -> i32 {
    let (mut a, mut b) = (0, 0);
    let at = |text: &[u8], index: usize| text.get(index).copied();
    let is_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    while at(left, a).is_some() || at(right, b).is_some() {
        let mut first_difference = 0;
        while at(left, a).is_some_and(|byte| !byte.is_ascii_digit())
            || at(right, b).is_some_and(|byte| !byte.is_ascii_digit())
        {
            let difference = order(at(left, a).unwrap_or(0)) - order(at(right, b).unwrap_or(0));
            if difference != 0 {
                return difference;
            }
            (a, b) = (a + 1, b + 1);
        }
        while at(left, a) == Some(b'0') {
            a += 1;
        }
        while at(right, b) == Some(b'0') {
            b += 1;
        }
        while is_digit(at(left, a)) && is_digit(at(right, b)) {
            if first_difference == 0 {
                first_difference = i32::from(left[a]) - i32::from(right[b]);
            }
            (a, b) = (a + 1, b + 1);
        }
        if is_digit(at(left, a)) {
            return 1;
        }
        if is_digit(at(right, b)) {
            return -1;
        }
        if first_difference != 0 {
            return first_difference;
        }
    }
    0
}
