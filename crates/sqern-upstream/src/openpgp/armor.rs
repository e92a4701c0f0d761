//! ASCII armor (RFC 9580 §6.2) with more than one block. Files of signatures and keyrings are
//! created by concatenation, and gpg reads all blocks. sequoia reads only the first.

use std::borrow::Cow;
use std::io::Read as _;

use memchr::memmem;
use sequoia_openpgp::armor::{Kind, Reader, ReaderMode};

/// A type of armored block.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockType {
    kind: Kind,
    begin: &'static [u8],
}

/// Detached signatures.
pub(super) const SIGNATURE: BlockType = BlockType {
    kind: Kind::Signature,
    begin: b"-----BEGIN PGP SIGNATURE-----",
};
/// Certificates.
pub(super) const PUBLIC_KEY: BlockType = BlockType {
    kind: Kind::PublicKey,
    begin: b"-----BEGIN PGP PUBLIC KEY BLOCK-----",
};

/// Returns the packets of all armored blocks of a type. Text outside the blocks and unreadable
/// blocks are skipped. Data without a readable block is returned unchanged.
pub(super) fn dearmor(data: &[u8], block_type: BlockType) -> Cow<'_, [u8]> {
    let starts: Vec<usize> = memmem::find_iter(data, block_type.begin).collect();
    let ends = starts.iter().skip(1).copied().chain([data.len()]);
    let mut packets = Vec::new();
    for (start, end) in starts.iter().copied().zip(ends) {
        let mode = ReaderMode::Tolerant(Some(block_type.kind));
        let mut block = Vec::new();
        let mut reader = Reader::from_bytes(&data[start..end], mode);
        if reader.read_to_end(&mut block).is_ok() {
            packets.append(&mut block);
        }
    }
    if packets.is_empty() {
        Cow::Borrowed(data)
    } else {
        Cow::Owned(packets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_readable_blocks_are_joined() {
        let block = |data: &[u8]| {
            let mut writer =
                sequoia_openpgp::armor::Writer::new(Vec::new(), Kind::Signature).expect("a writer");
            std::io::Write::write_all(&mut writer, data).expect("written");
            writer.finalize().expect("written")
        };
        let text = [
            b"a comment\n".to_vec(),
            block(b"first"),
            b"\n".to_vec(),
            block(b"second"),
        ];
        assert_eq!(&*dearmor(&text.concat(), SIGNATURE), b"firstsecond");
        let broken = [
            b"-----BEGIN PGP SIGNATURE-----\n\n*\n".to_vec(),
            block(b"second"),
        ];
        assert_eq!(&*dearmor(&broken.concat(), SIGNATURE), b"second");
        assert_eq!(&*dearmor(b"binary", SIGNATURE), b"binary");
        let other = block(b"first");
        assert_eq!(&*dearmor(&other, PUBLIC_KEY), &*other);
    }
}
