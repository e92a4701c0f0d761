//! A response as a value that both versions of HTTP write.

use std::time::Duration;

use jiff::Timestamp;

use super::{ReceivedRequest, Validators};
use crate::repo::release::sha256;

/// A step of sending a body.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Data(Vec<u8>),
    Pause(Duration),
    /// Bytes without end.
    Endless,
    /// The end of the connection, or a reset of the stream.
    Cut,
}

/// How the head is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Head {
    Whole,
    Endless,
}

#[derive(Debug, Clone)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    /// The value of `Content-Length`. `None` means chunks, or the frames of HTTP/2.
    pub(super) length: Option<u64>,
    pub(super) head: Head,
    /// The correct body, which faults may change.
    pub(super) body: Vec<u8>,
    pub(super) steps: Vec<Step>,
}

impl Response {
    pub(super) fn status(status: u16) -> Self {
        Self::body(status, Vec::new())
    }

    pub(super) fn body(status: u16, body: Vec<u8>) -> Self {
        let steps = vec![Step::Data(body.clone())];
        Self {
            status,
            headers: Vec::new(),
            length: Some(body.len() as u64),
            head: Head::Whole,
            body,
            steps,
        }
    }

    /// Sets a header and removes others with the same name. A `Content-Length` may differ from the
    /// length of the body.
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        if name.eq_ignore_ascii_case("content-length") {
            return Self {
                length: value.parse().ok(),
                ..self
            };
        }
        self.headers
            .retain(|(found, _)| !found.eq_ignore_ascii_case(name));
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

/// Returns the correct response for an existing file: 200, 304 (RFC 9110 §13.1.2), 206 (§15.3.7) or
/// 416 (§15.5.17).
pub(super) fn from_file(
    request: &ReceivedRequest,
    bytes: Vec<u8>,
    modified: Timestamp,
    validators: Validators,
) -> Response {
    let tag = format!("\"{}\"", &sha256(&bytes)[..32]);
    let date = http_date(modified);
    let etag = match validators {
        Validators::Strong => Some(tag),
        Validators::Weak => Some(format!("W/{tag}")),
        Validators::Date | Validators::None => None,
    };
    let last_modified = (validators != Validators::None).then_some(date);
    let named = |response: Response| {
        let dated = response.header("Date", &http_date(Timestamp::now()));
        let tagged = etag
            .iter()
            .fold(dated, |response, etag| response.header("ETag", etag));
        last_modified.iter().fold(tagged, |response, date| {
            response.header("Last-Modified", date)
        })
    };
    let weak = |etag: &str| etag.trim_start_matches("W/").to_owned();
    if let Some((sent, etag)) = request.header("if-none-match").zip(etag.as_deref())
        && weak(sent) == weak(etag)
    {
        return named(Response::status(304));
    }
    let strong = etag.as_deref().filter(|etag| !etag.starts_with("W/"));
    let same = request
        .header("if-range")
        .is_none_or(|sent| Some(sent) == strong || Some(sent) == last_modified.as_deref());
    let from = request.header("range").and_then(|range| {
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse::<usize>()
            .ok()
    });
    match from.filter(|_| same) {
        None => named(Response::body(200, bytes)),
        Some(from) if from >= bytes.len() => {
            Response::status(416).header("Content-Range", &format!("bytes */{}", bytes.len()))
        }
        Some(from) => {
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            named(Response::body(206, bytes[from..].to_vec())).header("Content-Range", &range)
        }
    }
}
