//! When the top of a source was made: what is older than what was believed before is a replay, and what is from the future would make
//! all that comes after it one (the rollback, freeze and fast-forward attacks of The Update Framework,
//! <https://theupdateframework.io/docs/security/>).

use jiff::{SignedDuration, Timestamp};

use super::context::Context;
use crate::Failure;

/// How far a clock may be behind the source's.
const FUTURE: SignedDuration = SignedDuration::from_hours(24);

/// Refuses a top (`what`: "Release") that was made before the last one believed, or after now; warnings tell one that was let through,
/// and one that is older than the source's file finds right.
pub(crate) fn judge(context: &Context<'_>, what: &str, dated_at: Option<Timestamp>, place: &str) -> Result<Vec<String>, Failure> {
    let Some(dated_at) = dated_at else { return Ok(Vec::new()) };
    let now = context.options.now;
    not_from_the_future(what, dated_at, now, place)?;
    let mut warnings = Vec::new();
    if let Some(before) = context.memory.dated_at {
        warnings.extend(not_older(what, dated_at, before, context.options.accept_rollback, place)?);
    }
    if let Some(days) = context.source.stale_after_days() {
        warnings.extend(stale(what, dated_at, now, days, place));
    }
    Ok(warnings)
}

/// Refuses a top that says it was made later than now.
pub(crate) fn not_from_the_future(what: &str, dated_at: Timestamp, now: Timestamp, place: &str) -> Result<(), Failure> {
    if dated_at.duration_since(now) <= FUTURE {
        return Ok(());
    }
    Err(Failure::new(format!("a {what} with a date up to the current time {now}"), format!("the date {dated_at}"), place)
        .hint("date -u"))
}

fn not_older(what: &str, dated_at: Timestamp, before: Timestamp, accepted: bool, place: &str) -> Result<Option<String>, Failure> {
    if dated_at >= before {
        return Ok(None);
    }
    let behind = age(before.duration_since(dated_at));
    if accepted {
        return Ok(Some(format!("accepted a {what} that is {behind} older than the last one, at {place}")));
    }
    Err(Failure::new(
        format!("a {what} of {before} or later, like the last one"),
        format!("the date {dated_at}, {behind} older (the mirror is outdated or sends an old state)"),
        place,
    )
    .hint("sqern check --accept-rollback  # if the repository was restored to an earlier state"))
}

fn stale(what: &str, dated_at: Timestamp, now: Timestamp, days: u32, place: &str) -> Option<String> {
    let span = now.duration_since(dated_at);
    (span > SignedDuration::from_hours(24 * i64::from(days))).then(|| {
        format!(
            "the {what} is {} old ({dated_at}), more than the usual {days} days: the mirror might be outdated, at {place}",
            age(span)
        )
    })
}

/// A span in its largest unit: 12 days, 5 hours, 3 minutes.
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
    fn what_is_older_than_what_was_seen_is_refused_unless_that_is_accepted() {
        let (older, newer) = (time("2026-06-01T00:00:00Z"), time("2026-06-03T12:00:00Z"));
        assert_eq!(not_older("Release", newer, older, false, "here"), Ok(None));
        assert_eq!(not_older("Release", older, older, false, "here"), Ok(None));
        let failure = not_older("Release", older, newer, false, "here").expect_err("older").to_string();
        assert!(failure.contains("2 days older") && failure.contains("--accept-rollback"), "{failure}");
        assert!(not_older("Release", older, newer, true, "here").expect("accepted").is_some());
    }

    #[test]
    fn a_top_from_tomorrow_is_taken_and_a_later_one_refused() {
        let now = time("2026-06-10T12:00:00Z");
        assert!(not_from_the_future("Release", time("2026-06-11T11:00:00Z"), now, "here").is_ok());
        assert!(not_from_the_future("Release", time("2026-06-11T13:00:00Z"), now, "here").is_err());
    }

    #[test]
    fn a_top_that_no_longer_changes_is_told() {
        let now = time("2026-06-10T12:00:00Z");
        assert_eq!(stale("repomd.xml", time("2026-05-11T12:00:00Z"), now, 30, "here"), None);
        let warning = stale("repomd.xml", time("2026-05-11T11:00:00Z"), now, 30, "here").expect("stale");
        assert!(warning.contains("30 days old") && warning.contains("repomd.xml"), "{warning}");
    }

    #[test]
    fn ages_are_told_in_their_largest_unit() {
        for (minutes, expected) in [(0, "0 minutes"), (1, "1 minute"), (130, "2 hours"), (2879, "47 hours"), (2880, "2 days")] {
            assert_eq!(age(SignedDuration::from_mins(minutes)), expected);
        }
    }
}
