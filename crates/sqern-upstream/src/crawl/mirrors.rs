//! One mirror after the other, until one has what can be believed.

use sqern_model::counted;

use super::top::Top;
use crate::Failure;

/// How many mirrors are named besides the first.
const NAMED: usize = 3;

/// The mirrors that had nothing to be believed.
#[derive(Debug, Default)]
pub(crate) struct PassedOver(Vec<Failure>);

impl PassedOver {
    /// One more.
    pub(crate) fn add(&mut self, failure: Failure) {
        self.0.push(failure);
    }

    /// A top that was found after all, with a warning for each mirror before it.
    pub(crate) fn warn(self, mut top: Top) -> Top {
        top.warnings.extend(self.0.iter().map(|failure| format!("skipped a mirror: {failure}")));
        top
    }

    /// Why there is no top: what went wrong with each mirror, as any of them may be the one to look at.
    pub(crate) fn into_failure(self, source: &str) -> Failure {
        let mut failures = self.0.into_iter();
        let Some(mut first) = failures.next() else {
            return Failure::new("at least one base URL", "none", format!("source {source}"));
        };
        let mut hints: Vec<String> = first.hint.take().into_iter().collect();
        let more = failures.len().saturating_sub(NAMED);
        for failure in failures.take(NAMED) {
            first.append(&format!("; next mirror: {}", failure.message()));
            hints.extend(failure.hint);
        }
        if more > 0 {
            first.append(&format!("; {} failed", counted(more, "more mirror")));
        }
        first.hint = hints.into_iter().next();
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_with_each_mirror_is_told() {
        let mut passed_over = PassedOver::default();
        assert!(PassedOver::default().into_failure("main").to_string().contains("source main"));
        for number in 1..=6 {
            passed_over.add(Failure::new("a file", format!("status {number}"), format!("m{number}")).hint(format!("h{number}")));
        }
        assert_eq!(
            passed_over.into_failure("main").to_string(),
            "expected a file, found status 1, at m1; next mirror: expected a file, found status 2, at m2; \
             next mirror: expected a file, found status 3, at m3; next mirror: expected a file, found status 4, at m4; \
             2 more mirrors failed; hint: h1"
        );
    }
}
