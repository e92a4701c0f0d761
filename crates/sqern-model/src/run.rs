//! Builds, test runs and their results.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DistroName, InvalidName, Kernel, KernelVersion};

/// The kind of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunKind {
    /// A build (`sp_build`).
    Build,
    /// A test run (`sp_test`).
    Test,
}

impl RunKind {
    /// Returns the noun for messages.
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

/// The result of a run. The names are those of Jenkins (hudson.model.Result).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema, Deserialize,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunResult {
    /// The run succeeded for all kernels.
    Success,
    /// The run failed for some kernels.
    Unstable,
    /// The run failed.
    Failure,
    /// The run was not started. This is no result of the module.
    NotBuilt,
    /// The run was aborted. This is no result of the module.
    Aborted,
}

impl RunResult {
    /// All results.
    pub const ALL: [Self; 5] = [
        Self::Success,
        Self::Unstable,
        Self::Failure,
        Self::NotBuilt,
        Self::Aborted,
    ];

    /// Returns the name in the database.
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

    /// Returns the result of a run from the results of its kernels.
    ///
    /// - `ABORTED` if the run was interrupted
    /// - `UNSTABLE` if some kernels succeeded and others failed
    /// - `FAILURE` if kernels failed and none succeeded
    /// - `ABORTED` or `NOT_BUILT` if no kernel failed and some have this result
    /// - `SUCCESS` otherwise, also without kernels
    #[must_use]
    pub fn of_all(results: &[Self], interrupted: bool) -> Self {
        if interrupted {
            return Self::Aborted;
        }
        let has = |wanted: Self| results.contains(&wanted);
        match (
            has(Self::Success),
            has(Self::Failure) || has(Self::Unstable),
        ) {
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

/// A text that is not a result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected SUCCESS, UNSTABLE, FAILURE, NOT_BUILT or ABORTED, found {0:?}")]
pub struct InvalidRunResult(pub String);

impl FromStr for RunResult {
    type Err = InvalidRunResult;
    /// Parses a result, ignoring case.
    fn from_str(text: &str) -> Result<Self, InvalidRunResult> {
        let found = Self::ALL
            .into_iter()
            .find(|result| result.as_str().eq_ignore_ascii_case(text));
        found.ok_or_else(|| InvalidRunResult(text.to_owned()))
    }
}

/// The name of a kernel with an optional distribution: `6.1.0-25-amd64` or
/// `debian12/6.1.0-25-amd64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelName {
    /// The distribution, if the name contains it.
    pub distro: Option<DistroName>,
    /// The version.
    pub version: KernelVersion,
}

impl KernelName {
    /// Returns whether a kernel has this name.
    #[must_use]
    pub fn matches(&self, kernel: &Kernel) -> bool {
        self.version == kernel.version
            && self
                .distro
                .as_ref()
                .is_none_or(|distro| *distro == kernel.distro)
    }

    /// Returns the distributions to search: the named one, else `distros`.
    #[must_use]
    pub fn distros(&self, distros: &[DistroName]) -> Vec<DistroName> {
        self.distro
            .clone()
            .map_or_else(|| distros.to_vec(), |distro| vec![distro])
    }

    /// Returns whether names and distributions select a kernel. A name with a distribution selects
    /// this kernel, and a name without one selects the version in `distros`. No names select all
    /// versions, and no distributions are all distributions.
    #[must_use]
    pub fn select(names: &[Self], distros: &[DistroName], kernel: &Kernel) -> bool {
        let is_in_distros = distros.is_empty() || distros.contains(&kernel.distro);
        if names.is_empty() {
            return is_in_distros;
        }
        names
            .iter()
            .any(|name| name.matches(kernel) && (is_in_distros || name.distro.is_some()))
    }

    /// Returns the distributions that contain all kernels of [`select`](Self::select); empty for
    /// all.
    #[must_use]
    pub fn searched_distros<'a>(names: &[Self], distros: &'a [DistroName]) -> &'a [DistroName] {
        if names.iter().any(|name| name.distro.is_some()) {
            &[]
        } else {
            distros
        }
    }

    /// Returns the versions of names.
    #[must_use]
    pub fn versions(names: &[Self]) -> Vec<&KernelVersion> {
        names.iter().map(|name| &name.version).collect()
    }
}

impl From<Kernel> for KernelName {
    fn from(kernel: Kernel) -> Self {
        Self {
            distro: Some(kernel.distro),
            version: kernel.version,
        }
    }
}

impl From<KernelVersion> for KernelName {
    fn from(version: KernelVersion) -> Self {
        Self {
            distro: None,
            version,
        }
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
        Ok(Self {
            distro: distro.map(DistroName::from_str).transpose()?,
            version: version.parse()?,
        })
    }
}

/// The result of a run for one kernel: `6.1.0-25-amd64=FAILURE`.
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
    Result(#[from] InvalidRunResult),
}

impl FromStr for KernelResult {
    type Err = InvalidKernelResult;
    fn from_str(text: &str) -> Result<Self, InvalidKernelResult> {
        let (kernel, result) = text
            .rsplit_once('=')
            .ok_or_else(|| InvalidKernelResult::NoResult(text.to_owned()))?;
        Ok(Self {
            kernel: kernel.parse()?,
            result: result.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RunResult::{Aborted, Failure, NotBuilt, Success, Unstable};

    #[test]
    fn results_are_parsed_in_any_case_and_other_texts_are_rejected() {
        for result in RunResult::ALL {
            assert_eq!(result.as_str().to_lowercase().parse(), Ok(result));
        }
        assert_eq!(
            "OK".parse::<RunResult>().unwrap_err().to_string(),
            "expected SUCCESS, UNSTABLE, FAILURE, NOT_BUILT or ABORTED, found \"OK\""
        );
    }

    #[test]
    fn the_result_of_a_run_follows_from_the_results_of_its_kernels() {
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
    fn the_name_of_a_kernel_can_contain_its_distribution() {
        let parsed: KernelResult = "debian12/6.1.0-25-amd64=failure".parse().unwrap();
        assert_eq!(
            (parsed.kernel.to_string().as_str(), parsed.result),
            ("debian12/6.1.0-25-amd64", Failure)
        );
        let parsed: KernelResult = "6.1.0-25-amd64=SUCCESS".parse().unwrap();
        assert_eq!(parsed.kernel.distro, None);
        assert!(
            "6.1.0-25-amd64"
                .parse::<KernelResult>()
                .unwrap_err()
                .to_string()
                .contains("expected VERSION=RESULT")
        );
        assert!(
            "6.1.0-25-amd64=GOOD"
                .parse::<KernelResult>()
                .unwrap_err()
                .to_string()
                .contains("found \"GOOD\"")
        );
    }
}
