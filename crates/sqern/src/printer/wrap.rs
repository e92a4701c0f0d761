//! Lines with a hanging indent.

use unicode_width::UnicodeWidthStr as _;

/// Splits a text at spaces into lines. The first line starts with `head`, and the others with the
/// same number of spaces.
#[must_use]
pub fn wrap(text: &str, head: &str, width: usize) -> Vec<String> {
    let mut lines = vec![head.to_owned()];
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.width());
        if !is_empty && line + 1 + word.width() > width {
            lines.push(" ".repeat(head.width()));
            is_empty = true;
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if is_empty { "" } else { " " });
            line.push_str(word);
        }
        is_empty = false;
    }
    lines
}
