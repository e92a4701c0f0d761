//! The root of a source: the one text that everything else is stated by.

use jiff::Timestamp;
use url::Url;

use crate::deb::release::Release;
use crate::rpm::repomd::Repomd;

/// The root of a source that may be believed.
pub(crate) struct RootMetadata {
    pub(crate) document: RootDocument,
    /// The text that was signed.
    pub(crate) text: String,
    /// The mirror that it came from: what stands before `/dists/` or `/repodata/`.
    pub(crate) base: Url,
    /// That mirror and those after it: each may serve the files that the text states.
    pub(crate) mirrors: Vec<Url>,
    pub(crate) url: String,
    pub(crate) etag: Option<String>,
    /// When it says that it was made.
    pub(crate) dated_at: Option<Timestamp>,
    pub(crate) warnings: Vec<String>,
}

/// What the text says.
pub(crate) enum RootDocument {
    /// A Debian-style archive's `Release`.
    Release(Release),
    /// An rpm-md repository's `repomd.xml`.
    Repomd(Repomd),
}
