//! The text of a line of an archive.

use std::fmt;
use std::io::{self, Read};
use std::net::IpAddr;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use sqern_archive::{Algorithm, Hasher, hex};
use sqern_db::follow::{Commit, GenerationHeader, Position};

use crate::follow::line::Line;

/// The name and version of the JSON of a line.
pub const SCHEMA: &str = "journal.line/1";

/// The SHA-256 of a line without its newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineHash([u8; 32]);

impl LineHash {
    /// The hash that the first line of an archive contains: only zeros.
    pub const NONE: Self = Self([0; 32]);
}

impl From<Hasher> for LineHash {
    /// Takes the digest of a hasher for SHA-256.
    fn from(hasher: Hasher) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(&hasher.finish_bytes());
        Self(hash)
    }
}

impl fmt::Display for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl Serialize for LineHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for LineHash {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LineHash".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[0-9a-f]{64}$"})
    }
}

/// A text that is not a [`LineHash`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits, found {0:?}")]
pub struct InvalidLineHash(pub String);

impl FromStr for LineHash {
    type Err = InvalidLineHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = Algorithm::Sha256
            .parse_hex(text)
            .ok_or_else(|| InvalidLineHash(text.to_owned()))?;
        let mut hash = [0; 32];
        for (byte, digits) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let digit = |digit: u8| match digit {
                b'0'..=b'9' => digit - b'0',
                _ => digit - b'a' + 10,
            };
            *byte = digit(digits[0]) << 4 | digit(digits[1]);
        }
        Ok(Self(hash))
    }
}

/// A generation in an archive, without its events.
///
/// Not the same type as that of a follower: a new field would change the hashes of existing lines.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ArchivedGeneration<'a> {
    /// The id of the generation.
    pub id: i64,
    /// The start time of the transaction.
    pub tstamp: Timestamp,
    /// The session user of the transaction.
    pub username: &'a str,
    /// The client address; null for a Unix socket.
    pub ipaddr: Option<IpAddr>,
    /// The reason for the change.
    pub comment: Option<&'a str>,
    /// The commit, which determines the place in the history.
    pub commit: Option<Commit>,
}

impl<'a> From<&'a GenerationHeader> for ArchivedGeneration<'a> {
    fn from(header: &'a GenerationHeader) -> Self {
        Self {
            id: header.id,
            tstamp: header.tstamp,
            username: &header.username,
            ipaddr: header.ipaddr,
            comment: header.comment.as_deref(),
            commit: header.commit,
        }
    }
}

/// Returns the text of a line without the newline. It contains the hash of the previous line, and the
/// position after this line.
///
/// Each later version of this program must return the same text for a generation, because archives
/// contain its hash. A different text requires a new version of [`SCHEMA`], and a verification that
/// distinguishes both.
pub(super) fn text(
    line: &mut Line,
    previous: LineHash,
    position: &Position,
) -> io::Result<impl Read> {
    let generation = serde_json::to_string(&ArchivedGeneration::from(line.header()))?;
    line.text(format!(
        r#"{{"previous":"{previous}","schema":"sqern.{SCHEMA}","position":"{position}","generation":{generation},"events":["#
    ))
}

/// The start of a line, which contains the values that are required without the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineStart {
    /// The hash of the previous line.
    pub(super) previous: LineHash,
    /// The position after the line.
    pub(super) position: Position,
    /// The id of the generation.
    pub(super) generation: i64,
}

impl LineStart {
    /// Parses the start of a line. Accepts only the format of [`text`].
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let line = line.strip_prefix(b"{\"previous\":\"")?;
        let (previous, line) = until(line, b'"')?;
        let line = line.strip_prefix(b",\"schema\":\"sqern.")?;
        let line = line.strip_prefix(SCHEMA.as_bytes())?;
        let line = line.strip_prefix(b"\",\"position\":\"")?;
        let (position, line) = until(line, b'"')?;
        let line = line.strip_prefix(b",\"generation\":{\"id\":")?;
        let (generation, _) = until(line, b',')?;
        Some(Self {
            previous: previous.parse().ok()?,
            position: position.parse().ok()?,
            generation: generation.parse().ok()?,
        })
    }
}

/// Splits a text at the first occurrence of a byte.
fn until(text: &[u8], end: u8) -> Option<(&str, &[u8])> {
    let index = memchr::memchr(end, text)?;
    let value = std::str::from_utf8(&text[..index]).ok()?;
    Some((value, &text[index + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;
    use sqern_db::event::Action;
    use sqern_db::follow::FollowedEvent;

    use super::*;

    fn json(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    fn line() -> (Line, Position) {
        let header = GenerationHeader {
            id: 42,
            tstamp: "2026-05-01T08:00:00.0601Z".parse().expect("a time"),
            username: "jane \"j\" doe".to_owned(),
            ipaddr: Some("2001:db8::1".parse().expect("an address")),
            comment: Some("caf\u{e9}\n".to_owned()),
            commit: Some(Commit {
                position: 7,
                committed_at: "2026-05-01T08:00:01Z".parse().expect("a time"),
            }),
        };
        let event = |id, old| FollowedEvent {
            id,
            table_name: "kver".to_owned(),
            action: Action::Update,
            pkey: json(r#"{"distro": "debian12", "version": "6.1"}"#),
            fields: json(r#"{"size": 1.00000000000000000001}"#),
            old,
            tstamp: None,
        };
        let events = [event(5, Some(json("{\"size\": null}"))), event(6, None)];
        let position = "7301234567890123456/16384/745:760:745,751/42@1767225600000000";
        (
            Line::of(header, &events),
            position.parse().expect("a position"),
        )
    }

    fn text_of(line: &mut Line, previous: LineHash, position: &Position) -> String {
        let mut written = String::new();
        text(line, previous, position)
            .and_then(|mut text| text.read_to_string(&mut written))
            .expect("memory is readable");
        written
    }

    /// If this test fails, existing archives cannot be verified: define a new version of the schema.
    #[test]
    fn the_text_of_a_line_never_changes() {
        let (mut line, position) = line();
        let previous = LineHash([0xab; 32]);
        let expected = concat!(
            r#"{"previous":"abababababababababababababababababababababababababababababababab","schema":"sqern.journal.line/1","#,
            r#""position":"7301234567890123456/16384/745:760:745,751/42@1767225600000000","#,
            r#""generation":{"id":42,"tstamp":"2026-05-01T08:00:00.0601Z","username":"jane \"j\" doe","ipaddr":"2001:db8::1","#,
            "\"comment\":\"caf\u{e9}\\n\",\"commit\":{\"position\":7,\"committed_at\":\"2026-05-01T08:00:01Z\"}},",
            r#""events":[{"id":5,"table_name":"kver","action":"update","pkey":{"distro": "debian12", "version": "6.1"},"#,
            r#""fields":{"size": 1.00000000000000000001},"old":{"size": null}},"#,
            r#"{"id":6,"table_name":"kver","action":"update","pkey":{"distro": "debian12", "version": "6.1"},"#,
            r#""fields":{"size": 1.00000000000000000001},"old":null}]}"#
        );
        for _ in 0..2 {
            assert_eq!(text_of(&mut line, previous, &position), expected);
        }
        assert_eq!(
            LineStart::parse(expected.as_bytes()),
            Some(LineStart {
                previous,
                position,
                generation: 42
            })
        );
    }

    proptest! {
        #[test]
        fn hashes_are_parsed_as_they_are_printed(hash in any::<[u8; 32]>()) {
            let hash = LineHash(hash);
            prop_assert_eq!(hash.to_string().parse(), Ok(hash));
            prop_assert_eq!(hash.to_string().to_uppercase().parse(), Ok(hash));
        }

        #[test]
        fn truncated_and_other_starts_are_rejected(length in 0_usize..230, bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let (mut line, position) = line();
            let text = text_of(&mut line, LineHash::NONE, &position);
            let complete = text.find(",\"tstamp\"").expect("the line contains a time") + 1;
            let start = &text.as_bytes()[..length];
            prop_assert_eq!(LineStart::parse(start).is_some(), length >= complete);
            prop_assert_eq!(LineStart::parse(&bytes), None);
        }
    }
}
