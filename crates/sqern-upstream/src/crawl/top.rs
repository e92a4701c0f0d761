//! The top of a source: the one text that everything else is stated by.

use url::Url;

use crate::deb::release::Release;
use crate::rpm::repomd::Repomd;

/// The top of a source that may be believed.
pub(crate) struct Top {
    pub(crate) says: Says,
    /// The text that was signed.
    pub(crate) text: String,
    /// The mirror that it came from: what stands before `/dists/` or `/repodata/`.
    pub(crate) base: Url,
    pub(crate) url: String,
    pub(crate) etag: Option<String>,
    pub(crate) warnings: Vec<String>,
}

/// What the text says.
pub(crate) enum Says {
    /// A Debian-style archive's `Release`.
    Release(Release),
    /// An rpm-md repository's `repomd.xml`, one for each architecture that has one of its own.
    Repomd(Vec<Repository>),
}

/// One folder with a `repodata/` of its own.
pub(crate) struct Repository {
    /// The architectures that are read from it.
    pub(crate) architectures: Vec<String>,
    /// The base that it came from, and those that may serve its files too.
    pub(crate) bases: Vec<Url>,
    pub(crate) url: String,
    pub(crate) repomd: Repomd,
}
