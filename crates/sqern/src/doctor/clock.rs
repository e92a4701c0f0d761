//! Whether this machine's clock agrees with others'.

use jiff::SignedDuration;

use super::Finding;

/// What is looked at.
pub const CHECK: &str = "clock";

/// From here on times in the database, which are the server's, and those of logs, which are this machine's, are hard to compare.
const WORTH_A_LOOK: SignedDuration = SignedDuration::from_mins(1);
/// From here on signatures that were just made lie in the future and are refused, and leases end before their time.
const WRONG: SignedDuration = SignedDuration::from_hours(1);

/// Judges how far the clock of somebody else is ahead of this machine's.
#[must_use]
pub fn judge(whose: &str, ahead: SignedDuration) -> Finding {
    let apart = ahead.unsigned_abs();
    let direction = if ahead.is_negative() { "behind" } else { "ahead of" };
    let found = format!("{:#} {direction} this machine's", SignedDuration::from_secs(ahead.abs().as_secs()));
    let is_over = |limit: SignedDuration| apart > limit.unsigned_abs();
    let hint = "timedatectl set-ntp true   # on the machine that is wrong";
    let finding = match (is_over(WORTH_A_LOOK), is_over(WRONG)) {
        (_, true) => Finding::failed(CHECK, found, hint),
        (true, false) => Finding::warning(CHECK, found, hint),
        (false, false) => Finding::ok(CHECK, "within a minute of this machine's"),
    };
    finding.about(whose)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_away_in_either_direction() {
        for (seconds, state, found) in [
            (0, State::Ok, "within a minute of this machine's"),
            (-60, State::Ok, "within a minute of this machine's"),
            (61, State::Warning, "1m 1s ahead of this machine's"),
            (-3600, State::Warning, "1h behind this machine's"),
            (3601, State::Failed, "1h 1s ahead of this machine's"),
            (-1_000_000, State::Failed, "277h 46m 40s behind this machine's"),
        ] {
            let judged = judge("the server", SignedDuration::from_secs(seconds));
            assert_eq!((judged.state, judged.found.as_str()), (state, found), "{seconds}");
        }
    }
}
