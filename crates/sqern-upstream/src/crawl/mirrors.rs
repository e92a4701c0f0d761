//! Mirrors that failed before one provided valid root metadata.

use sqern_model::{Diagnostic as _, counted};

use super::root_metadata::RootMetadata;
use crate::{Error, ErrorKind};

/// The number of mirrors after the first whose errors are part of the message.
const MAX_NAMED: usize = 3;

/// The errors of the mirrors that were tried without success.
#[derive(Debug, Default)]
pub(crate) struct FailedMirrors(Vec<Error>);

impl FailedMirrors {
    /// Adds the error of a mirror.
    pub(crate) fn add(&mut self, error: Error) {
        self.0.push(error);
    }

    /// Adds a warning for each failed mirror to valid root metadata.
    pub(crate) fn warn(self, mut root: RootMetadata) -> RootMetadata {
        root.warnings.extend(
            self.0
                .iter()
                .map(|error| format!("skipped a mirror: {error}")),
        );
        root
    }

    /// Returns one error with the messages of several mirrors, because each of them might be the
    /// one to repair.
    pub(crate) fn into_error(self, source: &str) -> Error {
        let mut errors = self.0.into_iter();
        let Some(mut first) = errors.next() else {
            return Error::failed(
                ErrorKind::Configuration,
                "cannot read source",
                "the source has no base URL",
                source,
            );
        };
        let mut hint = first.take_hint();
        let more = errors.len().saturating_sub(MAX_NAMED);
        for mut error in errors.take(MAX_NAMED) {
            first.add_attempt(format!("next mirror: {}", error.message()));
            hint = hint.or_else(|| error.take_hint());
        }
        if more > 0 {
            first.add_attempt(format!("{} failed", counted(more, "more mirror")));
        }
        match hint {
            Some(hint) => first.with_hint(hint),
            None => first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_several_mirrors_are_combined() {
        let mut failed_mirrors = FailedMirrors::default();
        assert!(
            FailedMirrors::default()
                .into_error("main")
                .to_string()
                .contains("source main")
        );
        for number in 1..=6 {
            let found = format!("status {number}");
            let error =
                Error::unexpected(ErrorKind::Download, "a file", found, format!("m{number}"));
            failed_mirrors.add(error.with_hint(format!("h{number}")));
        }
        let error = failed_mirrors.into_error("main");
        assert_eq!(error.description().cause(), "status 1");
        assert_eq!(
            error.to_string(),
            "expected a file, found status 1, at m1; next mirror: expected a file, found status 2, at m2; \
             next mirror: expected a file, found status 3, at m3; next mirror: expected a file, found status 4, at m4; \
             2 more mirrors failed; hint: h1"
        );
    }
}
