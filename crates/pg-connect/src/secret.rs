//! Secrets, and their removal from debug output.

use std::collections::BTreeMap;

/// A password. Only [`Secret::reveal`] returns it: `Debug` prints a placeholder, and there is no
/// `Display`.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the secret itself.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Returns whether the value of the parameter or variable `name` is a secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("password") || name.contains("secret") || name.starts_with("scram_")
}

/// Returns the values for debug output, with placeholders for secrets.
pub(super) fn redact<K: AsRef<str> + Ord>(values: &BTreeMap<K, String>) -> BTreeMap<&str, &str> {
    let names = values.keys().map(AsRef::as_ref);
    let redacted = names
        .zip(values.values())
        .map(|(name, value)| (name, if is_secret(name) { "[hidden]" } else { value }));
    redacted.collect()
}
