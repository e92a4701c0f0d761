//! Continues interrupted downloads: the validator of a partial file, and the check of a partial
//! response.

use jiff::Timestamp;
use reqwest::Response;
use reqwest::header::{
    ACCEPT_RANGES, CONTENT_RANGE, DATE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED,
};
use url::Url;

use super::response::{has_coding, http_date};

/// The length limit of an `ETag` in bytes. Real ones are much shorter.
const ETAG_BYTES: usize = 1024;

/// The file whose start is in a sink.
pub(super) enum Partial {
    /// A file with a validator of the server, for `If-Range`.
    Named { url: Url, validator: String },
    /// A file with a known checksum, which is verified after the download from any server.
    Known,
}

impl Partial {
    /// Returns the file of a response with status 200, if its rest can be requested (RFC 9110
    /// §13.1.5).
    ///
    /// The validator is a strong `ETag`. Without one, it is a modification date at least 1 second
    /// before the response: a file that changes twice within a second keeps its date. A file in a
    /// content coding has none, because its coding may differ in each response.
    pub(super) fn of(response: &Response, url: &Url) -> Option<Self> {
        let headers = response.headers();
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        if has_coding(headers)
            || text(ACCEPT_RANGES).is_some_and(|units| units.trim().eq_ignore_ascii_case("none"))
        {
            return None;
        }
        let validator = if headers.contains_key(ETAG) {
            etag(headers).filter(|etag| !etag.starts_with("W/"))?
        } else {
            let modified = text(LAST_MODIFIED)?;
            let (changed, sent): (Timestamp, Timestamp) =
                (http_date(modified)?, http_date(text(DATE)?)?);
            (sent.as_second() > changed.as_second()).then_some(modified)?
        };
        Some(Self::Named {
            url: url.clone(),
            validator: validator.to_owned(),
        })
    }

    /// Returns whether `url` identifies the file. A redirect may contain another signature in its
    /// query, or lead to another mirror.
    pub(super) fn is_at(&self, url: &Url) -> bool {
        match self {
            Self::Named { url: known, .. } => {
                known.origin() == url.origin() && known.path() == url.path()
            }
            Self::Known => true,
        }
    }

    /// Returns the value of `If-Range`.
    pub(super) fn validator(&self) -> Option<&str> {
        match self {
            Self::Named { validator, .. } => Some(validator),
            Self::Known => None,
        }
    }

    /// Returns the size of the whole file, if a response with status 206 contains the complete rest
    /// from `from`.
    pub(super) fn rest(&self, headers: &HeaderMap, from: u64) -> Option<u64> {
        let other = self.validator().is_some_and(|validator| {
            (headers.contains_key(ETAG) && !validator.starts_with('"'))
                || etag(headers).is_some_and(|etag| etag != validator)
        });
        let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
        content_range(range, from).filter(|_| !other && !has_coding(headers))
    }
}

/// Returns the size of the whole file, if `Content-Range` (RFC 9110 §14.4) covers all of it from
/// `from`.
fn content_range(text: &str, from: u64) -> Option<u64> {
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse::<u64>().ok())?
    };
    let (first, last, size) = (number(first)?, number(last)?, number(size)?);
    (first == from && first <= last && last.checked_add(1) == Some(size)).then_some(size)
}

/// Returns the valid `ETag` of a response.
pub(super) fn etag(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(ETAG)?
        .to_str()
        .ok()
        .filter(|text| is_etag(text))
}

/// Returns whether a text is an entity tag (RFC 9110 §8.8.3): visible ASCII characters in quotation
/// marks. A line break would add a header to a request. The RFC also permits characters outside
/// ASCII, which are rejected.
pub(super) fn is_etag(text: &str) -> bool {
    let opaque = text
        .strip_prefix("W/")
        .unwrap_or(text)
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    opaque.is_some_and(|text| {
        text.len() <= ETAG_BYTES
            && text
                .bytes()
                .all(|byte| byte == b'!' || matches!(byte, b'#'..=b'~'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_are_quoted_visible_text() {
        for tag in ["\"\"", "\"5f-62\"", "W/\"5f\"", "\"a!b,c\""] {
            assert!(is_etag(tag), "{tag}");
        }
        let long = format!("\"{}\"", "x".repeat(2000));
        for tag in [
            "",
            "\"",
            "5f",
            "w/\"5f\"",
            "\"a\nb\"",
            "\"a\rb\"",
            "\"a\tb\"",
            "\"a\" b\"",
            "\"a\"\"",
            "\"a\0\"",
            "\"ä\"",
            &long,
        ] {
            assert!(!is_etag(tag), "{tag:?}");
        }
    }

    #[test]
    fn partial_response_must_contain_the_complete_rest() {
        assert_eq!(content_range("bytes 5-9/10", 5), Some(10));
        for range in [
            "bytes 4-9/10",
            "bytes 6-9/10",
            "bytes 5-8/10",
            "bytes 5-10/10",
            "bytes 5-9/*",
            "bytes */10",
            "5-9/10",
            "bytes 5-4/5",
            "bytes +5-9/10",
            "bytes 5-18446744073709551615/18446744073709551616",
            "items 5-9/10",
            "bytes 5-/10",
            "",
        ] {
            assert_eq!(content_range(range, 5), None, "{range}");
        }
    }
}
