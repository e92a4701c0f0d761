//! Control characters of untrusted text, which must reach neither terminals nor the database.

use std::borrow::Cow;

/// Escapes control characters as in string literals of Rust, and limits the result to about
/// `max_bytes` bytes.
///
/// A limited text ends with `…`. Escapes count towards the limit.
#[must_use]
pub fn escape_control(text: &str, max_bytes: usize) -> String {
    let mut escaped = String::with_capacity(text.len().min(max_bytes));
    for character in text.chars() {
        if escaped.len() >= max_bytes {
            escaped.push('…');
            break;
        }
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Escapes bytes like [`escape_control`]. Text that is not UTF-8 is escaped as ASCII.
#[must_use]
pub fn escape_bytes(bytes: &[u8], max_bytes: usize) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => escape_control(text, max_bytes),
        Err(_) => escape_control(&bytes.escape_ascii().to_string(), max_bytes),
    }
}

/// Removes the escape sequences of colors, and replaces other control characters, except newlines
/// and tabs, so that the text cannot control a terminal.
#[must_use]
pub fn replace_control(text: &str) -> Cow<'_, str> {
    let is_replaced = |character: char| character.is_control() && !matches!(character, '\n' | '\t');
    if !text.contains(is_replaced) {
        return text.into();
    }
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if let Some(after) = after_color(rest) {
            rest = after;
            continue;
        }
        replaced.push(if is_replaced(character) {
            '\u{fffd}'
        } else {
            character
        });
        rest = &rest[character.len_utf8()..];
    }
    replaced.into()
}

/// Returns the text after an escape sequence of a color or an erased line, such as those of gcc:
/// `ESC [`, parameters, and `m` or `K` (ECMA-48, SGR and EL).
fn after_color(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let rest = parameters
        .trim_start_matches(|character: char| character.is_ascii_digit() || character == ';');
    rest.strip_prefix(['m', 'K'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_count_towards_the_limit() {
        assert_eq!(escape_control("a\0\u{9b}é", 100), "a\\u{0}\\u{9b}é");
        let long = escape_control(&"\0".repeat(1500), 1500);
        assert!(long.len() < 1520 && long.ends_with('…'), "{}", long.len());
    }

    #[test]
    fn replaced_text_keeps_its_lines() {
        assert_eq!(replace_control("a\x1b[2J\nb"), "a\u{fffd}[2J\nb");
        assert_eq!(
            replace_control("\x1b[01;31m\x1b[Kerror:\x1b[m\x1b[K x\x1b["),
            "error: x\u{fffd}["
        );
        assert!(matches!(replace_control("a\nb"), Cow::Borrowed("a\nb")));
    }

    proptest! {
        #[test]
        fn escaped_bytes_are_one_line_of_limited_length(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let text = escape_bytes(&bytes, 300);
            prop_assert!(!text.chars().any(char::is_control) && text.len() <= 320, "{}", text);
        }
    }
}
