//! Size and checksum of a file, as metadata lists them.

use sqern_archive::{Algorithm, Checksum};
use sqern_model::counted;

use crate::{Error, ErrorKind};

/// The size and checksum of a file in signed metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedFile {
    /// The size in bytes; `None` if it is not listed, which repomd.xml allows.
    pub(crate) size_bytes: Option<u64>,
    /// The algorithm of the checksum.
    pub(crate) algorithm: Algorithm,
    /// The checksum in lower-case hexadecimal digits.
    pub(crate) checksum: String,
}

impl ListedFile {
    /// Returns a file with a SHA-256.
    #[cfg(test)]
    pub(crate) fn sha256(size_bytes: u64, checksum: String) -> Self {
        Self {
            size_bytes: Some(size_bytes),
            algorithm: Algorithm::Sha256,
            checksum,
        }
    }

    /// Returns a file with a size and a checksum.
    pub(crate) fn new(size_bytes: u64, checksum: Checksum) -> Self {
        Self {
            size_bytes: Some(size_bytes),
            algorithm: checksum.algorithm,
            checksum: checksum.digits,
        }
    }
}

/// The size and computed checksum of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReceivedFile {
    pub(crate) size_bytes: u64,
    pub(crate) checksum: String,
    /// Whether the file starts like an HTML page, such as the login page of a network.
    pub(crate) is_html: bool,
}

impl ReceivedFile {
    /// Returns whether the file has the listed size and checksum.
    pub(crate) fn matches(&self, listed: &ListedFile) -> bool {
        listed.size_bytes.is_none_or(|size| size == self.size_bytes)
            && listed.checksum == self.checksum
    }

    /// Checks that the file has the listed size and checksum. `by` is the metadata that lists it
    /// ("the Release").
    pub(crate) fn check(&self, listed: &ListedFile, by: &str, location: &str) -> Result<(), Error> {
        if self.matches(listed) {
            return Ok(());
        }
        let Self {
            size_bytes,
            checksum,
            is_html,
        } = self;
        let algorithm = listed.algorithm;
        let found = if *is_html {
            format!("an HTML page ({})", counted(*size_bytes, "byte"))
        } else if *size_bytes == 0 {
            "an empty file".to_owned()
        } else if listed.size_bytes.is_some_and(|size| *size_bytes < size) {
            format!(
                "a truncated or older file of {} with {algorithm} {checksum}",
                counted(*size_bytes, "byte")
            )
        } else {
            format!(
                "{} with {algorithm} {checksum}",
                counted(*size_bytes, "byte")
            )
        };
        let size = listed
            .size_bytes
            .map_or_else(|| "a file".to_owned(), |size| counted(size, "byte"));
        let expected = format!(
            "{size} with {algorithm} {} as listed by {by}",
            listed.checksum
        );
        Err(Error::unexpected(
            ErrorKind::ChecksumMismatch,
            expected,
            found,
            location,
        ))
    }
}
