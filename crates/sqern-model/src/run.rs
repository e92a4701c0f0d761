//! Runs: builds and tests over kernels, and what they come to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{DistroName, InvalidName, Kernel, KernelVersion};

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// Modules are built: `sp_build`.
    Build,
    /// Built modules are tested: `sp_test`.
    Test,
}

impl RunKind {
    /// What people call it.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for RunKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.noun())
    }
}

/// What a run came to, in the words that Jenkins uses (hudson.model.Result).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunResult {
    /// All is well.
    Success,
    /// Some of it failed.
    Unstable,
    /// It failed.
    Failure,
    /// The harness did not come to it: says nothing of the product.
    NotBuilt,
    /// The harness was stopped: says nothing of the product.
    Aborted,
}

impl RunResult {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Success, Self::Unstable, Self::Failure, Self::NotBuilt, Self::Aborted];

    /// The word, as it is recorded.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Unstable => "UNSTABLE",
            Self::Failure => "FAILURE",
            Self::NotBuilt => "NOT_BUILT",
            Self::Aborted => "ABORTED",
        }
    }

    /// Whether the harness failed, and not the product.
    #[must_use]
    pub fn is_harness(self) -> bool {
        matches!(self, Self::NotBuilt | Self::Aborted)
    }

    /// What a run comes to as a whole, by what it came to for each kernel: the worst where all agree that something is wrong,
    /// UNSTABLE where some succeeded and some did not. An interrupt makes it ABORTED whatever was done before. SUCCESS of nothing.
    #[must_use]
    pub fn of_all(results: &[Self], interrupted: bool) -> Self {
        if interrupted {
            return Self::Aborted;
        }
        let has = |wanted: Self| results.contains(&wanted);
        match (has(Self::Success), has(Self::Failure) || has(Self::Unstable)) {
            (true, true) => Self::Unstable,
            (false, true) => Self::Failure,
            _ if has(Self::Aborted) => Self::Aborted,
            _ if has(Self::NotBuilt) => Self::NotBuilt,
            _ => Self::Success,
        }
    }
}

impl fmt::Display for RunResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected SUCCESS, UNSTABLE, FAILURE, NOT_BUILT or ABORTED, found {0:?}")]
pub struct NotAResult(pub String);

impl FromStr for RunResult {
    type Err = NotAResult;
    /// In any case of letters.
    fn from_str(text: &str) -> Result<Self, NotAResult> {
        let found = Self::ALL.into_iter().find(|result| result.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| NotAResult(text.to_owned()))
    }
}

/// A kernel as people name it where the distribution may be clear: `6.1.0-25-amd64` or `debian12/6.1.0-25-amd64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelName {
    /// The distribution, where it was named.
    pub distro: Option<DistroName>,
    /// The version.
    pub version: KernelVersion,
}

impl KernelName {
    /// Whether a kernel can be meant.
    #[must_use]
    pub fn admits(&self, kernel: &Kernel) -> bool {
        self.version == kernel.version && self.distro.as_ref().is_none_or(|distro| *distro == kernel.distro)
    }
}

impl fmt::Display for KernelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.distro {
            Some(distro) => write!(f, "{distro}/{}", self.version),
            None => self.version.fmt(f),
        }
    }
}

impl FromStr for KernelName {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (distro, version) = match text.split_once('/') {
            Some((distro, version)) => (Some(distro), version),
            None => (None, text),
        };
        Ok(Self { distro: distro.map(DistroName::from_str).transpose()?, version: version.parse()? })
    }
}

/// What a run came to for one kernel: `6.1.0-25-amd64=FAILURE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelResult {
    /// The kernel.
    pub kernel: KernelName,
    /// The result.
    pub result: RunResult,
}

/// A text that is not a [`KernelResult`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKernelResult {
    /// The text contains no `=`.
    #[error("expected VERSION=RESULT or DISTRO/VERSION=RESULT, found {0:?}")]
    NoResult(String),
    /// The distribution or version is invalid.
    #[error(transparent)]
    Kernel(#[from] InvalidName),
    /// The result is invalid.
    #[error(transparent)]
    Result(#[from] NotAResult),
}

impl FromStr for KernelResult {
    type Err = InvalidKernelResult;
    fn from_str(text: &str) -> Result<Self, InvalidKernelResult> {
        let (kernel, result) = text.rsplit_once('=').ok_or_else(|| InvalidKernelResult::NoResult(text.to_owned()))?;
        Ok(Self { kernel: kernel.parse()?, result: result.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RunResult::{Aborted, Failure, NotBuilt, Success, Unstable};

    #[test]
    fn results_are_read_in_any_case_of_letters_and_nothing_else_is() {
        for result in RunResult::ALL {
            assert_eq!(result.as_str().to_lowercase().parse(), Ok(result));
        }
        assert_eq!(
            "OK".parse::<RunResult>().unwrap_err().to_string(),
            "expected SUCCESS, UNSTABLE, FAILURE, NOT_BUILT or ABORTED, found \"OK\""
        );
    }

    #[test]
    fn a_run_as_a_whole_is_told_by_its_kernels() {
        for (results, whole) in [
            (&[][..], Success),
            (&[Success, Success], Success),
            (&[Success, Failure], Unstable),
            (&[Success, Unstable], Unstable),
            (&[Failure, Failure], Failure),
            (&[Failure, NotBuilt], Failure),
            (&[Success, NotBuilt], NotBuilt),
            (&[Success, Aborted], Aborted),
        ] {
            assert_eq!(RunResult::of_all(results, false), whole, "{results:?}");
            assert_eq!(RunResult::of_all(results, true), Aborted);
        }
    }

    #[test]
    fn a_kernel_may_be_named_with_its_distribution() {
        let one: KernelResult = "debian12/6.1.0-25-amd64=failure".parse().unwrap();
        assert_eq!((one.kernel.to_string().as_str(), one.result), ("debian12/6.1.0-25-amd64", Failure));
        let one: KernelResult = "6.1.0-25-amd64=SUCCESS".parse().unwrap();
        assert_eq!(one.kernel.distro, None);
        assert!("6.1.0-25-amd64".parse::<KernelResult>().unwrap_err().to_string().contains("expected VERSION=RESULT"));
        assert!("6.1.0-25-amd64=GOOD".parse::<KernelResult>().unwrap_err().to_string().contains("found \"GOOD\""));
    }
}
