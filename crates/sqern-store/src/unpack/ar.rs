//! ar(5): a file of members, each behind a header of 60 bytes of text.

use std::io::{BufRead, Read as _, Seek, SeekFrom, Take};

use sqern_model::counted;

use super::AR_MAGIC;
use super::error::{UnpackError, refused, unreadable};
use super::name::shown;

const HEADER_BYTES: usize = 60;
const HEADER_END: &[u8] = b"`\n";

/// One member: its name, and where its data lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    start: u64,
    pub(super) size_bytes: u64,
}

/// An archive whose members are read in their order.
pub(super) struct Members<R> {
    file: R,
    next: u64,
    end: u64,
}

impl<R: BufRead + Seek> Members<R> {
    /// Reads the archive's first line.
    pub(super) fn new(mut file: R) -> Result<Self, UnpackError> {
        let end = file.seek(SeekFrom::End(0)).map_err(|error| unreadable(&error, "the end"))?;
        Ok(Self { file, next: AR_MAGIC.len() as u64, end })
    }

    /// The next member, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Member>, UnpackError> {
        if self.next == self.end {
            return Ok(None);
        }
        let place = format!("offset {}", self.next);
        let broken = |error: std::io::Error| unreadable(&error, &place);
        let mut header = [0; HEADER_BYTES];
        self.file.seek(SeekFrom::Start(self.next)).map_err(broken)?;
        self.file.read_exact(&mut header).map_err(broken)?;
        let member = self.parse(&header).ok_or_else(|| refused("an ar header", format!("{:?}", shown(&header)), &place))?;
        if member.size_bytes > self.end.saturating_sub(member.start) {
            let got = format!("only {}", counted(self.end - member.start, "byte"));
            return Err(refused(format!("a member of {}", counted(member.size_bytes, "byte")), got, member.name));
        }
        // Members begin at an even offset; the one byte between is a newline, or missing at the end.
        self.next = (member.start + member.size_bytes).next_multiple_of(2).min(self.end);
        Ok(Some(member))
    }

    fn parse(&self, header: &[u8]) -> Option<Member> {
        let text = |range: std::ops::Range<usize>| std::str::from_utf8(header.get(range)?).ok().map(str::trim_end);
        if header.get(58..60)? != HEADER_END {
            return None;
        }
        // GNU's ar ends a name with a slash; dpkg takes both.
        let name = text(0..16)?;
        let name = name.strip_suffix('/').unwrap_or(name);
        let size_bytes = text(48..58)?;
        if name.is_empty() || !size_bytes.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Member { name: name.to_owned(), start: self.next + HEADER_BYTES as u64, size_bytes: size_bytes.parse().ok()? })
    }

    /// The data of a member.
    pub(super) fn data(mut self, member: &Member) -> Result<Take<R>, UnpackError> {
        self.file.seek(SeekFrom::Start(member.start)).map_err(|error| unreadable(&error, &member.name))?;
        Ok(self.file.take(member.size_bytes))
    }

    /// The first bytes of a member.
    pub(super) fn head(&mut self, member: &Member, most: u64) -> Result<Vec<u8>, UnpackError> {
        let broken = |error: std::io::Error| unreadable(&error, &member.name);
        self.file.seek(SeekFrom::Start(member.start)).map_err(broken)?;
        let mut head = Vec::new();
        (&mut self.file).take(member.size_bytes.min(most)).read_to_end(&mut head).map_err(broken)?;
        Ok(head)
    }
}
