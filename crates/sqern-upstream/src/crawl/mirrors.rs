//! One mirror after the other, until one has what can be believed.

use super::top::Top;
use crate::Failure;

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
        top.warnings.extend(self.0.iter().map(|failure| format!("a mirror was passed over: {failure}")));
        top
    }

    /// Why there is no top: the first failure, as it is about the mirror to look at.
    pub(crate) fn into_failure(self, source: &str) -> Failure {
        let others = self.0.len().saturating_sub(1);
        let Some(mut failure) = self.0.into_iter().next() else {
            return Failure::new("at least one base URL", "none", format!("source {source}"));
        };
        if others > 0 {
            failure.got = format!("{} (and {others} other mirrors failed too)", failure.got);
        }
        failure
    }
}
