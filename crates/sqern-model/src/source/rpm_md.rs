//! rpm-md repositories: what `createrepo_c` makes and dnf, zypper and tdnf read.

use serde::{Deserialize, Serialize};

use super::SignaturePolicy;

/// One rpm-md repository (<https://createrepo.baseurl.org/>): what has `repodata/repomd.xml` below it.
///
/// In a file, `name` and URLs may hold `{each}` and `{arch}`: it stands for one source for each value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RpmMdSource {
    /// The source's name, unique within its distribution.
    pub name: String,
    /// In a file: what `{each}` stands for (`["9.4", "9.5"]`). There is one source for each; here it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<String>,
    /// Base URLs, tried in order (`http`, `https`, `file`): what stands before `/repodata/`.
    pub base: Vec<String>,
    /// URLs of texts with a base URL a line (dnf's `mirrorlist`, Amazon's `mirror.list`), tried in order, after `base`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirrorlist: Vec<String>,
    /// The URL of a metalink of `repomd.xml` (RFC 5854's predecessor 3.0, as `MirrorManager` writes it), asked after the others.
    /// Where it states checksums, a `repomd.xml` must have one of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metalink: Option<String>,
    /// rpm's architectures to read (`x86_64`); `noarch` packages belong to each.
    pub architectures: Vec<String>,
    /// OpenPGP keyring files (`RPM-GPG-KEY-…`, binary or armoured); every one that exists is used.
    pub keyring: Vec<String>,
    /// The package of this distribution family that brings the keyring, for the hint when it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyring_package: Option<String>,
    /// How the signature of `repomd.xml` (`repomd.xml.asc`) is treated. Most of the Enterprise Linux family makes none.
    pub signature: SignaturePolicy,
    /// A PEM file with the client's certificate, for servers that ask for one (Red Hat's CDN). A `*` in its last part stands for
    /// any text; the last file in the order of names counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// The PEM file with the certificate's private key; `*` as above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    /// A PEM file with the authorities that the server's certificate must be by, in place of the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// A file whose first line is `USER:PASSWORD`, sent to the base URLs (HTTP basic authentication). Readable by its owner only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// The age in days from which a `repomd.xml` is told as old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_after_days: Option<u32>,
    /// Left out, with a note, where the files of `client_certificate` or `credentials` are not on this machine.
    pub optional: bool,
}
