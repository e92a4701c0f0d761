//! The version order of librpm, translated from rpmio/rpmvercmp.c and lib/rpmver.c. It is
//! independent of the implementation in the model.

use std::cmp::Ordering;

/// Compares epochs, then versions, then releases. A missing epoch is 0, and a missing release is
/// empty.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (parse_evr(left), parse_evr(right));
    let steps = left
        .iter()
        .zip(&right)
        .map(|(left, right)| rpmvercmp(left, right));
    steps
        .into_iter()
        .find(|step| *step != 0)
        .unwrap_or(0)
        .cmp(&0)
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

/// Compares null-terminated texts.
fn rpmvercmp(a: &str, b: &str) -> i32 {
    let (a, b) = (
        [a.as_bytes(), b"\0"].concat(),
        [b.as_bytes(), b"\0"].concat(),
    );
    let (mut start_a, mut start_b) = (0, 0);
    let ends = |text: &[u8], index: usize| index + 1 >= text.len();
    while !ends(&a, start_a) || !ends(&b, start_b) {
        while !ends(&a, start_a)
            && !a[start_a].is_ascii_alphanumeric()
            && a[start_a] != b'~'
            && a[start_a] != b'^'
        {
            start_a += 1;
        }
        while !ends(&b, start_b)
            && !b[start_b].is_ascii_alphanumeric()
            && b[start_b] != b'~'
            && b[start_b] != b'^'
        {
            start_b += 1;
        }
        if a[start_a] == b'~' || b[start_b] == b'~' {
            if a[start_a] != b'~' {
                return 1;
            }
            if b[start_b] != b'~' {
                return -1;
            }
            (start_a, start_b) = (start_a + 1, start_b + 1);
            continue;
        }
        if a[start_a] == b'^' || b[start_b] == b'^' {
            if ends(&a, start_a) {
                return -1;
            }
            if ends(&b, start_b) {
                return 1;
            }
            if a[start_a] != b'^' {
                return 1;
            }
            if b[start_b] != b'^' {
                return -1;
            }
            (start_a, start_b) = (start_a + 1, start_b + 1);
            continue;
        }
        if ends(&a, start_a) || ends(&b, start_b) {
            break;
        }
        let is_number = a[start_a].is_ascii_digit();
        let belongs = |byte: &u8| {
            if is_number {
                byte.is_ascii_digit()
            } else {
                byte.is_ascii_alphabetic()
            }
        };
        let (mut end_a, mut end_b) = (start_a, start_b);
        while belongs(&a[end_a]) {
            end_a += 1;
        }
        while belongs(&b[end_b]) {
            end_b += 1;
        }
        if start_b == end_b {
            return if is_number { 1 } else { -1 };
        }
        let (mut left, mut right) = (&a[start_a..end_a], &b[start_b..end_b]);
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
        (start_a, start_b) = (end_a, end_b);
    }
    match (ends(&a, start_a), ends(&b, start_b)) {
        (true, true) => 0,
        (true, false) => -1,
        (false, _) => 1,
    }
}
