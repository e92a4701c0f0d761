//! Versions of PostgreSQL.

/// The oldest supported major version: `initdb` accepts `--locale-provider` since version 15.
pub(super) const MIN_VERSION: u32 = 15;

/// Returns the major version at the start of `text`: 15 of `15.18`, 17 of `17beta1`.
pub(super) fn major(text: &str) -> Option<u32> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}
