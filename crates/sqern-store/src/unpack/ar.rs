//! ar(5): a file of members, each after a header of 60 bytes of text.

use std::io::{BufRead, Read as _, Seek, SeekFrom, Take};

use sqern_model::counted;

use super::archive::AR_MAGIC;
use super::error::{damaged, invalid};
use super::path::escape;
use crate::Error;

const HEADER_BYTES: usize = 60;
const HEADER_END: &[u8] = b"`\n";

/// The name and location of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    start: u64,
    pub(super) size_bytes: u64,
}

/// An archive whose members are read in sequence.
pub(super) struct Members<R> {
    file: R,
    next: u64,
    end: u64,
}

impl<R: BufRead + Seek> Members<R> {
    /// Opens an archive whose magic number was checked.
    pub(super) fn new(mut file: R) -> Result<Self, Error> {
        let end = file
            .seek(SeekFrom::End(0))
            .map_err(|error| damaged(&error, "the end"))?;
        Ok(Self {
            file,
            next: AR_MAGIC.len() as u64,
            end,
        })
    }

    /// Returns the next member, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Member>, Error> {
        if self.next == self.end {
            return Ok(None);
        }
        let location = format!("offset {}", self.next);
        let failed = |error: std::io::Error| damaged(&error, &location);
        let mut header = [0; HEADER_BYTES];
        self.file.seek(SeekFrom::Start(self.next)).map_err(failed)?;
        self.file.read_exact(&mut header).map_err(failed)?;
        let member = self
            .parse(&header)
            .ok_or_else(|| invalid("an ar header", format!("{:?}", escape(&header)), &location))?;
        if member.size_bytes > self.end.saturating_sub(member.start) {
            let found = format!("only {}", counted(self.end - member.start, "byte"));
            return Err(invalid(
                format!("a member of {}", counted(member.size_bytes, "byte")),
                found,
                member.name,
            ));
        }
        // Members start at even offsets. The padding byte may be missing at the end of the file.
        self.next = (member.start + member.size_bytes)
            .next_multiple_of(2)
            .min(self.end);
        Ok(Some(member))
    }

    fn parse(&self, header: &[u8]) -> Option<Member> {
        let text = |range: std::ops::Range<usize>| {
            std::str::from_utf8(header.get(range)?)
                .ok()
                .map(str::trim_end)
        };
        if header.get(58..60)? != HEADER_END {
            return None;
        }
        // ar(1) of GNU appends a slash to names. dpkg accepts both forms.
        let name = text(0..16)?;
        let name = name.strip_suffix('/').unwrap_or(name);
        let size_bytes = text(48..58)?;
        if name.is_empty() || !size_bytes.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(Member {
            name: name.to_owned(),
            start: self.next + HEADER_BYTES as u64,
            size_bytes: size_bytes.parse().ok()?,
        })
    }

    /// Returns a reader of the data of a member.
    pub(super) fn data(mut self, member: &Member) -> Result<Take<R>, Error> {
        self.file
            .seek(SeekFrom::Start(member.start))
            .map_err(|error| damaged(&error, &member.name))?;
        Ok(self.file.take(member.size_bytes))
    }

    /// Returns the first bytes of a member, at most `limit_bytes`.
    pub(super) fn head(&mut self, member: &Member, limit_bytes: u64) -> Result<Vec<u8>, Error> {
        let failed = |error: std::io::Error| damaged(&error, &member.name);
        self.file
            .seek(SeekFrom::Start(member.start))
            .map_err(failed)?;
        let mut head = Vec::new();
        (&mut self.file)
            .take(member.size_bytes.min(limit_bytes))
            .read_to_end(&mut head)
            .map_err(failed)?;
        Ok(head)
    }
}
