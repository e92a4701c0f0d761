//! Debian-style archives.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SignaturePolicy;

/// One suite of a Debian-style archive (wiki.debian.org/DebianRepository/Format).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AptSource {
    /// The name of the source, unique in its distribution.
    pub name: String,
    /// The values of `{each}` in `name`, `base` and `suite`. Each value creates a source, in which
    /// this list is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<String>,
    /// Base URLs of mirrors in order of preference (`http`, `https`, `file`): the part before
    /// `/dists/`. `{arch}` creates a source for each architecture.
    pub base: Vec<String>,
    /// The suite below `dists/` (`bookworm-updates`); with a slash at the end, the directory of a flat
    /// repository below the base (`./`), as in sources.list(5).
    pub suite: String,
    /// The `Suite` or `Codename` in the `Release` file, if it differs from `suite`, for example in a
    /// snapshot (`bookworm` in `dists/20261128T000000Z`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_suite: Option<String>,
    /// The components to read. Empty for a flat repository.
    pub components: Vec<String>,
    /// The Debian architectures to read (`amd64`).
    pub architectures: Vec<String>,
    /// OpenPGP keyring files (binary or armored). Files that do not exist are skipped.
    #[serde(default)]
    pub keyring: Vec<String>,
    /// The package that contains the keyring, for the hint if the keyring is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyring_package: Option<String>,
    /// The fingerprints of the keys that may sign, with 40 hexadecimal digits (64 for keys of version
    /// 6). Other keys of the keyring are not accepted. If the list is empty, all are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// URLs (`https`) from which `sqern keyring fetch` downloads these keys into the last file of
    /// `keyring`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_urls: Vec<String>,
    /// The policy for the signature.
    #[serde(default)]
    pub signature: SignaturePolicy,
    /// Whether a `Release` file is rejected after its `Valid-Until`, as in sources.list(5). `false`
    /// for archives that are no longer updated.
    #[serde(default = "yes")]
    pub check_valid_until: bool,
    /// The age in days at which a `Release` file causes a warning, for archives without
    /// `Valid-Until` that change often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_after_days: Option<u32>,
    /// A file with user and password for the base URLs (HTTP basic authentication): `USER:PASSWORD`
    /// in its first line, or the format of `apt_auth.conf(5)`. Only its owner may have access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// Whether the source is skipped with a note if the file in `credentials` does not exist.
    #[serde(default)]
    pub optional: bool,
}

impl AptSource {
    /// Returns whether the repository is flat: it has one index, without components.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        self.suite.ends_with('/')
    }

    /// Returns the path of a file of the suite below the base: `dists/bookworm/InRelease`.
    #[must_use]
    pub fn suite_file(&self, name: &str) -> String {
        let suite = self.suite.trim_matches('/');
        if self.is_flat() {
            let directories = suite
                .split('/')
                .filter(|directory| !["", "."].contains(directory));
            directories.chain([name]).collect::<Vec<_>>().join("/")
        } else {
            format!("dists/{suite}/{name}")
        }
    }
}

fn yes() -> bool {
    true
}
