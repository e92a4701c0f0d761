//! Characters of untrusted text that could control a terminal, hide text or imitate other lines.
//!
//! They are control characters (C0, DEL, C1), line and paragraph separators, and characters without
//! a visible form, such as bidirectional controls and zero-width characters.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

/// Returns whether a character must not be printed.
///
/// These are the general categories `Cc`, `Cf`, `Zl` and `Zp` of Unicode, and the other characters
/// with the property `Default_Ignorable_Code_Point` (`DerivedCoreProperties.txt`).
#[must_use]
pub fn is_unprintable(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    matches!(
        character.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    ) || matches!(
        character,
        '\u{34f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2065}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Escapes a value for a terminal, as in string literals of Rust: a line break is `\n`, and the
/// other unprintable characters are for example `\t` and `\u{202e}`. The result is one line.
#[must_use]
pub fn escape_value(text: &str) -> Cow<'_, str> {
    escape(text, is_unprintable)
}

/// Escapes text of several lines for a terminal like [`escape_value`], but keeps line breaks and
/// tabs. Escape sequences of colors are removed.
#[must_use]
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    let is_escaped =
        |character: char| is_unprintable(character) && !matches!(character, '\n' | '\t');
    match without_colors(text) {
        Cow::Borrowed(text) => escape(text, is_escaped),
        Cow::Owned(text) => escape(&text, is_escaped).into_owned().into(),
    }
}

/// Escapes a message for a terminal. A line break before 2 blanks is part of the message, such as
/// before the last lines of a log. Each other one is part of a value and printed as `\n`, so that no
/// name can imitate a further message.
#[must_use]
pub fn escape_message(text: &str) -> Cow<'_, str> {
    let mut pieces = text.split("\n  ");
    let first = pieces.next().unwrap_or_default();
    let mut message = escape_value(first);
    for piece in pieces {
        let message = message.to_mut();
        message.push_str("\n  ");
        message.push_str(&escape_value(piece));
    }
    message
}

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
        push_escaped(&mut escaped, character, is_unprintable);
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

/// Escapes the unprintable characters of a JSON document as `\uXXXX` (RFC 8259, section 7). The
/// values of the document are the same.
///
/// Line breaks of the layout are kept. In strings, characters below U+0020 are already escaped.
#[must_use]
pub fn escape_json(document: &str) -> Cow<'_, str> {
    let is_escaped = |character: char| character >= ' ' && is_unprintable(character);
    if !document.contains(is_escaped) {
        return document.into();
    }
    let mut escaped = String::with_capacity(document.len() + 16);
    for character in document.chars() {
        if is_escaped(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped.into()
}

/// Escapes the characters for which `is_escaped` returns true.
fn escape(text: &str, is_escaped: fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(is_escaped) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        push_escaped(&mut escaped, character, is_escaped);
    }
    escaped.into()
}

fn push_escaped(escaped: &mut String, character: char, is_escaped: fn(char) -> bool) {
    if is_escaped(character) {
        escaped.extend(character.escape_default());
    } else {
        escaped.push(character);
    }
}

/// Removes the escape sequences of colors and erased lines.
fn without_colors(text: &str) -> Cow<'_, str> {
    if !text.contains("\u{1b}[") {
        return text.into();
    }
    let mut removed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\u{1b}') {
        removed.push_str(&rest[..start]);
        rest = &rest[start..];
        if let Some(after) = after_color(rest) {
            rest = after;
        } else {
            removed.push('\u{1b}');
            rest = &rest[1..];
        }
    }
    removed.push_str(rest);
    removed.into()
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

    /// Unprintable characters of each kind.
    const UNPRINTABLE: &str = "\0\u{7}\t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{ad}\u{61c}\u{200b}\u{200d}\u{200e}\
        \u{2028}\u{2029}\u{202e}\u{2066}\u{2069}\u{feff}\u{180e}\u{fe0f}\u{3164}\u{e0041}\u{e0100}";

    #[test]
    fn unprintable_characters_are_escaped_in_values() {
        assert!(UNPRINTABLE.chars().all(is_unprintable));
        let escaped = escape_value(UNPRINTABLE);
        assert!(escaped.chars().all(|c| c.is_ascii_graphic()), "{escaped}");
        assert!(escaped.starts_with(r"\u{0}\u{7}\t\n\r\u{1b}"), "{escaped}");
        let printable = "a é ñ n\u{303} 日本 π 😀 → … ' \" \\";
        assert!(matches!(escape_value(printable), Cow::Borrowed(text) if text == printable));
    }

    #[test]
    fn escapes_count_towards_the_limit() {
        assert_eq!(escape_control("a\0\u{9b}é", 100), "a\\u{0}\\u{9b}é");
        let long = escape_control(&"\0".repeat(1500), 1500);
        assert!(long.len() < 1520 && long.ends_with('…'), "{}", long.len());
    }

    #[test]
    fn text_keeps_its_lines_and_loses_its_colors() {
        assert_eq!(
            escape_lines("a\x1b[2J\tx\r\n\u{202e}b"),
            "a\\u{1b}[2J\tx\\r\n\\u{202e}b"
        );
        assert_eq!(
            escape_lines("\x1b[01;31m\x1b[Kerror:\x1b[m\x1b[K x\x1b["),
            "error: x\\u{1b}["
        );
        assert!(matches!(escape_lines("a\nb"), Cow::Borrowed("a\nb")));
    }

    #[test]
    fn a_message_has_only_indented_lines() {
        assert_eq!(
            escape_message("failed:\n  a\n  \tb\nerror: c\n"),
            "failed:\n  a\n  \\tb\\nerror: c\\n"
        );
    }

    proptest! {
        #[test]
        fn escaped_bytes_are_one_line_of_limited_length(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let text = escape_bytes(&bytes, 300);
            prop_assert!(!text.chars().any(is_unprintable) && text.len() <= 320, "{}", text);
        }

        #[test]
        fn escaped_json_has_the_same_value(text in ".*") {
            let text = format!("{text}{UNPRINTABLE}");
            for document in [
                serde_json::to_string(&[&text]).unwrap(),
                serde_json::to_string_pretty(&serde_json::json!({ &text: [&text] })).unwrap(),
            ] {
                let escaped = escape_json(&document);
                prop_assert!(!escaped.chars().any(|c| c != '\n' && is_unprintable(c)), "{}", escaped);
                prop_assert_eq!(
                    serde_json::from_str::<serde_json::Value>(&escaped).unwrap(),
                    serde_json::from_str::<serde_json::Value>(&document).unwrap()
                );
            }
        }
    }
}
