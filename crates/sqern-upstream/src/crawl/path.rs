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

/// Returns the URL of a path in metadata. As in apt and dnf, a leading slash is ignored, and `.` and
/// `..` are resolved. The result is on the same host as the base. Below a `file` base, it is also in
/// the same directory, because a directory separates repositories on the local disk.
///
/// # Errors
///
/// Returns a description of the path if it is invalid.
pub(crate) fn resolve(base: &Url, path: &str) -> Result<Url, &'static str> {
    let relative = path.trim_start_matches('/');
    let first = relative.split('/').next().unwrap_or_default();
    if relative.is_empty() {
        return Err("nothing");
    }
    if first.contains(':') {
        return Err("an absolute URL");
    }
    if relative.chars().any(|c| c.is_control() || c == '\\') {
        return Err("a path with a backslash or control character");
    }
    let directory = base.path().trim_end_matches('/');
    let mut elements: Vec<&str> = directory.split('/').skip(1).collect();
    let depth = elements.len();
    let mut added: Vec<&str> = Vec::new();
    for element in relative.split('/') {
        match element {
            "." => {}
            ".." if added.pop().is_some() => {}
            ".." if base.scheme() == "file" => return Err("a path out of the directory"),
            ".." if elements.pop().is_some() => {}
            ".." => return Err("a path above the root of the server"),
            element => added.push(element),
        }
    }
    if added.last().is_none_or(|name| name.is_empty()) {
        return Err("a directory");
    }
    let added = added.join("/");
    if elements.len() == depth {
        return Ok(below(base, &added));
    }
    let mut ancestor = base.clone();
    ancestor.set_path(&elements.join("/"));
    Ok(below(&ancestor, &added))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_resolved_as_by_apt_and_dnf() {
        let base = base_url("https://h/a/b%20c/d").expect("a base");
        for (path, expected) in [
            (
                "pool/x_1%3a2~b_all.deb",
                Ok("https://h/a/b%20c/d/pool/x_1%253a2~b_all.deb"),
            ),
            ("./pool/x", Ok("https://h/a/b%20c/d/pool/x")),
            ("/pool/x", Ok("https://h/a/b%20c/d/pool/x")),
            ("pool/./y/../x", Ok("https://h/a/b%20c/d/pool/x")),
            ("../x", Ok("https://h/a/b%20c/x")),
            ("../../../blobstore/1/x", Ok("https://h/blobstore/1/x")),
            ("p/a:b", Ok("https://h/a/b%20c/d/p/a:b")),
            ("a..b/c", Ok("https://h/a/b%20c/d/a..b/c")),
            ("../../../../x", Err("a path above the root of the server")),
            ("", Err("nothing")),
            ("/", Err("nothing")),
            ("..", Err("a directory")),
            ("pool/..", Err("a directory")),
            ("../", Err("a directory")),
            ("file:///etc/passwd", Err("an absolute URL")),
            ("http://other/x", Err("an absolute URL")),
            ("a\\b", Err("a path with a backslash or control character")),
            ("a\nb", Err("a path with a backslash or control character")),
        ] {
            let found = resolve(&base, path);
            assert_eq!(
                found.as_ref().map(Url::as_str),
                expected.as_ref().copied(),
                "{path:?}"
            );
        }
        let directory = base_url("file:///srv/mirror").expect("a base");
        assert_eq!(
            resolve(&directory, "pool/../x").expect("below").as_str(),
            "file:///srv/mirror/x"
        );
        for path in ["../x", "pool/../../x"] {
            assert_eq!(
                resolve(&directory, path),
                Err("a path out of the directory")
            );
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
        fn valid_paths_are_on_the_host_of_the_base(
            base in prop::sample::select(&["https://h", "http://h:8/a%20b//", "file:///srv/x"][..]),
            path in "([a-zé:?#%&;~ ]|\\.|\\.\\./|%2e|/|\\\\|\t|\n){0,8}",
        ) {
            let base = base_url(base).expect("a base");
            if let Ok(url) = resolve(&base, &path) {
                prop_assert_eq!((url.scheme(), url.host_str(), url.port()), (base.scheme(), base.host_str(), base.port()));
                prop_assert!(!url.path().split('/').any(|element| element == ".." || element == "."), "{}", url);
                let again = Url::parse(url.as_str());
                prop_assert_eq!(again.as_ref(), Ok(&url));
                let folder = format!("{}/", base.as_str().trim_end_matches('/'));
                prop_assert!(base.scheme() != "file" || url.as_str().starts_with(&folder), "{}", url);
                if !path.split('/').any(|element| [".", ".."].contains(&element)) {
                    let rest = url.as_str().strip_prefix(&folder).expect("below the base");
                    let decoded = percent_encoding::percent_decode_str(rest).decode_utf8().expect("UTF-8");
                    prop_assert_eq!(decoded, path.trim_start_matches('/'));
                }
            }
        }
    }
}
