//! The locations of packages and indexes in metadata, and their URLs.

use percent_encoding::percent_decode_str;
use url::Url;

use crate::crawl::path::{is_drive, resolve};

/// The location of a package or index that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocationError {
    /// The location is not UTF-8.
    #[error("expected UTF-8 in a location, found {0:?}")]
    NotUtf8(String),
    /// The location cannot be resolved.
    #[error("expected a location on the server of the repository, found {reason}: {href:?}")]
    Unsafe {
        /// A description of the location.
        reason: &'static str,
        /// The location.
        href: String,
    },
    /// The base of an element is on a host that the source does not name.
    #[error("expected an xml:base on {host} or a host in package-hosts, found {xml_base:?}")]
    OtherHost {
        /// The host of the repository.
        host: String,
        /// The base of the element.
        xml_base: String,
    },
}

/// Returns the URL of a location relative to the base URL, or to another base on the same host or one
/// of `hosts`.
pub(super) fn location_url(
    base: &Url,
    href: &str,
    xml_base: Option<&str>,
    hosts: &[String],
) -> Result<Url, LocationError> {
    // Paths may be escaped.
    let path = percent_decode_str(href)
        .decode_utf8()
        .map_err(|_| LocationError::NotUtf8(href.to_owned()))?;
    let base = match xml_base {
        None => base.clone(),
        Some(text) => other_base(base, text, hosts)?,
    };
    resolve(&base, &path).map_err(|reason| LocationError::Unsafe {
        reason,
        href: href.to_owned(),
    })
}

/// Returns the base URL of an element, which must be on the same host or one of `hosts`.
pub(super) fn other_base(base: &Url, text: &str, hosts: &[String]) -> Result<Url, LocationError> {
    let refused = || LocationError::OtherHost {
        host: base.host_str().unwrap_or("this machine").to_owned(),
        xml_base: text.to_owned(),
    };
    let mut directory = base.clone();
    directory.set_path(&format!("{}/", base.path().trim_end_matches('/')));
    let other = directory.join(text).map_err(|_| refused())?;
    let origin = |url: &Url| {
        (
            url.scheme().to_owned(),
            url.host_str().map(str::to_owned),
            url.port_or_known_default(),
        )
    };
    // On the local disk, the directory separates repositories. An escaped slash would become a
    // separator in the path of a file.
    let is_outside = base.scheme() == "file"
        && (!other.path().starts_with(directory.path())
            || other.path().to_ascii_lowercase().contains("%2f")
            || is_drive(&other));
    // The user must be that of the source, because recorded URLs have no credentials.
    let credentials = |url: &Url| (url.username().to_owned(), url.password().map(str::to_owned));
    let is_user = [credentials(base), (String::new(), None)].contains(&credentials(&other));
    // Other hosts must be as secure, and receive no credentials.
    let is_listed = other
        .host_str()
        .is_some_and(|host| hosts.iter().any(|listed| listed.eq_ignore_ascii_case(host)))
        && matches!(
            (base.scheme(), other.scheme()),
            ("http", "http") | (_, "https")
        )
        && other.port().is_none()
        && credentials(&other) == (String::new(), None);
    if (origin(&other) == origin(base) && is_user && !is_outside) || is_listed {
        Ok(other)
    } else {
        Err(refused())
    }
}
