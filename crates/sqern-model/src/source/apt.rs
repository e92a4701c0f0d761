//! Debian-style archives.

use serde::{Deserialize, Serialize};

use super::SignaturePolicy;

/// One suite of a Debian-style archive (wiki.debian.org/DebianRepository/Format).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AptSource {
    /// The source's name, unique within its distribution.
    pub name: String,
    /// In a file: what `{each}` stands for in `name`, `base` and `suite`. There is one source for each; here it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<String>,
    /// Base URLs of mirrors, tried in order (`http`, `https`, `file`): what stands before `/dists/`. One with `{arch}` makes a source
    /// for each of the architectures.
    pub base: Vec<String>,
    /// The suite below `dists/` (`bookworm-updates`).
    pub suite: String,
    /// The components to read.
    pub components: Vec<String>,
    /// The Debian architectures to read (`amd64`).
    pub architectures: Vec<String>,
    /// OpenPGP keyring files (binary or armoured); every one that exists is used.
    #[serde(default)]
    pub keyring: Vec<String>,
    /// The package of this distribution family that brings the keyring, for the hint when it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyring_package: Option<String>,
    /// How the signature is treated.
    #[serde(default)]
    pub signature: SignaturePolicy,
    /// Whether a `Release` past its `Valid-Until` is refused, as sources.list(5) has it; an archive that is closed for good stays as it
    /// is, and says `false`.
    #[serde(default = "yes")]
    pub check_valid_until: bool,
    /// The age in days from which a `Release` is told as old: for archives without `Valid-Until` that change often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_after_days: Option<u32>,
    /// A file with user name and password for the base URLs (HTTP basic authentication): `USER:PASSWORD` in its first line, or as
    /// `apt_auth.conf(5)` has it. Readable by its owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// Left out, with a note, where the file of `credentials` is not on this machine.
    #[serde(default)]
    pub optional: bool,
}

fn yes() -> bool {
    true
}
