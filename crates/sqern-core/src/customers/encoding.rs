//! Encodings of reports: UTF-8, and UTF-16 with a byte order mark, which is converted to UTF-8.

use std::fmt;
use std::io::{self, Read};

/// The message for invalid UTF-16 starts with this text.
pub(super) const INVALID_UTF16: &str = "invalid UTF-16: ";
const BLOCK_BYTES: usize = 16 * 1024;

/// The order of the bytes of a code unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    /// The first byte is the least significant one.
    Little,
    /// The first byte is the most significant one.
    Big,
}

impl fmt::Display for ByteOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Little => "LE",
            Self::Big => "BE",
        })
    }
}

/// The encoding of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8.
    Utf8 {
        /// Whether the text starts with a byte order mark.
        has_mark: bool,
    },
    /// UTF-16.
    Utf16 {
        /// The byte order.
        order: ByteOrder,
        /// Whether the text starts with a byte order mark.
        has_mark: bool,
    },
    /// UTF-32.
    Utf32(ByteOrder),
}

impl Encoding {
    /// Detects the encoding by the byte order mark, or by the zeros in the first characters, which
    /// are in ASCII in all formats. Requires the first 4 bytes, unless the text is shorter.
    pub(super) fn detect(head: &[u8]) -> Self {
        use ByteOrder::{Big, Little};
        match head {
            // The mark of UTF-32LE starts with that of UTF-16LE.
            [0xff, 0xfe, 0, 0, ..] | [1..=0xff, 0, 0, 0, ..] => Self::Utf32(Little),
            [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, 1..=0xff, ..] => Self::Utf32(Big),
            [0xff, 0xfe, ..] => Self::utf16(Little, true),
            [0xfe, 0xff, ..] => Self::utf16(Big, true),
            [0xef, 0xbb, 0xbf, ..] => Self::Utf8 { has_mark: true },
            [1..=0xff, 0] | [1..=0xff, 0, 1..=0xff, 0, ..] => Self::utf16(Little, false),
            [0, 1..=0xff] | [0, 1..=0xff, 0, 1..=0xff, ..] => Self::utf16(Big, false),
            _ => Self::Utf8 { has_mark: false },
        }
    }

    fn utf16(order: ByteOrder, has_mark: bool) -> Self {
        Self::Utf16 { order, has_mark }
    }
}

/// A reader that converts UTF-16 to UTF-8 in blocks.
pub(super) struct Utf16Reader<R> {
    source: R,
    order: ByteOrder,
    /// Read bytes: at most a block and an incomplete character.
    bytes: Vec<u8>,
    /// Converted bytes.
    text: Vec<u8>,
    /// The number of returned bytes of `text`.
    returned: usize,
    /// The reason why the rest cannot be converted. It is returned after the text before it.
    invalid: Option<String>,
}

impl<R: Read> Utf16Reader<R> {
    /// Returns a reader of a text without a byte order mark.
    pub(super) fn new(source: R, order: ByteOrder) -> Self {
        Self {
            source,
            order,
            bytes: vec![],
            text: vec![],
            returned: 0,
            invalid: None,
        }
    }

    /// Reads and converts bytes; returns `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        let rest = self.bytes.len();
        self.bytes.resize(rest + BLOCK_BYTES, 0);
        let count = self.source.read(&mut self.bytes[rest..]);
        self.bytes
            .truncate(rest + count.as_ref().copied().unwrap_or(0));
        let is_end = count? == 0;
        self.convert(is_end);
        Ok(!is_end)
    }

    /// Converts the complete characters of `bytes`.
    fn convert(&mut self, is_end: bool) {
        (self.returned, self.invalid) = (0, None);
        self.text.clear();
        let from_bytes = match self.order {
            ByteOrder::Little => u16::from_le_bytes,
            ByteOrder::Big => u16::from_be_bytes,
        };
        let (pairs, odd) = self.bytes.as_chunks::<2>();
        let units = pairs.iter().map(|pair| from_bytes(*pair));
        let mut used = 0;
        for character in char::decode_utf16(units) {
            match character {
                Ok(character) => {
                    used += 2 * character.len_utf16();
                    let mut buffer = [0; 4];
                    self.text
                        .extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                }
                Err(error) => {
                    // The second half might be in the next block.
                    let is_first_half = error.unpaired_surrogate() < 0xdc00;
                    if is_end || !is_first_half || used + 2 < 2 * pairs.len() {
                        self.invalid =
                            Some(format!("lone surrogate 0x{:X}", error.unpaired_surrogate()));
                    }
                    break;
                }
            }
        }
        if is_end && self.invalid.is_none() && !odd.is_empty() {
            self.invalid = Some("odd number of bytes".to_owned());
        }
        self.bytes.drain(..used);
    }
}

impl<R: Read> Read for Utf16Reader<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.returned == self.text.len() {
            if let Some(invalid) = &self.invalid {
                return Err(io::Error::other(format!("{INVALID_UTF16}{invalid}")));
            }
            if !self.fill()? && self.text.is_empty() && self.invalid.is_none() {
                return Ok(0);
            }
        }
        let count = into.len().min(self.text.len() - self.returned);
        into[..count].copy_from_slice(&self.text[self.returned..self.returned + count]);
        self.returned += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ORDERS: [ByteOrder; 2] = [ByteOrder::Little, ByteOrder::Big];

    fn encode(units: impl IntoIterator<Item = u16>, order: ByteOrder) -> Vec<u8> {
        let to_bytes = match order {
            ByteOrder::Little => u16::to_le_bytes,
            ByteOrder::Big => u16::to_be_bytes,
        };
        units.into_iter().flat_map(to_bytes).collect()
    }

    /// A reader that returns at most `count` bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = into.len().min(self.1);
            self.0.read(&mut into[..count])
        }
    }

    /// Returns the text before the first error, and the error.
    fn decode(bytes: &[u8], order: ByteOrder, count: usize) -> (String, Option<String>) {
        let mut text = vec![];
        let result = Utf16Reader::new(Slow(bytes, count), order).read_to_end(&mut text);
        let error = result.err().map(|error| error.to_string());
        (String::from_utf8(text).unwrap(), error)
    }

    #[test]
    fn encodings_are_detected_by_mark_or_zeros() {
        use ByteOrder::{Big, Little};
        let utf16 = |order, has_mark| Encoding::Utf16 { order, has_mark };
        for (head, expected) in [
            (&b"\xef\xbb\xbf{"[..], Encoding::Utf8 { has_mark: true }),
            (b"{\"cl", Encoding::Utf8 { has_mark: false }),
            (b"", Encoding::Utf8 { has_mark: false }),
            (b"{", Encoding::Utf8 { has_mark: false }),
            (b"\xff\xfe", utf16(Little, true)),
            (b"\xff\xfe{\0", utf16(Little, true)),
            (b"\xfe\xff\0{", utf16(Big, true)),
            (b"{\0", utf16(Little, false)),
            (b"{\0\"\0", utf16(Little, false)),
            (b"\0{", utf16(Big, false)),
            (b"\0{\0\"", utf16(Big, false)),
            (b"\xff\xfe\0\0", Encoding::Utf32(Little)),
            (b"\0\0\xfe\xff", Encoding::Utf32(Big)),
            (b"{\0\0\0", Encoding::Utf32(Little)),
            (b"\0\0\0{", Encoding::Utf32(Big)),
        ] {
            assert_eq!(Encoding::detect(head), expected, "{head:?}");
        }
    }

    #[test]
    fn the_text_before_invalid_utf16_is_returned_first() {
        let long = "é😀\n".repeat(BLOCK_BYTES);
        for (units, odd, expected) in [
            (&[0xd800, 0x61][..], false, "lone surrogate 0xD800"),
            (&[0xd800, 0xd800], false, "lone surrogate 0xD800"),
            (&[0xd83d], false, "lone surrogate 0xD83D"),
            (&[0xdc00, 0x61], false, "lone surrogate 0xDC00"),
            (&[0x61], true, "odd number of bytes"),
            (&[0xd800], true, "lone surrogate 0xD800"),
        ] {
            for order in ORDERS {
                for before in ["", "x", "{\n😀", &long] {
                    for count in [1, 3, usize::MAX] {
                        let all = before.encode_utf16().chain(units.iter().copied());
                        let mut bytes = encode(all, order);
                        if odd {
                            bytes.push(0);
                        }
                        let (text, error) = decode(&bytes, order, count);
                        let valid = if units == [0x61] { "a" } else { "" };
                        assert!(text == format!("{before}{valid}"), "{units:?} {order}");
                        assert_eq!(error, Some(format!("{INVALID_UTF16}{expected}")));
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn utf16_is_converted_as_by_the_standard_library(
            units in prop::collection::vec(prop_oneof![any::<u16>(), 0xd7f0_u16..0xe010], 0..50),
            order in prop::sample::select(&ORDERS[..]),
            count in 1_usize..9,
        ) {
            let (text, error) = decode(&encode(units.clone(), order), order, count);
            let expected = char::decode_utf16(units.iter().copied()).map_while(Result::ok).collect::<String>();
            prop_assert_eq!(text, expected);
            prop_assert_eq!(error.is_none(), String::from_utf16(&units).is_ok());
        }
    }
}
