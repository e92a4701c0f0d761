//! How a server fails, as values.

use std::time::Duration;

use super::response::{Answer, Head, Step};

/// What a server's own error page looks like.
pub(in crate::repo) const HTML: &str = "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head></html>\n";
/// Longer than any test waits.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// What a server says of a file's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validators {
    /// A strong `ETag`, and `Last-Modified`.
    #[default]
    Strong,
    /// A weak `ETag`, and `Last-Modified`.
    Weak,
    /// `Last-Modified` only.
    Date,
    /// Nothing.
    None,
}

/// How the server answers in place of the file.
#[derive(Debug, Clone)]
pub enum ServerFault {
    /// With a status and no body.
    Status(u16),
    /// With 503 and `Retry-After` in seconds.
    RetryAfter(u64),
    /// With half of the body, and the end of the connection.
    Cut,
    /// With half of the body, and then nothing.
    Stall,
    /// With a byte of the body each time so long has passed.
    Slow(Duration),
    /// With a body that never ends, and no word about its length.
    Endless,
    /// With a length, and no body.
    Announced(u64),
    /// With headers that never end (HTTP/1.1 only).
    EndlessHeaders,
    /// With one header of so many bytes.
    HugeHeader(usize),
    /// With 302 to this location.
    Redirect(String),
    /// With 200 and an HTML page.
    Html,
    /// With the file, and these headers in place of its own of the same name.
    Headers(Vec<(&'static str, String)>),
    /// With a status, headers and a body.
    Reply(u16, Vec<(&'static str, String)>, Vec<u8>),
}

impl ServerFault {
    /// What is answered in place of the right answer.
    pub(super) fn apply(self, right: Answer) -> Answer {
        let half = |answer: &Answer| answer.body[..answer.body.len() / 2].to_vec();
        match self {
            Self::Status(status) => Answer::status(status),
            Self::RetryAfter(seconds) => Answer::status(503).header("Retry-After", &seconds.to_string()),
            Self::Redirect(to) => Answer::status(302).header("Location", &to),
            Self::Html => Answer::body(200, HTML.as_bytes().to_vec()).header("Content-Type", "text/html"),
            Self::Cut => right.clone().steps(vec![Step::Data(half(&right)), Step::Cut]),
            Self::Stall => right.clone().steps(vec![Step::Data(half(&right)), Step::Pause(FOR_EVER)]),
            Self::Slow(pause) => {
                let steps = right.body.iter().flat_map(|byte| [Step::Data(vec![*byte]), Step::Pause(pause)]).collect();
                right.steps(steps)
            }
            Self::Endless => Answer { length: None, ..Answer::body(200, Vec::new()).steps(vec![Step::Endless]) },
            Self::Announced(length) => {
                Answer { length: Some(length), ..Answer::body(200, Vec::new()).steps(vec![Step::Pause(FOR_EVER)]) }
            }
            Self::EndlessHeaders => Answer { head: Head::Endless, ..right },
            Self::HugeHeader(bytes) => right.header("X-Huge", &"x".repeat(bytes)),
            Self::Headers(headers) => headers.iter().fold(right, |answer, (name, value)| answer.header(name, value)),
            Self::Reply(status, headers, body) => {
                headers.iter().fold(Answer::body(status, body), |answer, (name, value)| answer.header(name, value))
            }
        }
    }
}
