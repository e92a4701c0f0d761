//! JSON documents that are not in memory.

use std::io::{self, Read, Write};

use sqern_model::escape::escape_json;

/// The number of bytes that are read at once.
const BLOCK_BYTES: usize = 64 << 10;

/// Copies a JSON document of any length, escaped by [`escape_json`].
///
/// # Errors
///
/// Returns an error if the document could not be read or written, or is not UTF-8.
pub(super) fn copy(mut document: impl Read, output: &mut impl Write) -> io::Result<()> {
    let mut block = vec![0; BLOCK_BYTES];
    // The number of bytes of an incomplete character at the start of the block.
    let mut incomplete = 0;
    loop {
        let count = match document.read(&mut block[incomplete..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count?,
        };
        let length = incomplete + count;
        let text = match std::str::from_utf8(&block[..length]) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() && count > 0 => {
                std::str::from_utf8(&block[..error.valid_up_to()]).map_err(io::Error::other)?
            }
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        };
        output.write_all(escape_json(text).as_bytes())?;
        if count == 0 {
            return Ok(());
        }
        let end = text.len();
        block.copy_within(end..length, 0);
        incomplete = length - end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the bytes of a text separately.
    struct Bytes<'a>(&'a [u8]);

    impl Read for Bytes<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0
                .take(1)
                .read(buffer)
                .inspect(|count| self.0 = &self.0[*count..])
        }
    }

    #[test]
    fn characters_between_two_blocks_are_escaped() {
        let document = "[\"a\u{202e}é😀\u{e0041}\"]";
        let mut output = vec![];
        copy(Bytes(document.as_bytes()), &mut output).unwrap();
        assert_eq!(
            String::from_utf8(output).unwrap(),
            "[\"a\\u202eé😀\\udb40\\udc41\"]"
        );
        let long = format!("[\"{}\u{200b}\"]", "é".repeat(BLOCK_BYTES));
        let mut output = vec![];
        copy(long.as_bytes(), &mut output).unwrap();
        assert_eq!(output, long.replace('\u{200b}', "\\u200b").as_bytes());
        for invalid in [&b"[\"\xe2\x80"[..], b"\xff]"] {
            assert!(copy(invalid, &mut vec![]).is_err());
        }
    }
}
