//! The root metadata of a source, which determines all other metadata.

use jiff::Timestamp;
use url::Url;

use crate::deb::release::Release;
use crate::rpm::repomd::Repomd;

/// The verified root metadata of a source.
pub(crate) struct RootMetadata {
    pub(crate) document: RootDocument,
    /// The signed text.
    pub(crate) text: String,
    /// The base URL of the mirror: the part before `/dists/` or `/repodata/`.
    pub(crate) base: Url,
    /// This mirror and the following ones, which might provide the listed files.
    pub(crate) mirrors: Vec<Url>,
    pub(crate) url: String,
    pub(crate) etag: Option<String>,
    /// The date in the text.
    pub(crate) dated_at: Option<Timestamp>,
    /// The fingerprint of the certificate whose key signed the text; `None` if it is not verified.
    pub(crate) verified_by: Option<String>,
    pub(crate) warnings: Vec<String>,
}

/// The parsed text.
pub(crate) enum RootDocument {
    /// The `Release` of an apt repository.
    Release(Release),
    /// The `repomd.xml` of an rpm-md repository.
    Repomd(Repomd),
}
