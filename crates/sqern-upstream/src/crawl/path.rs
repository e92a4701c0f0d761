//! Paths in metadata, and their URLs.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use crate::{Error, ErrorKind};

/// The characters that must be escaped in the path of a URL. `%` is one of them: the URL of a file
/// `a%3ab` contains `a%253ab`.
const ESCAPED_BASE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?');
/// The other characters that the URL standard escapes or replaces.
const ESCAPED: &AsciiSet = &ESCAPED_BASE
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Parses the base URL of a source.
pub(crate) fn base_url(text: &str) -> Result<Url, Error> {
    let refused = |got: String| {
        Error::unexpected(
            ErrorKind::Configuration,
            "a base URL with scheme http, https or file",
            got,
            "base of the source",
        )
    };
    let url = Url::parse(text).map_err(|error| refused(format!("an invalid URL ({error})")))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        "file" if is_drive(&url) => Err(refused(format!(
            "the path {:?}, which a URL cannot represent",
            url.path()
        ))),
        "file" => Ok(url),
        other => Err(refused(format!("scheme {other}"))),
    }
}

/// Returns whether the URL standard treats the start of a `file` URL as a Windows drive. `a|` would
/// become `a:` when a path is added, and `a:/.` would become another directory when it is parsed
/// again.
pub(crate) fn is_drive(url: &Url) -> bool {
    let first = url
        .path_segments()
        .and_then(|mut names| names.next())
        .unwrap_or_default();
    url.scheme() == "file"
        && first.len() == 2
        && first.ends_with(['|', ':'])
        && first.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Returns the URL of a path below a base.
pub(crate) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!(
        "{}/{}",
        base.path().trim_end_matches('/'),
        utf8_percent_encode(path, ESCAPED)
    ));
    url
}

/// Returns the reason if the path of an index might lead out of the base URL.
pub(crate) fn hostile(path: &str) -> Option<&'static str> {
    let first = path.split('/').next().unwrap_or_default();
    if path.is_empty() {
        Some("nothing")
    } else if path.starts_with('/') {
        Some("an absolute path")
    } else if first.contains(':') {
        Some("an absolute URL")
    } else if path
        .split('/')
        .any(|element| element == ".." || element == ".")
    {
        Some("a path with \"..\" or \".\"")
    } else if path.chars().any(|c| c.is_control() || c == '\\') {
        Some("a path with a backslash or control character")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_out_of_the_base_are_hostile() {
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "pool/../../x",
            "file:///etc/passwd",
            "http://evil/x",
            "a\\b",
            "a\nb",
            "./a",
        ] {
            assert!(hostile(path).is_some(), "{path:?}");
        }
        for path in [
            "pool/main/l/linux/linux-headers_6.1~rc1+b1_amd64.deb",
            "a..b/c",
            "pool/a_1%3a2_all.deb",
            "p/a:b",
        ] {
            assert_eq!(hostile(path), None, "{path:?}");
        }
    }

    #[test]
    fn url_identifies_exactly_the_path() {
        let base = base_url("https://h/debian/").expect("a base");
        assert_eq!(
            below(&base, "pool/a_1%3a2~b+c_all.deb").as_str(),
            "https://h/debian/pool/a_1%253a2~b+c_all.deb"
        );
        assert_eq!(
            below(&base, "pool/a b?c#d").as_str(),
            "https://h/debian/pool/a%20b%3Fc%23d"
        );
    }

    #[test]
    fn base_urls_have_a_supported_scheme() {
        for text in [
            "ftp://h/debian",
            "/srv/debian",
            "",
            "http://",
            "file:///a|",
            "file:///a:/x",
        ] {
            assert!(base_url(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn valid_paths_are_below_the_base(
            base in prop::sample::select(&["https://h", "http://h:8/a%20b//", "file:///srv/x"][..]),
            path in "([a-zé:?#%&;~ ]|\\.|\\.\\./|%2e|/|\\\\|\t|\n){0,8}",
        ) {
            let base = base_url(base).expect("a base");
            if hostile(&path).is_none() {
                let url = below(&base, &path);
                let folder = format!("{}/", base.as_str().trim_end_matches('/'));
                let rest = url.as_str().strip_prefix(&folder).expect("below the base");
                prop_assert!(!rest.split('/').any(|element| element == ".." || element == "."), "{}", url);
                prop_assert_eq!(percent_encoding::percent_decode_str(rest).decode_utf8().expect("UTF-8"), path);
            }
        }
    }
}
