//! Checks the status and headers of responses.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER,
};
use reqwest::{Response, StatusCode};
use sqern_model::counted;
use url::Url;

use super::FetchError;
use super::locate::redact_url;
use crate::{Error, ErrorKind};

/// The content codings that servers derive from file names: `AddEncoding x-gzip .gz` of Apache,
/// which many mirrors use. The file itself is not coded.
const BY_NAME: &[(&str, &[&str])] = &[
    (".gz", &["gzip", "x-gzip"]),
    (".bz2", &["bzip2", "x-bzip2"]),
    (".xz", &["xz", "x-xz"]),
    (".lzma", &["lzma", "x-lzma"]),
    (".zst", &["zstd", "x-zstd"]),
];

/// Returns the location of a redirect. Invalid UTF-8 is replaced.
pub(super) fn redirect_location(response: &Response) -> Option<String> {
    let redirects = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION).filter(|_| redirects)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

/// Returns the error of a status other than 200. The caller handles conditions and ranges.
pub(super) fn check_status(
    response: &Response,
    url: &Url,
    now: Timestamp,
    with_login: bool,
) -> Result<(), FetchError> {
    let status = response.status();
    let failure = Error::failed(
        ErrorKind::Download,
        "could not download",
        format!("HTTP status {status}"),
        redact_url(url),
    );
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::NOT_MODIFIED => {
            let reason = format!("unexpected HTTP status {status}");
            Err(FetchError::Fatal(Error::failed(
                ErrorKind::Download,
                "could not download",
                reason,
                redact_url(url),
            )))
        }
        // Storage services send 403 for missing files.
        StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::GONE => {
            Err(FetchError::Absent(failure.with_kind(ErrorKind::NotFound)))
        }
        StatusCode::UNAUTHORIZED if with_login => Err(FetchError::Fatal(
            failure.with_kind(ErrorKind::Authentication).with_hint(
                "The server rejected the user name or password. Check `credentials` of the source.",
            ),
        )),
        StatusCode::UNAUTHORIZED => Err(FetchError::Fatal(
            failure.with_kind(ErrorKind::Authentication).with_hint(
                "Specify a file with USER:PASSWORD in the source: credentials = \"FILE\"",
            ),
        )),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => Err(FetchError::Fatal(
            failure
                .with_kind(ErrorKind::Authentication)
                .with_hint("Set https_proxy=http://USER:PASSWORD@HOST:PORT."),
        )),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(FetchError::Transient(
            failure,
            retry_after(response.headers(), now),
        )),
        _ if status.is_server_error() => Err(FetchError::Transient(
            failure,
            retry_after(response.headers(), now),
        )),
        _ => Err(FetchError::Fatal(failure)),
    }
}

/// Rejects a coded or too long body before it is read.
pub(super) fn check_body(
    response: &Response,
    url: &Url,
    at_hand: u64,
    limit: u64,
) -> Result<(), FetchError> {
    let headers = response.headers();
    if let Some(coding) = unasked_coding(headers, url.path()) {
        let actual = format!("Content-Encoding: {coding}");
        return Err(FetchError::Fatal(Error::unexpected(
            ErrorKind::Download,
            "no content encoding",
            actual,
            redact_url(url),
        )));
    }
    match response
        .content_length()
        .and_then(|length| length.checked_add(at_hand))
    {
        Some(length) if length > limit => {
            let html = headers
                .get(CONTENT_TYPE)
                .is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
            let actual = format!(
                "{} of {} (Content-Length)",
                if html { "an HTML page" } else { "a file" },
                counted(length, "byte")
            );
            Err(FetchError::Fatal(Error::unexpected(
                ErrorKind::LimitExceeded,
                format!("a file of at most {limit} bytes"),
                actual,
                redact_url(url),
            )))
        }
        _ => Ok(()),
    }
}

/// Returns the codings of a body in lower case, without `identity` (RFC 9110 §8.4).
fn codings(headers: &HeaderMap) -> Vec<String> {
    let values = headers
        .get_all(CONTENT_ENCODING)
        .into_iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let all = values.flat_map(|value| {
        value
            .split(',')
            .map(|coding| coding.trim().to_ascii_lowercase())
            .collect::<Vec<_>>()
    });
    all.filter(|coding| !coding.is_empty() && coding != "identity")
        .collect()
}

/// Returns whether a body is coded.
pub(super) fn has_coding(headers: &HeaderMap) -> bool {
    !codings(headers).is_empty()
}

/// Returns the codings of a body that its file name does not explain.
fn unasked_coding(headers: &HeaderMap, path: &str) -> Option<String> {
    let codings = codings(headers);
    let by_name = |coding: &str| {
        BY_NAME
            .iter()
            .any(|(suffix, names)| path.ends_with(suffix) && names.contains(&coding))
    };
    match codings.as_slice() {
        [] => None,
        [coding] if by_name(coding) => None,
        all => Some(all.join(", ").escape_debug().take(100).collect()),
    }
}

/// Returns the wait that the server requests: seconds, or a date (RFC 9110 §10.2.3), which is
/// compared with the clock of the server.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: HeaderName| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let requested = text(RETRY_AFTER)?;
    if !requested.is_empty() && requested.bytes().all(|byte| byte.is_ascii_digit()) {
        // An overflow is still longer than any limit.
        return Some(Duration::from_secs(requested.parse().unwrap_or(u64::MAX)));
    }
    let now = text(DATE).and_then(http_date).unwrap_or(now);
    Some(Duration::try_from(http_date(requested)?.duration_since(now)).unwrap_or_default())
}

/// Parses a date of HTTP (RFC 9110 §5.6.7, IMF-fixdate).
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(&text.replace("GMT", "+0000"))
        .ok()
        .map(|date| date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(HeaderName, &str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| (name.clone(), value.parse().expect("a value")))
            .collect()
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-01-11T00:00:00Z".parse().expect("a time");
        let date = "Sun, 11 Jan 2026 00:01:00 GMT";
        for (requested, clock, expected) in [
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
            let mut sent = vec![(RETRY_AFTER, requested)];
            sent.extend(clock.map(|clock| (DATE, clock)));
            assert_eq!(
                retry_after(&headers(&sent), now),
                expected.map(Duration::from_secs),
                "{requested:?} {clock:?}"
            );
        }
    }

    #[test]
    fn coding_must_be_explained_by_the_file_name() {
        for (coding, path, refused) in [
            ("gzip", "/repodata/primary.xml.gz", false),
            ("x-gzip", "/Packages.gz", false),
            ("identity", "/InRelease", false),
            ("gzip", "/InRelease", true),
            ("gzip, gzip", "/Packages.gz", true),
            ("br", "/Packages.gz", true),
            ("GZIP", "/by-hash/SHA256/00", true),
        ] {
            assert_eq!(
                unasked_coding(&headers(&[(CONTENT_ENCODING, coding)]), path).is_some(),
                refused,
                "{coding} {path}"
            );
        }
    }
}
