//! An rpm's header: an index of tags, and the store of their data.

use std::io::Read;

use sqern_model::counted;

use super::super::error::{UnpackError, refused, unreadable};
use super::super::name::shown;

const MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 0x01];
const ENTRY_BYTES: usize = 16;
/// rpm's own limit on entries (`HEADER_TAGS_MAX`).
const MOST_TAGS: usize = 0xffff;

/// How a tag's data is typed (rpm's `rpmTagType_e`), as far as it is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    U16 = 3,
    U32 = 4,
    U64 = 5,
    Text = 6,
    Texts = 8,
}

impl Type {
    fn width(self) -> usize {
        match self {
            Self::U16 => 2,
            Self::U32 => 4,
            Self::U64 => 8,
            // At least the zero byte that ends it.
            Self::Text | Self::Texts => 1,
        }
    }
}

/// A tag's index entry.
#[derive(Debug, Clone, Copy)]
struct Tag {
    tag: u32,
    kind: u32,
    offset: usize,
    count: usize,
}

/// A header in memory: as large as it says, and no larger than allowed.
pub(super) struct Header {
    index: Vec<Tag>,
    store: Vec<u8>,
    place: &'static str,
}

impl Header {
    /// Reads a header of at most `most_bytes`.
    pub(super) fn read(from: &mut impl Read, most_bytes: usize, place: &'static str) -> Result<Self, UnpackError> {
        let broken = |error: std::io::Error| unreadable(&error, place);
        let mut start = [0; 16];
        from.read_exact(&mut start).map_err(broken)?;
        if start[..4] != MAGIC {
            return Err(refused("a header with magic number 8e ad e8 01", format!("{:02x?}", &start[..4]), place));
        }
        let (tags, store_bytes) = (number(&start[8..12]), number(&start[12..16]));
        if tags > MOST_TAGS || tags * ENTRY_BYTES + store_bytes > most_bytes {
            let got = format!("{} with {}", counted(tags, "tag"), counted(store_bytes, "byte"));
            return Err(refused(format!("at most {MOST_TAGS} tags, and {most_bytes} bytes"), got, place));
        }
        let index = exactly(from, tags * ENTRY_BYTES).map_err(broken)?;
        let store = exactly(from, store_bytes).map_err(broken)?;
        Ok(Self { index: index.chunks_exact(ENTRY_BYTES).map(Tag::parse).collect(), store, place })
    }

    /// The size of its store.
    pub(super) fn data_bytes(&self) -> usize {
        self.store.len()
    }

    /// A single text, if the tag is there.
    pub(super) fn text(&self, tag: u32) -> Result<Option<&str>, UnpackError> {
        let Some((_, data)) = self.find(tag, Type::Text)? else { return Ok(None) };
        let text = data.split(|byte| *byte == 0).next().unwrap_or_default();
        std::str::from_utf8(text).map(Some).map_err(|_| self.wrong(tag, "text in UTF-8", &shown(text)))
    }

    /// A list of texts, if the tag is there.
    pub(super) fn texts(&self, tag: u32) -> Result<Option<Vec<&[u8]>>, UnpackError> {
        let Some((count, data)) = self.find(tag, Type::Texts)? else { return Ok(None) };
        let mut parts = data.split(|byte| *byte == 0);
        let texts: Vec<&[u8]> = parts.by_ref().take(count).collect();
        // What stands behind the last zero byte is none: there must be one part more than texts.
        if texts.len() != count || parts.next().is_none() {
            return Err(self.wrong(tag, &counted(count, "text"), &format!("{}", texts.len())));
        }
        Ok(Some(texts))
    }

    /// A list of numbers of 16 bits, if the tag is there.
    pub(super) fn u16s(&self, tag: u32) -> Result<Option<Vec<u16>>, UnpackError> {
        let found = self.find(tag, Type::U16)?;
        Ok(found.map(|(count, data)| data.as_chunks().0.iter().take(count).map(|bytes| u16::from_be_bytes(*bytes)).collect()))
    }

    /// A list of numbers of 32 bits, if the tag is there.
    pub(super) fn u32s(&self, tag: u32) -> Result<Option<Vec<u32>>, UnpackError> {
        let found = self.find(tag, Type::U32)?;
        Ok(found.map(|(count, data)| data.as_chunks().0.iter().take(count).map(|bytes| u32::from_be_bytes(*bytes)).collect()))
    }

    /// A list of numbers of 64 bits, if the tag is there.
    pub(super) fn u64s(&self, tag: u32) -> Result<Option<Vec<u64>>, UnpackError> {
        let found = self.find(tag, Type::U64)?;
        Ok(found.map(|(count, data)| data.as_chunks().0.iter().take(count).map(|bytes| u64::from_be_bytes(*bytes)).collect()))
    }

    /// How many a tag's data are, and the store from there on: long enough for numbers, of any length for texts.
    fn find(&self, tag: u32, wanted: Type) -> Result<Option<(usize, &[u8])>, UnpackError> {
        let Some(found) = self.index.iter().find(|entry| entry.tag == tag) else { return Ok(None) };
        if found.kind != wanted as u32 {
            return Err(self.wrong(tag, &format!("type {}", wanted as u32), &format!("{}", found.kind)));
        }
        let data = self.store.get(found.offset..).unwrap_or_default();
        match found.count.checked_mul(wanted.width()) {
            Some(size) if size <= data.len() => Ok(Some((found.count, data))),
            _ => Err(self.wrong(tag, &format!("{} of its type", found.count), &format!("{} left", counted(data.len(), "byte")))),
        }
    }

    fn wrong(&self, tag: u32, expected: &str, got: &str) -> UnpackError {
        refused(expected, got, format!("tag {tag} of {}", self.place))
    }
}

impl Tag {
    fn parse(entry: &[u8]) -> Self {
        let field = |at: usize| u32::from_be_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
        Self { tag: field(0), kind: field(4), offset: number(&entry[8..12]), count: number(&entry[12..16]) }
    }
}

/// Four bytes as a number; where usize is smaller than that, more than can be.
fn number(bytes: &[u8]) -> usize {
    let number = bytes.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn exactly(from: &mut impl Read, size: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(size as u64).read_to_end(&mut bytes)?;
    if bytes.len() == size { Ok(bytes) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}
