//! The order of versions, step by step as librpm's rpmio/rpmvercmp.c and lib/rpmver.c have it: slow, and like nothing in `evr.rs`.

use std::cmp::Ordering;

/// Compares epochs, then versions, then releases; what is absent is an epoch of 0 or an empty release.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (parse_evr(left), parse_evr(right));
    let steps = left.iter().zip(&right).map(|(left, right)| rpmvercmp(left, right));
    steps.into_iter().find(|step| *step != 0).unwrap_or(0).cmp(&0)
}

fn parse_evr(text: &str) -> [String; 3] {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (epoch, rest) = match text[digits..].strip_prefix(':') {
        Some(rest) => (if digits == 0 { "0" } else { &text[..digits] }, rest),
        None => ("0", text),
    };
    let (version, release) = rest.rsplit_once('-').unwrap_or((rest, ""));
    [epoch, version, release].map(str::to_owned)
}

/// The texts end in C's zero byte.
fn rpmvercmp(a: &str, b: &str) -> i32 {
    let (a, b) = ([a.as_bytes(), b"\0"].concat(), [b.as_bytes(), b"\0"].concat());
    let (mut one, mut two) = (0, 0);
    let ends = |text: &[u8], place: usize| place + 1 >= text.len();
    while !ends(&a, one) || !ends(&b, two) {
        while !ends(&a, one) && !a[one].is_ascii_alphanumeric() && a[one] != b'~' && a[one] != b'^' {
            one += 1;
        }
        while !ends(&b, two) && !b[two].is_ascii_alphanumeric() && b[two] != b'~' && b[two] != b'^' {
            two += 1;
        }
        if a[one] == b'~' || b[two] == b'~' {
            if a[one] != b'~' {
                return 1;
            }
            if b[two] != b'~' {
                return -1;
            }
            (one, two) = (one + 1, two + 1);
            continue;
        }
        if a[one] == b'^' || b[two] == b'^' {
            if ends(&a, one) {
                return -1;
            }
            if ends(&b, two) {
                return 1;
            }
            if a[one] != b'^' {
                return 1;
            }
            if b[two] != b'^' {
                return -1;
            }
            (one, two) = (one + 1, two + 1);
            continue;
        }
        if ends(&a, one) || ends(&b, two) {
            break;
        }
        let is_number = a[one].is_ascii_digit();
        let belongs = |byte: &u8| if is_number { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() };
        let (mut end_one, mut end_two) = (one, two);
        while belongs(&a[end_one]) {
            end_one += 1;
        }
        while belongs(&b[end_two]) {
            end_two += 1;
        }
        if two == end_two {
            return if is_number { 1 } else { -1 };
        }
        let (mut left, mut right) = (&a[one..end_one], &b[two..end_two]);
        if is_number {
            while let Some(rest) = left.strip_prefix(b"0") {
                left = rest;
            }
            while let Some(rest) = right.strip_prefix(b"0") {
                right = rest;
            }
            if left.len() != right.len() {
                return if left.len() > right.len() { 1 } else { -1 };
            }
        }
        if left != right {
            return if left < right { -1 } else { 1 };
        }
        (one, two) = (end_one, end_two);
    }
    match (ends(&a, one), ends(&b, two)) {
        (true, true) => 0,
        (true, false) => -1,
        (false, _) => 1,
    }
}
