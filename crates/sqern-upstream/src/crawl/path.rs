//! Paths that an archive states, and the URLs they make.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use url::Url;

use crate::{Error, ErrorKind};

/// What can't stand in a URL's path as it is. `%` is one of them: a file named `a%3ab` is asked for as `a%253ab`.
const ESCAPED_BASE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?');
/// The rest of what browsers' URL rules escape or rewrite.
const ESCAPED: &AsciiSet = &ESCAPED_BASE.add(b'[').add(b'\\').add(b']').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// The base URL of an archive, as a source file gives it.
pub(crate) fn base_url(text: &str) -> Result<Url, Error> {
    let refused = |got: String| {
        Error::unexpected(ErrorKind::Configuration, "a base URL with scheme http, https or file", got, "base of the source")
    };
    let url = Url::parse(text).map_err(|error| refused(format!("an invalid URL ({error})")))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        "file" if is_drive(&url) => Err(refused(format!("the path {:?}, which a URL cannot represent", url.path()))),
        "file" => Ok(url),
        other => Err(refused(format!("scheme {other}"))),
    }
}

/// Whether a `file` URL begins with what browsers, whose rules these are, take for a drive of Windows: `a|` becomes `a:` as soon as
/// a path is added, and `a:/.` is not the folder `a:` that it becomes when it is read again.
pub(crate) fn is_drive(url: &Url) -> bool {
    let first = url.path_segments().and_then(|mut names| names.next()).unwrap_or_default();
    url.scheme() == "file"
        && first.len() == 2
        && first.ends_with(['|', ':'])
        && first.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// The URL of a path below a base.
pub(crate) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{}", base.path().trim_end_matches('/'), utf8_percent_encode(path, ESCAPED)));
    url
}

/// Why a path from an index must not be followed; none if it stays below the archive's base.
pub(crate) fn hostile(path: &str) -> Option<&'static str> {
    let first = path.split('/').next().unwrap_or_default();
    if path.is_empty() {
        Some("nothing")
    } else if path.starts_with('/') {
        Some("an absolute path")
    } else if first.contains(':') {
        Some("an absolute URL")
    } else if path.split('/').any(|element| element == ".." || element == ".") {
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
    fn a_path_out_of_the_archive_is_hostile() {
        for path in ["", "/etc/passwd", "../x", "pool/../../x", "file:///etc/passwd", "http://evil/x", "a\\b", "a\nb", "./a"] {
            assert!(hostile(path).is_some(), "{path:?}");
        }
        for path in ["pool/main/l/linux/linux-headers_6.1~rc1+b1_amd64.deb", "a..b/c", "pool/a_1%3a2_all.deb", "p/a:b"] {
            assert_eq!(hostile(path), None, "{path:?}");
        }
    }

    #[test]
    fn a_path_becomes_a_url_that_names_that_very_file() {
        let base = base_url("https://h/debian/").expect("a base");
        assert_eq!(below(&base, "pool/a_1%3a2~b+c_all.deb").as_str(), "https://h/debian/pool/a_1%253a2~b+c_all.deb");
        assert_eq!(below(&base, "pool/a b?c#d").as_str(), "https://h/debian/pool/a%20b%3Fc%23d");
    }

    #[test]
    fn a_base_needs_a_scheme_that_is_known() {
        for text in ["ftp://h/debian", "/srv/debian", "", "http://", "file:///a|", "file:///a:/x"] {
            assert!(base_url(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_path_that_is_not_hostile_stays_below_its_base(
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
