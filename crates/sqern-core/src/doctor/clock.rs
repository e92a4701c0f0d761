//! Checks clocks against the clock of this machine.

use jiff::SignedDuration;

use super::Finding;

/// The name of the check.
pub(super) const CHECK: &str = "clock";

/// Above this difference, times in the database and times in logs are hard to compare.
const WARNING_LIMIT: SignedDuration = SignedDuration::from_mins(1);
/// Above this difference, new signatures are rejected as future ones, and leases expire too early.
const FAILURE_LIMIT: SignedDuration = SignedDuration::from_hours(1);

/// Checks how far another clock is ahead of the clock of this machine.
pub(super) fn check(machine: &str, ahead: SignedDuration) -> Finding {
    let difference = ahead.unsigned_abs();
    let direction = if ahead.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    let found = format!(
        "{:#} {direction} this machine",
        SignedDuration::from_secs(ahead.abs().as_secs())
    );
    let is_over = |limit: SignedDuration| difference > limit.unsigned_abs();
    let hint = "timedatectl set-ntp true  # on the machine whose clock is wrong";
    let finding = match (is_over(WARNING_LIMIT), is_over(FAILURE_LIMIT)) {
        (_, true) => Finding::failed(CHECK, found, hint),
        (true, false) => Finding::warning(CHECK, found, hint),
        (false, false) => Finding::ok(CHECK, "within 1 minute of this machine"),
    };
    finding.about(machine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn clock_differences_warn_or_fail_in_both_directions() {
        for (seconds, state, found) in [
            (0, State::Ok, "within 1 minute of this machine"),
            (-60, State::Ok, "within 1 minute of this machine"),
            (61, State::Warning, "1m 1s ahead of this machine"),
            (-3600, State::Warning, "1h behind this machine"),
            (3601, State::Failed, "1h 1s ahead of this machine"),
            (
                -1_000_000,
                State::Failed,
                "277h 46m 40s behind this machine",
            ),
        ] {
            let finding = check("the server", SignedDuration::from_secs(seconds));
            assert_eq!(
                (finding.state, finding.found.as_str()),
                (state, found),
                "{seconds}"
            );
        }
    }
}
