//! The header of an rpm: an index of tags, and a store with their data.

use std::io::Read;

use sqern_archive::hex_bytes;
use sqern_model::counted;

use super::super::error::{damaged, invalid};
use super::super::path::escape;
use crate::Error;

const MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 0x01];
const ENTRY_BYTES: usize = 16;
/// The limit of rpm (`HEADER_TAGS_MAX`).
const MAX_TAGS: usize = 0xffff;

/// The types of data that are read here (`rpmTagType_e` of rpm).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    U16 = 3,
    U32 = 4,
    U64 = 5,
    Text = 6,
    Bytes = 7,
    Texts = 8,
}

impl Type {
    fn width(self) -> usize {
        match self {
            Self::U16 => 2,
            Self::U32 => 4,
            Self::U64 => 8,
            // At least the terminating null byte of a text.
            Self::Text | Self::Bytes | Self::Texts => 1,
        }
    }
}

/// An index entry.
#[derive(Debug, Clone, Copy)]
struct Tag {
    tag: u32,
    kind: u32,
    offset: usize,
    count: usize,
}

/// A header in memory.
pub(super) struct Header {
    index: Vec<Tag>,
    /// The header as in the file, with its magic number.
    raw: Vec<u8>,
    /// The position of the store in `raw`.
    store_start: usize,
    location: &'static str,
}

impl Header {
    /// Reads a header of at most `limit_bytes` bytes.
    pub(super) fn read(
        from: &mut impl Read,
        limit_bytes: usize,
        location: &'static str,
    ) -> Result<Self, Error> {
        let failed = |error: std::io::Error| damaged(&error, location);
        let mut start = [0; 16];
        from.read_exact(&mut start).map_err(failed)?;
        if start[..4] != MAGIC {
            return Err(invalid(
                "a header with magic number 8e ad e8 01",
                hex_bytes(&start[..4]),
                location,
            ));
        }
        let (tags, store_bytes) = (number(&start[8..12]), number(&start[12..16]));
        if tags > MAX_TAGS || tags * ENTRY_BYTES + store_bytes > limit_bytes {
            let found = format!(
                "{} with {}",
                counted(tags, "tag"),
                counted(store_bytes, "byte")
            );
            return Err(invalid(
                format!("at most {MAX_TAGS} tags, and {limit_bytes} bytes"),
                found,
                location,
            ));
        }
        let store_start = start.len() + tags * ENTRY_BYTES;
        let mut raw = start.to_vec();
        raw.extend(read_exactly(from, tags * ENTRY_BYTES + store_bytes).map_err(failed)?);
        Ok(Self {
            index: raw[start.len()..store_start]
                .chunks_exact(ENTRY_BYTES)
                .map(Tag::parse)
                .collect(),
            raw,
            store_start,
            location,
        })
    }

    /// Returns the size of the store in bytes.
    pub(super) fn data_bytes(&self) -> usize {
        self.raw.len() - self.store_start
    }

    /// Returns the header as in the file, with its magic number. The signature of a package covers
    /// these bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.raw
    }

    /// Returns whether the header contains a tag, of any type.
    pub(super) fn contains(&self, tag: u32) -> bool {
        self.index.iter().any(|entry| entry.tag == tag)
    }

    /// Returns the bytes of a tag.
    pub(super) fn bytes(&self, tag: u32) -> Result<Option<&[u8]>, Error> {
        let found = self.find(tag, Type::Bytes)?;
        Ok(found.map(|(count, data)| &data[..count]))
    }

    /// Returns the text of a tag.
    pub(super) fn text(&self, tag: u32) -> Result<Option<&str>, Error> {
        let Some((_, data)) = self.find(tag, Type::Text)? else {
            return Ok(None);
        };
        let text = data.split(|byte| *byte == 0).next().unwrap_or_default();
        std::str::from_utf8(text)
            .map(Some)
            .map_err(|_| self.invalid_tag(tag, "text in UTF-8", &escape(text)))
    }

    /// Returns the list of texts of a tag.
    pub(super) fn texts(&self, tag: u32) -> Result<Option<Vec<&[u8]>>, Error> {
        let Some((count, data)) = self.find(tag, Type::Texts)? else {
            return Ok(None);
        };
        let mut parts = data.split(|byte| *byte == 0);
        let texts: Vec<&[u8]> = parts.by_ref().take(count).collect();
        // Each text is null-terminated, so there is an additional part after the last one.
        if texts.len() != count || parts.next().is_none() {
            return Err(self.invalid_tag(
                tag,
                &counted(count, "text"),
                &format!("{}", texts.len()),
            ));
        }
        Ok(Some(texts))
    }

    /// Returns the list of 16-bit numbers of a tag.
    pub(super) fn u16s(&self, tag: u32) -> Result<Option<Vec<u16>>, Error> {
        let found = self.find(tag, Type::U16)?;
        Ok(found.map(|(count, data)| {
            data.as_chunks()
                .0
                .iter()
                .take(count)
                .map(|bytes| u16::from_be_bytes(*bytes))
                .collect()
        }))
    }

    /// Returns the list of 32-bit numbers of a tag.
    pub(super) fn u32s(&self, tag: u32) -> Result<Option<Vec<u32>>, Error> {
        let found = self.find(tag, Type::U32)?;
        Ok(found.map(|(count, data)| {
            data.as_chunks()
                .0
                .iter()
                .take(count)
                .map(|bytes| u32::from_be_bytes(*bytes))
                .collect()
        }))
    }

    /// Returns the list of 64-bit numbers of a tag.
    pub(super) fn u64s(&self, tag: u32) -> Result<Option<Vec<u64>>, Error> {
        let found = self.find(tag, Type::U64)?;
        Ok(found.map(|(count, data)| {
            data.as_chunks()
                .0
                .iter()
                .take(count)
                .map(|bytes| u64::from_be_bytes(*bytes))
                .collect()
        }))
    }

    /// Returns the number of values of a tag, and the store from their start. It is long enough for
    /// numbers, but not for texts.
    fn find(&self, tag: u32, expected: Type) -> Result<Option<(usize, &[u8])>, Error> {
        let Some(found) = self.index.iter().find(|entry| entry.tag == tag) else {
            return Ok(None);
        };
        if found.kind != expected as u32 {
            return Err(self.invalid_tag(
                tag,
                &format!("type {}", expected as u32),
                &format!("{}", found.kind),
            ));
        }
        let data = self.raw[self.store_start..]
            .get(found.offset..)
            .unwrap_or_default();
        let size = found.count.saturating_mul(expected.width());
        if size <= data.len() {
            return Ok(Some((found.count, data)));
        }
        let needed = format!(
            "{} of at least {}",
            counted(found.count, "value"),
            counted(size, "byte")
        );
        Err(self.invalid_tag(tag, &needed, &counted(data.len(), "byte")))
    }

    fn invalid_tag(&self, tag: u32, expected: &str, found: &str) -> Error {
        invalid(expected, found, format!("tag {tag} of {}", self.location))
    }
}

impl Tag {
    fn parse(entry: &[u8]) -> Self {
        let field = |start: usize| {
            u32::from_be_bytes([
                entry[start],
                entry[start + 1],
                entry[start + 2],
                entry[start + 3],
            ])
        };
        Self {
            tag: field(0),
            kind: field(4),
            offset: number(&entry[8..12]),
            count: number(&entry[12..16]),
        }
    }
}

/// Returns 4 bytes as a number, or the maximum if the number does not fit.
fn number(bytes: &[u8]) -> usize {
    let number = bytes
        .iter()
        .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn read_exactly(from: &mut impl Read, size: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(size as u64).read_to_end(&mut bytes)?;
    if bytes.len() == size {
        Ok(bytes)
    } else {
        Err(std::io::ErrorKind::UnexpectedEof.into())
    }
}
