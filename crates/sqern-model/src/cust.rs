//! Clusters and hosts of customer reports, and the limit for removals by a report.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::name::{TEXT_KEY, text_key};
use crate::{DistroName, KernelVersion};

text_key! {
    /// The name of a cluster: `acme-1`.
    ClusterName, "cluster name", MAX_HOST_NAME, TEXT_KEY
}

text_key! {
    /// The name of a host, unique within its cluster.
    HostName, "host name", MAX_HOST_NAME, TEXT_KEY
}

/// A cluster type in a report: its name or its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypeWord(pub String);

impl<'de> Deserialize<'de> for TypeWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TypeVisitor;
        impl Visitor<'_> for TypeVisitor {
            type Value = TypeWord;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name or number of a cluster type")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<TypeWord, E> {
                Ok(TypeWord(text.to_owned()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<TypeWord, E> {
                Ok(TypeWord(number.to_string()))
            }
        }
        deserializer.deserialize_any(TypeVisitor)
    }
}

/// A host in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedHost {
    /// Its name.
    pub name: HostName,
    /// Its distribution.
    pub distro: DistroName,
    /// The running kernel, which is also installed, even if `installed` does not contain it. `None`
    /// if it is unknown.
    #[serde(default)]
    pub running: Option<KernelVersion>,
    /// The installed kernels.
    #[serde(default)]
    pub installed: Vec<KernelVersion>,
}

/// The error of a host in a report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHost {
    /// The host has no kernel.
    #[error("the host has no running or installed kernel")]
    NoKernel,
    /// A kernel is listed more than once.
    #[error("duplicate installed kernel {0}")]
    DuplicateKernel(KernelVersion),
}

impl ReportedHost {
    /// Returns the distinct kernels, each with whether it is running. At most one kernel is
    /// running.
    pub fn kernels(&self) -> Result<Vec<(&KernelVersion, bool)>, InvalidHost> {
        let mut seen = HashSet::with_capacity(self.installed.len());
        let mut kernels = Vec::with_capacity(self.installed.len() + 1);
        for version in &self.installed {
            if !seen.insert(version) {
                return Err(InvalidHost::DuplicateKernel(version.clone()));
            }
            kernels.push((version, self.running.as_ref() == Some(version)));
        }
        kernels.extend(
            self.running
                .as_ref()
                .filter(|running| !seen.contains(running))
                .map(|running| (running, true)),
        );
        if kernels.is_empty() {
            Err(InvalidHost::NoKernel)
        } else {
            Ok(kernels)
        }
    }
}

/// Numbers of rows in the scope of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Shrink {
    /// Live rows before the report.
    pub live: i64,
    /// Live rows that the report would mark as deleted.
    pub removed: i64,
}

impl Shrink {
    /// Returns whether the report removes more than a fifth. A failed monitoring system is then the
    /// likely cause.
    #[must_use]
    pub fn is_too_much(self) -> bool {
        self.removed.saturating_mul(5) > self.live
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn host(running: Option<&str>, installed: &[&str]) -> ReportedHost {
        ReportedHost {
            name: HostName::new("h1").unwrap(),
            distro: DistroName::new("alma8").unwrap(),
            running: running.map(|text| KernelVersion::new(text).unwrap()),
            installed: installed
                .iter()
                .map(|text| KernelVersion::new(*text).unwrap())
                .collect(),
        }
    }

    fn kernels(host: &ReportedHost) -> Vec<(&str, bool)> {
        host.kernels()
            .unwrap()
            .into_iter()
            .map(|(version, current)| (version.as_str(), current))
            .collect()
    }

    #[test]
    fn the_running_kernel_is_installed_and_is_the_only_current_one() {
        assert_eq!(
            kernels(&host(Some("b"), &["a", "b"])),
            [("a", false), ("b", true)]
        );
        assert_eq!(
            kernels(&host(Some("c"), &["a", "b"])),
            [("a", false), ("b", false), ("c", true)]
        );
        assert_eq!(kernels(&host(Some("c"), &[])), [("c", true)]);
        assert_eq!(kernels(&host(None, &["a"])), [("a", false)]);
    }

    #[test]
    fn a_host_without_kernels_or_with_a_duplicate_kernel_is_rejected() {
        assert_eq!(host(None, &[]).kernels(), Err(InvalidHost::NoKernel));
        let duplicate = host(Some("a"), &["a", "b", "a"]);
        assert_eq!(
            duplicate.kernels().unwrap_err().to_string(),
            "duplicate installed kernel a"
        );
    }

    #[test]
    fn a_removal_of_more_than_a_fifth_is_too_much() {
        for (removed, live, too_much) in [
            (0, 0, false),
            (1, 5, false),
            (2, 10, false),
            (1, 4, true),
            (3, 14, true),
            (1, 1, true),
        ] {
            assert_eq!(
                Shrink { live, removed }.is_too_much(),
                too_much,
                "{removed} of {live}"
            );
        }
    }

    proptest! {
        #[test]
        fn kernels_are_distinct_and_at_most_one_is_current(
            running in proptest::option::of("[a-c]"), installed in proptest::collection::hash_set("[a-e]", 0..5),
        ) {
            let installed: Vec<&str> = installed.iter().map(String::as_str).collect();
            let host = host(running.as_deref(), &installed);
            if let Ok(kernels) = host.kernels() {
                let distinct: HashSet<_> = kernels.iter().map(|(version, _)| version).collect();
                prop_assert_eq!(distinct.len(), kernels.len());
                let current: Vec<&str> = kernels.iter().filter(|kernel| kernel.1).map(|kernel| kernel.0.as_str()).collect();
                prop_assert_eq!(current, running.as_deref().into_iter().collect::<Vec<_>>());
            } else {
                prop_assert!(running.is_none() && installed.is_empty());
            }
        }
    }
}
