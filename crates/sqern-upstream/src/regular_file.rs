//! Reads files of this machine. Files of other types, such as FIFOs, would block the reader.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The size limit of a file that configures a source: a keyring, certificate, key, list of
/// credentials, or the file of a distribution. The largest keyring of Debian has 60 KB.
pub(crate) const CONFIGURATION_BYTES: u64 = 4 * 1024 * 1024;

/// Opens a regular file, also through symbolic links.
///
/// # Errors
///
/// Returns an error if the file cannot be opened or is not a regular file.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    // Opening a FIFO would block, so the type is checked first.
    if !std::fs::metadata(path)?.is_file() {
        return Err(not_regular());
    }
    File::open(path)
}

/// Returns the error of a file of another type.
pub(crate) fn not_regular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")
}

/// Reads a regular file of at most `limit_bytes` bytes.
///
/// # Errors
///
/// Returns the errors of [`open_regular`], and an error if the file is larger.
pub(crate) fn read_regular(path: &Path, limit_bytes: u64) -> io::Result<Vec<u8>> {
    read_bounded(open_regular(path)?, limit_bytes)
}

/// Reads an open file of at most `limit_bytes` bytes.
pub(crate) fn read_bounded(file: File, limit_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit_bytes.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit_bytes {
        return Err(io::Error::other(FileTooLarge { limit_bytes }));
    }
    Ok(bytes)
}

/// A file is larger than its limit.
#[derive(Debug, thiserror::Error)]
#[error("the file has more than {limit_bytes} bytes")]
struct FileTooLarge {
    limit_bytes: u64,
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_regular_files_of_limited_size_are_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("file"), "abc").expect("written");
        symlink("file", path("link")).expect("linked");
        assert_eq!(read_regular(&path("link"), 3).expect("3 bytes"), b"abc");
        let error = read_regular(&path("file"), 2).expect_err("3 bytes");
        assert_eq!(error.to_string(), "the file has more than 2 bytes");
        let made = Command::new("mkfifo").arg(path("fifo")).status();
        assert!(made.expect("mkfifo runs").success());
        symlink("fifo", path("link to fifo")).expect("linked");
        for name in ["fifo", "link to fifo", "."] {
            let error = open_regular(&path(name)).expect_err(name);
            assert_eq!(error.to_string(), "not a regular file", "{name}");
        }
        let error = open_regular(&path("absent")).expect_err("absent");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
