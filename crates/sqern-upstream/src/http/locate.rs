//! URLs of requests, and their redaction.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::{Error, ErrorKind};

/// The maximum number of redirects.
pub(super) const REDIRECTS: usize = 5;

/// Returns the URL of a request: `MIRROR_BASE/HOST/PATH` with a mirror base, else `url`. `file:`
/// URLs have no host and do not change.
///
/// `+` is escaped in the path, as by apt and dnf, because S3 decodes it as a space.
pub(super) fn locate(url: &Url, mirror_base: Option<&Url>) -> Url {
    let Some(host) = url.host_str().filter(|_| url.scheme() != "file") else {
        return url.clone();
    };
    let mut located = mirror_base.unwrap_or(url).clone();
    let prefix = mirror_base.map_or_else(String::new, |base| {
        format!("{}/{host}", base.path().trim_end_matches('/'))
    });
    located.set_query(url.query());
    let path = format!("{prefix}{}", url.path());
    located.set_path(&if located.scheme() == "file" {
        path
    } else {
        path.replace('+', "%2B")
    });
    located
}

/// Returns the URL of a redirect. URLs of the mirror do not change, and others are mapped to it.
pub(super) fn locate_redirect(url: &Url, mirror_base: Option<&Url>) -> Url {
    let at = |url: &Url| {
        (
            url.scheme().to_owned(),
            url.host_str().map(str::to_owned),
            url.port_or_known_default(),
        )
    };
    match mirror_base {
        Some(base) if at(base) == at(url) && url.path().starts_with(base.path()) => url.clone(),
        _ => locate(url, mirror_base),
    }
}

/// Returns the target of a redirect, which must be `http` or `https`, and not a downgrade from
/// `https` to `http`.
pub(super) fn redirected(from: &Url, location: &str) -> Result<Url, Error> {
    let refused = |reason: String| {
        Error::failed(
            ErrorKind::Download,
            "cannot follow the redirect of",
            reason,
            redact_url(from),
        )
    };
    // An invalid location might contain a token, whose position is unknown.
    let to = from
        .join(location)
        .map_err(|error| refused(format!("invalid Location header: {error}")))?;
    match (from.scheme(), to.scheme()) {
        ("https", "http") => Err(refused(format!(
            "redirect from https to {}",
            redact_url(&to)
        ))),
        (_, "http" | "https") => Ok(to),
        _ => Err(refused(format!(
            "{} is not an http or https URL",
            redact_url(&to)
        ))),
    }
}

/// Returns the target of a redirect with the user name and password of the first URL if both are on
/// the same server. Otherwise it has none.
pub(super) fn with_user_of(mut to: Url, first: &Url) -> Url {
    let (user, password) = if to.origin() == first.origin() {
        (first.username(), first.password())
    } else {
        ("", None)
    };
    // Both only fail for URLs without a host.
    let _ = to.set_username(user);
    let _ = to.set_password(password);
    to
}

/// Returns a URL that can be recorded: without user name, password and query. Queries contain
/// tokens (`update.suse.com/…?TOKEN` of SUSE, signed URLs).
pub(crate) fn without_credentials(url: &Url) -> Url {
    let mut bare = url.clone();
    let _ = bare.set_username("");
    let _ = bare.set_password(None);
    bare.set_query(None);
    bare.set_fragment(None);
    bare
}

/// Returns a URL for messages, with `?…` instead of a query.
pub(crate) fn redact_url(url: &Url) -> String {
    let mut text = without_credentials(url).to_string();
    if url.query().is_some_and(|query| !query.is_empty()) {
        text.push_str("?…");
    }
    text
}

/// Returns the path of a `file:` URL.
pub(super) fn file_path(url: &Url) -> Result<std::path::PathBuf, Error> {
    let escapes = percent_decode_str(url.path()).any(|byte| byte == 0);
    url.to_file_path().ok().filter(|_| !escapes).ok_or_else(|| {
        let reason = "a file URL must contain an absolute path, such as file:///srv/mirror";
        Error::failed(
            ErrorKind::Configuration,
            "cannot use",
            reason,
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
    fn mirror_base_precedes_host_and_path() {
        for (base, from, to) in [
            (
                "http://m:8099",
                "https://mirror.example/debian/dists/x",
                "http://m:8099/mirror.example/debian/dists/x",
            ),
            (
                "http://m/all/",
                "http://h:81/p%3a?q=1",
                "http://m/all/h/p%3a?q=1",
            ),
            (
                "file:///srv/mirror",
                "https://h/p+q",
                "file:///srv/mirror/h/p+q",
            ),
            ("http://m", "https://h/p+q?r+s", "http://m/h/p%2Bq?r+s"),
            ("http://m", "file:///srv/p", "file:///srv/p"),
            (
                "http://m/all",
                "http://m/debian/p",
                "http://m/all/m/debian/p",
            ),
        ] {
            assert_eq!(locate(&url(from), Some(&url(base))).as_str(), to);
        }
        assert_eq!(
            locate(&url("https://h/a+b%20c?r+s"), None).as_str(),
            "https://h/a%2Bb%20c?r+s"
        );
        assert_eq!(
            locate_redirect(&url("http://m/all/h/p"), Some(&url("http://m/all"))).as_str(),
            "http://m/all/h/p"
        );
        assert_eq!(
            locate_redirect(&url("http://h/p"), Some(&url("http://m/all"))).as_str(),
            "http://m/all/h/p"
        );
    }

    #[test]
    fn redirects_to_files_and_downgrades_are_errors() {
        assert!(redirected(&url("http://h/"), "file:///etc/passwd").is_err());
        assert!(redirected(&url("https://h/"), "http://h/").is_err());
        assert_eq!(
            redirected(&url("https://h/a/b"), "../c")
                .expect("same host")
                .as_str(),
            "https://h/c"
        );
    }

    #[test]
    fn invalid_locations_are_not_displayed() {
        let failure = redirected(&url("https://h/"), "https://user:secret@[h/?token")
            .expect_err("no URL")
            .to_string();
        assert!(
            failure.contains("invalid Location header")
                && !failure.contains("secret")
                && !failure.contains("token"),
            "{failure}"
        );
    }

    #[test]
    fn redirects_keep_the_user_only_on_the_same_server() {
        let first = url("https://user:secret@h/a?token");
        for (location, to) in [
            ("/b", "https://user:secret@h/b"),
            ("https://h/b", "https://user:secret@h/b"),
            ("https://eve:evil@h:443/b", "https://user:secret@h/b"),
            ("https://h:8443/b", "https://h:8443/b"),
            ("//other/b", "https://other/b"),
            ("https://eve:evil@other/b?c", "https://other/b?c"),
        ] {
            assert_eq!(
                with_user_of(redirected(&first, location).expect("a redirect"), &first).as_str(),
                to
            );
        }
    }

    #[test]
    fn users_and_queries_are_redacted() {
        for (given, expected, bare) in [
            ("https://user:secret@h/p", "https://h/p", "https://h/p"),
            (
                "https://h/p?secret&x=secret#secret",
                "https://h/p?…",
                "https://h/p",
            ),
            ("https://secret@h?", "https://h/", "https://h/"),
            ("file:///srv/p", "file:///srv/p", "file:///srv/p"),
        ] {
            assert_eq!(
                (
                    redact_url(&url(given)).as_str(),
                    without_credentials(&url(given)).as_str()
                ),
                (expected, bare)
            );
        }
    }

    proptest! {
        #[test]
        fn secrets_are_always_redacted(user in "[a-z]{0,5}", path in "(/[a-z.]{0,6}){0,4}", query in "[a-z=&%/?:@]{0,20}") {
            let url = url(&format!("https://{user}SECRET:SECRET@h{path}?{query}SECRET"));
            prop_assert!(!redact_url(&url).contains("SECRET") && !without_credentials(&url).as_str().contains("SECRET"));
        }
    }
}
