//! Checks the date of root metadata.
//!
//! Metadata that is older than that of the last crawl is a replay. Metadata with a date in the
//! future would make all later metadata look like a replay. These are the rollback, freeze and
//! fast-forward attacks of The Update Framework (<https://theupdateframework.io/docs/security/>).

use jiff::{SignedDuration, Timestamp};

use super::context::Context;
use crate::{Error, ErrorKind};

/// The tolerated difference between the clocks of this machine and of the repository.
const FUTURE: SignedDuration = SignedDuration::from_hours(24);

const ACCEPT_ROLLBACK_HINT: &str =
    "sqern check --accept-rollback  # if the repository was restored to an earlier state";

/// Checks that root metadata (`what`: "Release") is neither older than that of the last crawl nor
/// from the future. Metadata without a date could be older, so it is an error if that of the last
/// crawl had a date. Returns warnings about an accepted rollback, and about metadata that is older than
/// usual.
pub(crate) fn check(
    context: &Context<'_>,
    what: &str,
    dated_at: Option<Timestamp>,
    location: &str,
) -> Result<Vec<String>, Error> {
    let accepted = context.options.accept_rollback;
    let Some(dated_at) = dated_at else {
        let before = context.cache.dated_at;
        let warning = before.map(|before| undated(what, before, accepted, location));
        return Ok(warning.transpose()?.into_iter().collect());
    };
    let now = context.options.now;
    not_from_the_future(what, dated_at, now, location)?;
    let mut warnings = Vec::new();
    if let Some(before) = context.cache.dated_at {
        warnings.extend(not_older(what, dated_at, before, accepted, location)?);
    }
    if let Some(days) = context.source.stale_after_days() {
        warnings.extend(stale(what, dated_at, now, days, location));
    }
    Ok(warnings)
}

/// Returns an error if the date of root metadata is in the future.
pub(crate) fn not_from_the_future(
    what: &str,
    dated_at: Timestamp,
    now: Timestamp,
    location: &str,
) -> Result<(), Error> {
    if dated_at.duration_since(now) <= FUTURE {
        return Ok(());
    }
    let reason =
        format!("the date {dated_at} of the {what} is in the future (current time is {now})");
    Err(
        Error::failed(ErrorKind::Outdated, "could not accept", reason, location)
            .with_hint("date -u  # prints the clock of this machine"),
    )
}

/// Returns an error for metadata without a date, or a warning if a rollback is accepted.
fn undated(what: &str, before: Timestamp, accepted: bool, location: &str) -> Result<String, Error> {
    if accepted {
        return Ok(format!(
            "accepted a {what} without a valid date after one of {before}: {location}"
        ));
    }
    let reason = format!("the {what} has no valid date, and the last accepted one is of {before}");
    Err(
        Error::failed(ErrorKind::Outdated, "could not accept", reason, location)
            .with_hint(ACCEPT_ROLLBACK_HINT),
    )
}

fn not_older(
    what: &str,
    dated_at: Timestamp,
    before: Timestamp,
    accepted: bool,
    location: &str,
) -> Result<Option<String>, Error> {
    if dated_at >= before {
        return Ok(None);
    }
    let behind = age(before.duration_since(dated_at));
    if accepted {
        return Ok(Some(format!(
            "accepted a {what} that is {behind} older than the last accepted one: {location}"
        )));
    }
    let reason =
        format!("the {what} of {dated_at} is {behind} older than the last accepted one ({before})");
    Err(
        Error::failed(ErrorKind::Outdated, "could not accept", reason, location)
            .with_hint(ACCEPT_ROLLBACK_HINT),
    )
}

fn stale(
    what: &str,
    dated_at: Timestamp,
    now: Timestamp,
    days: u32,
    location: &str,
) -> Option<String> {
    let span = now.duration_since(dated_at);
    (span > SignedDuration::from_hours(24 * i64::from(days))).then(|| {
        format!(
            "the {what} is {} old ({dated_at}), more than the usual {days} days: the mirror might be outdated, at {location}",
            age(span)
        )
    })
}

/// Formats a duration in its largest unit: 12 days, 5 hours, 3 minutes.
pub(crate) fn age(span: SignedDuration) -> String {
    let minutes = span.as_mins().max(0);
    let (count, unit) = match minutes {
        0..120 => (minutes, "minute"),
        120..2880 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    sqern_model::counted(count, unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn older_metadata_is_an_error_unless_accepted() {
        let (older, newer) = (time("2026-06-01T00:00:00Z"), time("2026-06-03T12:00:00Z"));
        assert_eq!(not_older("Release", newer, older, false, "here"), Ok(None));
        assert_eq!(not_older("Release", older, older, false, "here"), Ok(None));
        let failure = not_older("Release", older, newer, false, "here")
            .expect_err("older")
            .to_string();
        assert!(
            failure.contains("2 days older") && failure.contains("--accept-rollback"),
            "{failure}"
        );
        assert!(
            not_older("Release", older, newer, true, "here")
                .expect("accepted")
                .is_some()
        );
    }

    #[test]
    fn date_may_be_at_most_one_day_in_the_future() {
        let now = time("2026-06-10T12:00:00Z");
        assert!(not_from_the_future("Release", time("2026-06-11T11:00:00Z"), now, "here").is_ok());
        assert!(not_from_the_future("Release", time("2026-06-11T13:00:00Z"), now, "here").is_err());
    }

    #[test]
    fn stale_metadata_is_a_warning() {
        let now = time("2026-06-10T12:00:00Z");
        assert_eq!(
            stale("repomd.xml", time("2026-05-11T12:00:00Z"), now, 30, "here"),
            None
        );
        let warning =
            stale("repomd.xml", time("2026-05-11T11:00:00Z"), now, 30, "here").expect("stale");
        assert!(
            warning.contains("30 days old") && warning.contains("repomd.xml"),
            "{warning}"
        );
    }

    #[test]
    fn ages_have_their_largest_unit() {
        for (minutes, expected) in [
            (0, "0 minutes"),
            (1, "1 minute"),
            (130, "2 hours"),
            (2879, "47 hours"),
            (2880, "2 days"),
        ] {
            assert_eq!(age(SignedDuration::from_mins(minutes)), expected);
        }
    }
}
