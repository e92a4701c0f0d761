//! Primitives for files of repositories and packages: compression formats, digests and bounded
//! readers.
//!
//! The crate knows neither archives nor repositories. Its errors name the cause, and the caller
//! adds the file and the message.
//!
//! ```
//! use std::io::{Cursor, Read as _};
//! use sqern_archive::{Algorithm, BoundedReader, Compression, open};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let compressed = Compression::Zstd.compress(b"abc")?;
//! let plain = open(Cursor::new(compressed), Compression::Zstd)?;
//! let mut reader = BoundedReader::new(plain, 1024).with_digest(Algorithm::Sha256);
//! let mut text = String::new();
//! reader.read_to_string(&mut text)?;
//! assert_eq!(text, "abc");
//! # Ok(()) }
//! ```

mod bounded;
mod compress;
mod compression;
mod digest;
mod lz4;

pub use bounded::{BoundedReader, LimitExceeded};
pub use compress::ZstdWriter;
pub use compression::{Compression, OpenError, open};
pub use digest::{Algorithm, Checksum, Hasher, InvalidChecksum, hex, hex_bytes};
