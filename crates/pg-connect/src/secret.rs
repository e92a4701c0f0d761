//! A text that must not be seen.

use std::collections::BTreeMap;

/// A password: shows itself only to who asks with [`Secret::reveal`], never through `Debug`, and has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the server's eyes.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Whether the value of the parameter or variable `name` is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("password") || name.contains("secret") || name.starts_with("scram_")
}

/// A copy for `Debug` in which the secrets are covered.
pub(super) fn hide_passwords<K: AsRef<str> + Ord>(values: &BTreeMap<K, String>) -> BTreeMap<&str, &str> {
    let names = values.keys().map(AsRef::as_ref);
    let covered = names.zip(values.values()).map(|(name, value)| (name, if is_secret(name) { "[hidden]" } else { value }));
    covered.collect()
}
