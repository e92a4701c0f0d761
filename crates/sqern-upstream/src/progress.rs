//! Who wants to know how far a crawl is.

use sqern_model::DistroName;

/// Told while sources are read. Calls come from several tasks at once and must return quickly.
pub trait Progress: Send + Sync {
    /// Reading of one source begins.
    fn started(&self, distro: &DistroName, source: &str);
    /// So many more bytes of a source arrived (before decompression).
    fn received(&self, distro: &DistroName, source: &str, bytes: u64);
    /// One source was read as far as it could be.
    fn finished(&self, distro: &DistroName, source: &str);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _distro: &DistroName, _source: &str) {}
    fn received(&self, _distro: &DistroName, _source: &str, _bytes: u64) {}
    fn finished(&self, _distro: &DistroName, _source: &str) {}
}
