//! rpm-md repositories, which `createrepo_c` creates and dnf, zypper and tdnf read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SignaturePolicy;

/// An rpm-md repository (<https://createrepo.baseurl.org/>): a directory with
/// `repodata/repomd.xml`.
///
/// `name` and the URLs can contain `{each}` and `{arch}`. Each value creates a source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RpmMdSource {
    /// The name of the source, unique in its distribution.
    pub name: String,
    /// The values of `{each}` (`["9.4", "9.5"]`). Each value creates a source, in which this list
    /// is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<String>,
    /// Base URLs in order of preference (`http`, `https`, `file`): the part before `/repodata/`.
    pub base: Vec<String>,
    /// URLs of lists with one base URL per line (`mirrorlist` of dnf, `mirror.list` of Amazon),
    /// used in this order after `base`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirrorlist: Vec<String>,
    /// The URL of a metalink for `repomd.xml` (version 3.0, the predecessor of RFC 5854, as written
    /// by `MirrorManager`), used last. If it contains checksums, one of them must match
    /// `repomd.xml`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metalink: Option<String>,
    /// Other hosts to which `xml:base` in the metadata may refer (`packages.example.com`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub package_hosts: Vec<String>,
    /// The rpm architectures to read (`x86_64`). `noarch` is always included.
    pub architectures: Vec<String>,
    /// OpenPGP keyring files (`RPM-GPG-KEY-…`, binary or armored). Files that do not exist are
    /// skipped.
    pub keyring: Vec<String>,
    /// The package that contains the keyring, for the hint if the keyring is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keyring_package: Option<String>,
    /// The fingerprints of the keys that may sign, with 40 hexadecimal digits (64 for keys of version
    /// 6). Other keys of the keyring are not accepted. If the list is empty, all are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// URLs (`https`) from which `sqern keyring fetch` downloads these keys into the last file of
    /// `keyring`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_urls: Vec<String>,
    /// The policy for the signature of `repomd.xml` (`repomd.xml.asc`). Most Enterprise Linux
    /// distributions have none.
    pub signature: SignaturePolicy,
    /// A PEM file with the client certificate, for servers that require one (CDN of Red Hat). `*`
    /// in the last component matches any text. The last file by name is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<String>,
    /// The PEM file with the private key of the certificate, with the same wildcard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_key: Option<String>,
    /// A PEM file with the certificate authorities of the server, instead of those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// A file whose first line is `USER:PASSWORD` for the base URLs (HTTP basic authentication).
    /// Only its owner may have access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// The age in days at which a `repomd.xml` causes a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_after_days: Option<u32>,
    /// Whether the source is skipped with a note if the files in `client_certificate` or
    /// `credentials` do not exist.
    pub optional: bool,
}
