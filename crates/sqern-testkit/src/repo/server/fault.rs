//! The faults of a server as values.

use std::time::Duration;

use super::response::{Head, Response, Step};

/// A typical error page of a web server.
pub(in crate::repo) const HTML: &str =
    "<!DOCTYPE html>\n<html><head><title>Sign in to the network</title></head></html>\n";
/// Longer than any test waits.
const INDEFINITELY: Duration = Duration::from_secs(3600);

/// The validators that a response carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Validators {
    /// A strong `ETag`, and `Last-Modified`.
    #[default]
    Strong,
    /// A weak `ETag`, and `Last-Modified`.
    Weak,
    /// Only `Last-Modified`.
    Date,
    /// No validators.
    None,
}

/// A fault that replaces or changes the response for a file.
#[derive(Debug, Clone)]
pub enum ServerFault {
    /// A status without a body.
    Status(u16),
    /// Status 503 with `Retry-After` in seconds.
    RetryAfter(u64),
    /// Half of the body, then the end of the connection.
    Cut,
    /// Half of the body, then nothing.
    Stall,
    /// One byte of the body after each interval.
    Slow(Duration),
    /// A body that never ends, without a stated length.
    Endless,
    /// A stated length without a body.
    Announced(u64),
    /// Headers that never end (HTTP/1.1 only).
    EndlessHeaders,
    /// A header with this number of bytes.
    HugeHeader(usize),
    /// Status 302 with this location.
    Redirect(String),
    /// Status 200 with an HTML page.
    Html,
    /// The file, with these headers replacing the server's headers of the same names.
    Headers(Vec<(&'static str, String)>),
    /// A status, headers and a body.
    Reply(u16, Vec<(&'static str, String)>, Vec<u8>),
}

impl ServerFault {
    /// Returns the response after the fault is applied to the correct response.
    pub(super) fn apply(self, correct: Response) -> Response {
        let half = |response: &Response| response.body[..response.body.len() / 2].to_vec();
        match self {
            Self::Status(status) => Response::status(status),
            Self::RetryAfter(seconds) => {
                Response::status(503).header("Retry-After", &seconds.to_string())
            }
            Self::Redirect(to) => Response::status(302).header("Location", &to),
            Self::Html => {
                Response::body(200, HTML.as_bytes().to_vec()).header("Content-Type", "text/html")
            }
            Self::Cut => correct
                .clone()
                .steps(vec![Step::Data(half(&correct)), Step::Cut]),
            Self::Stall => correct
                .clone()
                .steps(vec![Step::Data(half(&correct)), Step::Pause(INDEFINITELY)]),
            Self::Slow(pause) => {
                let steps = correct
                    .body
                    .iter()
                    .flat_map(|byte| [Step::Data(vec![*byte]), Step::Pause(pause)])
                    .collect();
                correct.steps(steps)
            }
            Self::Endless => Response {
                length: None,
                ..Response::body(200, Vec::new()).steps(vec![Step::Endless])
            },
            Self::Announced(length) => Response {
                length: Some(length),
                ..Response::body(200, Vec::new()).steps(vec![Step::Pause(INDEFINITELY)])
            },
            Self::EndlessHeaders => Response {
                head: Head::Endless,
                ..correct
            },
            Self::HugeHeader(bytes) => correct.header("X-Huge", &"x".repeat(bytes)),
            Self::Headers(headers) => headers.iter().fold(correct, |response, (name, value)| {
                response.header(name, value)
            }),
            Self::Reply(status, headers, body) => headers
                .iter()
                .fold(Response::body(status, body), |response, (name, value)| {
                    response.header(name, value)
                }),
        }
    }
}
