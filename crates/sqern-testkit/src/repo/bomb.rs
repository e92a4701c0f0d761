//! Decompression bombs.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use sqern_archive::Compression;

/// The size of a compressed part of a bomb.
const PART_BYTES: usize = 16 << 20;

/// Writes a file that decompresses to at least `plain_bytes` bytes `byte`.
///
/// The file consists of equal parts of 16 MiB. All formats support several compressed parts, so even
/// a large bomb is written quickly.
///
/// # Errors
///
/// Returns an error if the file cannot be written.
pub fn write_bomb(
    file: &Path,
    compression: Compression,
    byte: u8,
    plain_bytes: u64,
) -> io::Result<()> {
    let part = compression.compress(&vec![byte; PART_BYTES])?;
    let mut writer = File::create(file)?;
    for _ in 0..plain_bytes.div_ceil(PART_BYTES as u64) {
        writer.write_all(&part)?;
    }
    Ok(())
}
