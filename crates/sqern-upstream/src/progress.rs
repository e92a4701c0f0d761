//! The progress of a crawl.

use sqern_model::DistroName;

/// Receives the progress of a crawl. Calls are concurrent and must return quickly.
pub trait Progress: Send + Sync {
    /// Called when the crawl of a source starts.
    fn started(&self, distro: &DistroName, source: &str);
    /// Called for each received chunk with its size before decompression.
    fn received(&self, distro: &DistroName, source: &str, bytes: u64);
    /// Called when the crawl of a source ends.
    fn finished(&self, distro: &DistroName, source: &str);
}

/// Ignores the progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _distro: &DistroName, _source: &str) {}
    fn received(&self, _distro: &DistroName, _source: &str, _bytes: u64) {}
    fn finished(&self, _distro: &DistroName, _source: &str) {}
}
