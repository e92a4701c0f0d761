//! The destination of received bytes, with their number, their digest and a limit.

use std::io;

use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::listed_file::ReceivedFile;
use sqern_archive::{Algorithm, Hasher};

/// The number of first bytes that are kept to describe the file.
const HEAD_BYTES: usize = 256;
const READ_BYTES: usize = 128 * 1024;

/// The destination of received bytes.
pub(crate) struct Sink {
    limit: u64,
    received: u64,
    head: Vec<u8>,
    algorithm: Algorithm,
    hasher: Hasher,
    target: Target,
}

enum Target {
    Memory(Vec<u8>),
    File(File),
}

impl Sink {
    /// Returns a sink in memory.
    pub(crate) fn memory(limit: u64) -> Self {
        Self::new(limit, Algorithm::Sha256, Target::Memory(Vec::new()))
    }

    /// Returns a sink that writes to a file.
    pub(crate) fn file(limit: u64, algorithm: Algorithm, file: File) -> Self {
        Self::new(limit, algorithm, Target::File(file))
    }

    /// Returns a sink whose file may contain the start of the download. It is read completely, and
    /// truncated if it is too long.
    pub(crate) async fn resumed(limit: u64, algorithm: Algorithm, file: File) -> io::Result<Self> {
        let mut sink = Self::file(limit, algorithm, file);
        let Target::File(file) = &mut sink.target else {
            return Ok(sink);
        };
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = file.read(&mut buffer).await?;
            if count == 0 {
                return Ok(sink);
            }
            sink.received += count as u64;
            if sink.received > limit {
                sink.reset().await?;
                return Ok(sink);
            }
            sink.hasher.update(&buffer[..count]);
            let more = HEAD_BYTES.saturating_sub(sink.head.len()).min(count);
            sink.head.extend_from_slice(&buffer[..more]);
        }
    }

    fn new(limit: u64, algorithm: Algorithm, target: Target) -> Self {
        Self {
            limit,
            received: 0,
            head: Vec::new(),
            algorithm,
            hasher: Hasher::new(algorithm),
            target,
        }
    }

    /// Returns the limit in bytes.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns the number of received bytes.
    pub(crate) fn position(&self) -> u64 {
        self.received
    }

    /// Removes all bytes, for a new download.
    pub(crate) async fn reset(&mut self) -> io::Result<()> {
        self.received = 0;
        self.head.clear();
        self.hasher = Hasher::new(self.algorithm);
        match &mut self.target {
            Target::Memory(bytes) => bytes.clear(),
            Target::File(file) => {
                file.set_len(0).await?;
                file.rewind().await?;
            }
        }
        Ok(())
    }

    /// Adds bytes, and returns `false` without adding them if they exceed the limit.
    pub(super) async fn write(&mut self, chunk: &[u8]) -> io::Result<bool> {
        let more = HEAD_BYTES.saturating_sub(self.head.len()).min(chunk.len());
        self.head.extend_from_slice(&chunk[..more]);
        let received = self.received + chunk.len() as u64;
        if received > self.limit {
            return Ok(false);
        }
        self.received = received;
        self.hasher.update(chunk);
        match &mut self.target {
            Target::Memory(bytes) => bytes.extend_from_slice(chunk),
            Target::File(file) => file.write_all(chunk).await?,
        }
        Ok(true)
    }

    /// Flushes the file.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Memory(_) => Ok(()),
            Target::File(file) => file.flush().await,
        }
    }

    /// Returns whether the file is an HTML page, such as a login page of a network or an error page
    /// with status 200.
    pub(crate) fn is_html(&self) -> bool {
        is_html(&self.head)
    }

    /// Returns size and checksum of the received bytes.
    pub(crate) fn received(&self) -> ReceivedFile {
        ReceivedFile {
            size_bytes: self.received,
            checksum: self.hasher.clone().finish(),
            is_html: self.is_html(),
        }
    }

    /// Returns the bytes of a sink in memory.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self.target {
            Target::Memory(bytes) => bytes,
            Target::File(_) => Vec::new(),
        }
    }
}

/// Returns whether bytes start like an HTML page.
pub(crate) fn is_html(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    [&b"<!doctype"[..], b"<html"].iter().any(|start| {
        head.get(..start.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(start))
    })
}
