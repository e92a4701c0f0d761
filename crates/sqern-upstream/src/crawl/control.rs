//! The limits that the concurrent scans of a source share.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use sqern_model::size;

use super::entry::Entries;
use crate::{Error, ErrorKind, Limits};

/// The memory limit of a source, and whether its crawl was canceled.
#[derive(Debug, Clone)]
pub(crate) struct ScanControl {
    limit_bytes: usize,
    used_bytes: Arc<AtomicUsize>,
    is_canceled: Arc<AtomicBool>,
}

/// The relevant packages of a source exceed the memory limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the kernel packages of the source require more than {} of memory", size(*.limit_bytes as u64))]
pub(crate) struct OutOfMemory {
    limit_bytes: usize,
}

impl OutOfMemory {
    /// Returns the error of a source.
    pub(crate) fn into_error(self, location: &str) -> Error {
        Error::failed(
            ErrorKind::LimitExceeded,
            "could not read",
            self.to_string(),
            location,
        )
    }
}

impl ScanControl {
    /// Returns the state of a new crawl.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limit_bytes: limits.entry_bytes,
            used_bytes: Arc::default(),
            is_canceled: Arc::default(),
        }
    }

    /// Adds the memory of relevant packages.
    pub(crate) fn add(&self, bytes: usize) -> Result<(), OutOfMemory> {
        let used = self.used_bytes.fetch_add(bytes, Ordering::Relaxed);
        if used.saturating_add(bytes) > self.limit_bytes {
            return Err(OutOfMemory {
                limit_bytes: self.limit_bytes,
            });
        }
        Ok(())
    }

    /// Adds the memory of the packages of a cached index.
    pub(crate) fn add_cached(&self, entries: &Entries, name: &str) -> Result<(), Error> {
        self.add(entries.bytes())
            .map_err(|error| error.into_error(name))
    }

    /// Returns a guard that cancels the scans when it is dropped. A scan runs in a separate thread,
    /// which would otherwise continue.
    pub(crate) fn cancel_on_drop(&self) -> CancelOnDrop {
        CancelOnDrop(Arc::clone(&self.is_canceled))
    }

    /// Returns a reader that fails after the crawl was canceled.
    pub(crate) fn reader<R: Read>(&self, inner: R) -> CancelableReader<R> {
        CancelableReader {
            inner,
            is_canceled: Arc::clone(&self.is_canceled),
        }
    }
}

/// Cancels the scans of a source when it is dropped.
pub(crate) struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A reader that fails after the crawl was canceled.
pub(crate) struct CancelableReader<R> {
    inner: R,
    is_canceled: Arc<AtomicBool>,
}

impl<R: Read> Read for CancelableReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_canceled.load(Ordering::Relaxed) {
            return Err(io::Error::other("the crawl was canceled"));
        }
        self.inner.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scans_of_a_source_share_the_memory_limit() {
        let control = ScanControl::new(&Limits {
            entry_bytes: 10,
            ..Limits::default()
        });
        let other = control.clone();
        assert_eq!((control.add(6), other.add(4)), (Ok(()), Ok(())));
        let error = other.add(1).expect_err("11 bytes");
        assert_eq!(
            error.to_string(),
            "the kernel packages of the source require more than 10 B of memory"
        );
    }

    #[test]
    fn a_canceled_scan_reads_no_more_bytes() {
        let control = ScanControl::new(&Limits::default());
        let guard = control.cancel_on_drop();
        let mut reader = control.reader(&b"ab"[..]);
        let mut byte = [0];
        reader.read_exact(&mut byte).expect("not canceled");
        drop(guard);
        let error = reader.read_exact(&mut byte).expect_err("canceled");
        assert_eq!(error.to_string(), "the crawl was canceled");
    }
}
