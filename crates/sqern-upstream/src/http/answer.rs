//! What the head of a response says, and what is done about it.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use sqern_model::counted;
use url::Url;

use super::FetchError;
use super::locate::shown;
use crate::Failure;

/// Codings that a server states of a file because of its name: Apache's `AddEncoding x-gzip .gz`, as many mirrors have it. The bytes
/// are the file's own.
const BY_NAME: &[(&str, &[&str])] = &[
    (".gz", &["gzip", "x-gzip"]),
    (".bz2", &["bzip2", "x-bzip2"]),
    (".xz", &["xz", "x-xz"]),
    (".lzma", &["lzma", "x-lzma"]),
    (".zst", &["zstd", "x-zstd"]),
];

/// The location of a redirect, with what is no UTF-8 in it replaced.
pub(super) fn redirect_location(response: &Response) -> Option<String> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| redirects)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// What any status but 200 comes to. The requests with a condition or a range are the caller's.
pub(super) fn check_status(response: &Response, url: &Url, now: Timestamp, with_login: bool) -> Result<(), FetchError> {
    let status = response.status();
    let failure = Failure::operation("could not download", format!("HTTP status {status}"), shown(url));
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::NOT_MODIFIED => {
            let got = format!("unexpected HTTP status {status}");
            Err(FetchError::Fatal(Failure { got, ..failure }))
        }
        // Storage services answer 403 for what they don't have.
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => Err(FetchError::Absent(failure)),
        StatusCode::UNAUTHORIZED if with_login => Err(FetchError::Fatal(
            failure.hint("The server rejected the user name or password. Check `credentials` of the source."),
        )),
        StatusCode::UNAUTHORIZED => {
            Err(FetchError::Fatal(failure.hint("Specify a file with USER:PASSWORD in the source: credentials = \"FILE\"")))
        }
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            Err(FetchError::Fatal(failure.hint("Set https_proxy=http://USER:PASSWORD@HOST:PORT.")))
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Err(FetchError::Transient(failure, retry_after(response.headers(), now)))
        }
        _ if status.is_server_error() => Err(FetchError::Transient(failure, retry_after(response.headers(), now))),
        _ => Err(FetchError::Fatal(failure)),
    }
}

/// Refuses a body that is not the file as it is, or longer than what is taken, before any of it is read.
pub(super) fn check_body(response: &Response, url: &Url, at_hand: u64, limit: u64) -> Result<(), FetchError> {
    let headers = response.headers();
    if let Some(coding) = unasked_coding(headers, url.path()) {
        let got = format!("Content-Encoding: {coding}");
        return Err(FetchError::Fatal(Failure::new("no content encoding", got, shown(url))));
    }
    match response.content_length().and_then(|length| length.checked_add(at_hand)) {
        Some(length) if length > limit => {
            let html = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
            let got = format!("{} of {} (Content-Length)", if html { "an HTML page" } else { "a file" }, counted(length, "byte"));
            Err(FetchError::Fatal(Failure::new(format!("a file of at most {limit} bytes"), got, shown(url))))
        }
        _ => Ok(()),
    }
}

/// The codings of a body, in small letters; `identity` is none (RFC 9110 §8.4).
fn codings(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(CONTENT_ENCODING).into_iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let all = values.flat_map(|value| value.split(',').map(|coding| coding.trim().to_ascii_lowercase()).collect::<Vec<_>>());
    all.filter(|coding| !coding.is_empty() && coding != "identity").collect()
}

/// Whether a body is coded in any way.
pub(super) fn has_coding(headers: &HeaderMap) -> bool {
    !codings(headers).is_empty()
}

/// The codings of a body that its file's name does not explain.
fn unasked_coding(headers: &HeaderMap, path: &str) -> Option<String> {
    let codings = codings(headers);
    let by_name = |coding: &str| BY_NAME.iter().any(|(suffix, names)| path.ends_with(suffix) && names.contains(&coding));
    match codings.as_slice() {
        [] => None,
        [one] if by_name(one) => None,
        all => Some(all.join(", ").escape_debug().take(100).collect()),
    }
}

/// How long the server asks to be left alone: seconds, or a date (RFC 9110 §10.2.3), which is held against the server's own clock.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than a number holds are still more than anyone waits.
        return Some(Duration::from_secs(asked.parse().unwrap_or(u64::MAX)));
    }
    let now = text(DATE).and_then(http_date).unwrap_or(now);
    Some(Duration::try_from(http_date(asked)?.duration_since(now)).unwrap_or_default())
}

/// A date as HTTP sends it (RFC 9110 §5.6.7, IMF-fixdate).
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(&text.replace("GMT", "+0000")).ok().map(|date| date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(HeaderName, &str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect()
    }

    #[test]
    fn a_retry_after_is_seconds_or_a_date_on_the_servers_clock() {
        let now: Timestamp = "2026-01-11T00:00:00Z".parse().expect("a time");
        let date = "Sun, 11 Jan 2026 00:01:00 GMT";
        for (asked, clock, expected) in [
            ("7", None, Some(7)),
            (" 0 ", None, Some(0)),
            ("99999999999999999999", None, Some(u64::MAX)),
            (date, None, Some(60)),
            (date, Some("Sun, 11 Jan 2026 00:00:59 GMT"), Some(1)),
            (date, Some("Sun, 11 Jan 2026 01:00:00 GMT"), Some(0)),
            ("soon", None, None),
            ("-1", None, None),
            ("", None, None),
        ] {
            let mut sent = vec![(RETRY_AFTER, asked)];
            sent.extend(clock.map(|clock| (DATE, clock)));
            assert_eq!(retry_after(&headers(&sent), now), expected.map(Duration::from_secs), "{asked:?} {clock:?}");
        }
    }

    #[test]
    fn a_coding_is_taken_only_where_it_tells_the_files_name() {
        for (coding, path, refused) in [
            ("gzip", "/repodata/primary.xml.gz", false),
            ("x-gzip", "/Packages.gz", false),
            ("identity", "/InRelease", false),
            ("gzip", "/InRelease", true),
            ("gzip, gzip", "/Packages.gz", true),
            ("br", "/Packages.gz", true),
            ("GZIP", "/by-hash/SHA256/00", true),
        ] {
            assert_eq!(unasked_coding(&headers(&[(CONTENT_ENCODING, coding)]), path).is_some(), refused, "{coding} {path}");
        }
    }
}
