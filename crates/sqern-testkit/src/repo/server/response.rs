//! What is answered, as a value that both versions of HTTP write.

use std::time::Duration;

use jiff::Timestamp;

use super::{Asked, Validators};
use crate::repo::release::sha256;

/// What is done for a body.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Data(Vec<u8>),
    Pause(Duration),
    /// Bytes without end.
    Endless,
    /// The connection ends, or the stream is reset.
    Cut,
}

/// How the head is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    Whole,
    Endless,
}

#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// What `Content-Length` states; none: chunks, or HTTP/2's own frames.
    pub(super) length: Option<u64>,
    pub(super) head: Head,
    /// The right body, for faults to spoil.
    pub(super) body: Vec<u8>,
    pub(super) steps: Vec<Step>,
}

impl Answer {
    pub(super) fn status(status: u16) -> Self {
        Self::body(status, Vec::new())
    }

    pub(super) fn body(status: u16, body: Vec<u8>) -> Self {
        let steps = vec![Step::Data(body.clone())];
        Self { status, headers: Vec::new(), length: Some(body.len() as u64), head: Head::Whole, body, steps }
    }

    /// A header in place of others of the same name; a `Content-Length` need not be that of the body.
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        if name.eq_ignore_ascii_case("content-length") {
            return Self { length: value.parse().ok(), ..self };
        }
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn steps(mut self, steps: Vec<Step>) -> Self {
        self.steps = steps;
        self
    }
}

/// RFC 9110 §5.6.7.
fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The right answer for a file that is there: 200, 304 (RFC 9110 §13.1.2), 206 (§15.3.7) or 416 (§15.5.17).
pub(super) fn from_file(asked: &Asked, bytes: Vec<u8>, modified: Timestamp, validators: Validators) -> Answer {
    let tag = format!("\"{}\"", &sha256(&bytes)[..32]);
    let date = http_date(modified);
    let etag = match validators {
        Validators::Strong => Some(tag),
        Validators::Weak => Some(format!("W/{tag}")),
        Validators::Date | Validators::None => None,
    };
    let last_modified = (validators != Validators::None).then_some(date);
    let named = |answer: Answer| {
        let dated = answer.header("Date", &http_date(Timestamp::now()));
        let tagged = etag.iter().fold(dated, |answer, etag| answer.header("ETag", etag));
        last_modified.iter().fold(tagged, |answer, date| answer.header("Last-Modified", date))
    };
    let weak = |etag: &str| etag.trim_start_matches("W/").to_owned();
    if let Some((sent, etag)) = asked.header("if-none-match").zip(etag.as_deref())
        && weak(sent) == weak(etag)
    {
        return named(Answer::status(304));
    }
    let strong = etag.as_deref().filter(|etag| !etag.starts_with("W/"));
    let same = asked.header("if-range").is_none_or(|sent| Some(sent) == strong || Some(sent) == last_modified.as_deref());
    let from = asked.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match from.filter(|_| same) {
        None => named(Answer::body(200, bytes)),
        Some(from) if from >= bytes.len() => Answer::status(416).header("Content-Range", &format!("bytes */{}", bytes.len())),
        Some(from) => {
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            named(Answer::body(206, bytes[from..].to_vec())).header("Content-Range", &range)
        }
    }
}
