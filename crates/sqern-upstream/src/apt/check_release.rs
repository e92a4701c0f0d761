//! Checks the suite and the validity period of a `Release`.

use jiff::Timestamp;

use crate::crawl::date::age;
use crate::deb::release::Release;
use crate::deb::suite::{SuiteMatch, suite_match};
use crate::{Error, ErrorKind};

/// The reaction to a `Release` past its `Valid-Until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    /// An error, because the server might replay old data.
    Fails,
    /// No reaction, because the repository is closed and does not change.
    Passes,
    /// A warning, because local apt lists become outdated without updates.
    Warns,
}

/// Checks the validity period of a `Release`, and returns a warning if that is sufficient.
pub(super) fn time(
    release: &Release,
    now: Timestamp,
    expired: Expired,
    location: &str,
) -> Result<Option<String>, Error> {
    let Some(until) = release.valid_until.filter(|until| *until < now) else {
        return Ok(None);
    };
    let age = age(now.duration_since(until));
    match expired {
        Expired::Passes => Ok(None),
        Expired::Warns => Ok(Some(format!(
            "Release file {location} expired {age} ago ({until}); apt-get update renews the package lists"
        ))),
        Expired::Fails => {
            let reason =
                format!("the Release file expired {age} ago ({until}); the current time is {now}");
            Err(Error::failed(
                ErrorKind::Outdated,
                "could not accept",
                reason,
                location,
            ))
        }
    }
}

/// Checks the suite of a `Release`, and returns a warning if it is not clear.
///
/// Another suite is an error if the text is verified, because a mirror could replace the signed text of
/// a suite by that of another one. Otherwise the mirror could also change the suite in the text.
pub(super) fn suite(
    release: &Release,
    requested: &str,
    is_verified: bool,
    location: &str,
) -> Result<Option<String>, Error> {
    let value = |field: &Option<String>| field.clone().unwrap_or_else(|| "(none)".into());
    let actual = format!(
        "Suite {}, Codename {}",
        value(&release.suite),
        value(&release.codename)
    );
    match suite_match(
        requested,
        release.suite.as_deref(),
        release.codename.as_deref(),
    ) {
        SuiteMatch::Yes => Ok(None),
        SuiteMatch::No if is_verified => {
            let reason = format!("the Release file contains {actual} instead of suite {requested}");
            let error = Error::failed(
                ErrorKind::InvalidMetadata,
                "could not accept",
                reason,
                location,
            );
            Err(match release.codename.as_ref().or(release.suite.as_ref()) {
                Some(name) => error.with_hint(format!(
                    "If this is the suite, add release-suite = {name:?} to the source in the distribution file."
                )),
                None => error,
            })
        }
        SuiteMatch::No | SuiteMatch::Unsure => Ok(Some(format!(
            "Release file {location} of suite {requested} contains {actual}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(date: &str, until: &str) -> Release {
        Release {
            date: date.parse().ok(),
            valid_until: until.parse().ok(),
            ..Release::default()
        }
    }

    #[test]
    fn expired_release_is_reported_with_time_and_age() {
        let now: Timestamp = "2026-06-10T12:00:00Z".parse().expect("a time");
        let expired = release("2026-05-20T00:00:00Z", "2026-05-27T12:00:00Z");
        let failure = time(&expired, now, Expired::Fails, "here")
            .expect_err("expired")
            .to_string();
        assert!(
            failure.contains("14 days ago (2026-05-27T12:00:00Z)")
                && failure.contains("2026-06-10T12:00:00Z"),
            "{failure}"
        );
        let warning = time(&expired, now, Expired::Warns, "here")
            .expect("a warning")
            .expect("a warning");
        assert!(
            warning.contains("14 days ago") && warning.contains("apt-get update"),
            "{warning}"
        );
        assert_eq!(time(&expired, now, Expired::Passes, "here"), Ok(None));
    }
}
