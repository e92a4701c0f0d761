//! Where a request goes, and how a URL is redact_url.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::{Error, ErrorKind};

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
pub(super) fn redirected(from: &Url, location: &str) -> Result<Url, Error> {
    let refused =
        |got: String| Error::unexpected(ErrorKind::Download, "a redirect to an http or https URL", got, redact_url(from));
    // The location itself may hold a token, and without a URL's parts there is no telling where.
    let to = from.join(location).map_err(|error| refused(format!("an invalid location ({error})")))?;
    match (from.scheme(), to.scheme()) {
        ("https", "http") => Err(refused(format!("a redirect from https to {}", redact_url(&to)))),
        (_, "http" | "https") => Ok(to),
        _ => Err(refused(format!("a redirect to {}", redact_url(&to)))),
    }
}

/// The target of a redirect with the user name and password of the first URL where it stays at that server, else with none: not
/// the first URL's, and not what the redirect brings along.
pub(super) fn with_user_of(mut to: Url, first: &Url) -> Url {
    let (user, password) = if to.origin() == first.origin() { (first.username(), first.password()) } else { ("", None) };
    // Both fail only for URLs that can't hold credentials.
    let _ = to.set_username(user);
    let _ = to.set_password(password);
    to
}

/// A URL as it may be written down: without user name and password, and without query, where tokens stand (SUSE's
/// `update.suse.com/…?TOKEN`, signed URLs).
pub(crate) fn without_credentials(url: &Url) -> Url {
    let mut bare = url.clone();
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    bare.set_query(None);
    bare.set_fragment(None);
    bare
}

/// A URL as messages show it: with `?…` in place of a query.
pub(crate) fn redact_url(url: &Url) -> String {
    let mut text = without_credentials(url).to_string();
    if url.query().is_some_and(|query| !query.is_empty()) {
        text.push_str("?…");
    }
    text
}

/// The path of a `file:` URL.
pub(super) fn file_path(url: &Url) -> Result<std::path::PathBuf, Error> {
    let escapes = percent_decode_str(url.path()).any(|byte| byte == 0);
    url.to_file_path().ok().filter(|_| !escapes).ok_or_else(|| {
        Error::unexpected(
            ErrorKind::Configuration,
            "a file URL with an absolute path (file:///srv/mirror)",
            "another URL",
            redact_url(url),
        )
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn a_location_that_is_no_url_is_not_shown() {
        let failure = redirected(&url("https://h/"), "https://user:secret@[h/?token").expect_err("no URL").to_string();
        assert!(failure.contains("invalid location") && !failure.contains("secret") && !failure.contains("token"), "{failure}");
    }

    #[test]
    fn a_redirect_keeps_the_user_at_the_same_server_only() {
        let first = url("https://user:secret@h/a?token");
        for (location, to) in [
            ("/b", "https://user:secret@h/b"),
            ("https://h/b", "https://user:secret@h/b"),
            ("https://eve:evil@h:443/b", "https://user:secret@h/b"),
            ("https://h:8443/b", "https://h:8443/b"),
            ("//other/b", "https://other/b"),
            ("https://eve:evil@other/b?c", "https://other/b?c"),
        ] {
            assert_eq!(with_user_of(redirected(&first, location).expect("a redirect"), &first).as_str(), to);
        }
    }

    #[test]
    fn neither_users_nor_queries_are_shown() {
        for (given, expected, bare) in [
            ("https://user:secret@h/p", "https://h/p", "https://h/p"),
            ("https://h/p?secret&x=secret#secret", "https://h/p?…", "https://h/p"),
            ("https://secret@h?", "https://h/", "https://h/"),
            ("file:///srv/p", "file:///srv/p", "file:///srv/p"),
        ] {
            assert_eq!((redact_url(&url(given)).as_str(), without_credentials(&url(given)).as_str()), (expected, bare));
        }
    }

    proptest! {
        #[test]
        fn no_secret_is_ever_shown(user in "[a-z]{0,5}", path in "(/[a-z.]{0,6}){0,4}", query in "[a-z=&%/?:@]{0,20}") {
            let url = url(&format!("https://{user}SECRET:SECRET@h{path}?{query}SECRET"));
            prop_assert!(!redact_url(&url).contains("SECRET") && !without_credentials(&url).as_str().contains("SECRET"));
        }
    }
}
