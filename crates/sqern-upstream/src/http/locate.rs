//! Where a request goes, and how a URL is shown.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::Failure;

/// How often a request is sent on.
pub(super) const REDIRECTS: usize = 5;

/// Where the request for `url` goes: `MIRROR_BASE/HOST/PATH` when there is a mirror base, else to itself, as does a `file:`
/// URL, which has no host.
pub(super) fn locate(url: &Url, mirror_base: Option<&Url>) -> Url {
    let Some((base, host)) = mirror_base.zip(url.host_str()).filter(|_| url.scheme() != "file") else { return url.clone() };
    let mut located = base.clone();
    located.set_query(url.query());
    located.set_path(&format!("{}/{host}{}", base.path().trim_end_matches('/'), url.path()));
    located
}

/// Where a redirect goes: one of the mirror's own stays there, any other is mapped to it as every request.
pub(super) fn locate_redirect(url: &Url, mirror_base: Option<&Url>) -> Url {
    let at = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
    match mirror_base {
        Some(base) if at(base) == at(url) && url.path().starts_with(base.path()) => url.clone(),
        _ => locate(url, mirror_base),
    }
}

/// The URL that a redirect leads to; only `http` and `https`, and never from `https` back to `http`.
pub(super) fn redirected(from: &Url, location: &str) -> Result<Url, Failure> {
    let refused = |got: String| Failure::new("a redirect to an http or https URL", got, shown(from));
    let to = from.join(location).map_err(|error| refused(format!("the location {location:?} ({error})")))?;
    match (from.scheme(), to.scheme()) {
        ("https", "http") => Err(refused(format!("one from https down to {}", shown(&to)))),
        (_, "http" | "https") => Ok(to),
        _ => Err(refused(format!("one to {}", shown(&to)))),
    }
}

/// A URL as it may be written down: without user name and password.
pub(crate) fn without_credentials(url: &Url) -> Url {
    let mut bare = url.clone();
    // Both fail only for URLs that can't hold credentials.
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    bare
}

/// A URL as messages show it.
pub(crate) fn shown(url: &Url) -> String {
    without_credentials(url).to_string()
}

/// The path of a `file:` URL.
pub(super) fn file_path(url: &Url) -> Result<std::path::PathBuf, Failure> {
    let escapes = percent_decode_str(url.path()).any(|byte| byte == 0);
    url.to_file_path()
        .ok()
        .filter(|_| !escapes)
        .ok_or_else(|| Failure::new("a file URL with an absolute path (file:///srv/mirror)", "another one", shown(url)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn a_mirror_base_stands_before_host_and_path() {
        for (base, from, to) in [
            ("http://m:8099", "https://mirror.example/debian/dists/x", "http://m:8099/mirror.example/debian/dists/x"),
            ("http://m/all/", "http://h:81/p%3a?q=1", "http://m/all/h/p%3a?q=1"),
            ("file:///srv/mirror", "https://h/p", "file:///srv/mirror/h/p"),
            ("http://m", "file:///srv/p", "file:///srv/p"),
            ("http://m/all", "http://m/debian/p", "http://m/all/m/debian/p"),
        ] {
            assert_eq!(locate(&url(from), Some(&url(base))).as_str(), to);
        }
        assert_eq!(locate_redirect(&url("http://m/all/h/p"), Some(&url("http://m/all"))).as_str(), "http://m/all/h/p");
        assert_eq!(locate_redirect(&url("http://h/p"), Some(&url("http://m/all"))).as_str(), "http://m/all/h/p");
    }

    #[test]
    fn a_redirect_never_leads_to_a_file_or_down_from_https() {
        assert!(redirected(&url("http://h/"), "file:///etc/passwd").is_err());
        assert!(redirected(&url("https://h/"), "http://h/").is_err());
        assert_eq!(redirected(&url("https://h/a/b"), "../c").expect("same host").as_str(), "https://h/c");
    }

    #[test]
    fn credentials_are_not_shown() {
        assert_eq!(shown(&url("https://user:secret@h/p")), "https://h/p");
    }
}
