//! What is said of customers' clusters and their hosts: the words of a monitoring report, and how much one may take away.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::name::text_key;
use crate::{DistroName, KernelVersion};

text_key! {
    /// The name of a cluster: `acme-1`.
    ClusterName, "cluster name"
}

text_key! {
    /// The name of a host, unique within its cluster.
    HostName, "host name"
}

/// A type of clusters as a report names it: by its name or its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypeWord(pub String);

impl<'de> Deserialize<'de> for TypeWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = TypeWord;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a cluster type's name or number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<TypeWord, E> {
                Ok(TypeWord(text.to_owned()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<TypeWord, E> {
                Ok(TypeWord(number.to_string()))
            }
        }
        deserializer.deserialize_any(Word)
    }
}

/// A host as a report has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportedHost {
    /// Its name.
    pub name: HostName,
    /// The distribution that it runs.
    pub distro: DistroName,
    /// The kernel that it runs; it is installed too, whether or not `installed` says so. None where that is not known.
    #[serde(default)]
    pub running: Option<KernelVersion>,
    /// The kernels that are installed.
    #[serde(default)]
    pub installed: Vec<KernelVersion>,
}

/// The error of a host in a report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHost {
    /// The host has no kernel.
    #[error("the host has no running or installed kernel")]
    NoKernel,
    /// A kernel is listed twice.
    #[error("duplicate installed kernel {0}")]
    Twice(KernelVersion),
}

impl ReportedHost {
    /// Its kernels, each once, and of each whether the host runs it: at most one.
    pub fn kernels(&self) -> Result<Vec<(&KernelVersion, bool)>, InvalidHost> {
        let mut seen = HashSet::with_capacity(self.installed.len());
        let mut kernels = Vec::with_capacity(self.installed.len() + 1);
        for version in &self.installed {
            if !seen.insert(version) {
                return Err(InvalidHost::Twice(version.clone()));
            }
            kernels.push((version, self.running.as_ref() == Some(version)));
        }
        kernels.extend(self.running.as_ref().filter(|running| !seen.contains(running)).map(|running| (running, true)));
        if kernels.is_empty() { Err(InvalidHost::NoKernel) } else { Ok(kernels) }
    }
}

/// How many of something a report would mark as deleted, and how many are live within what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Shrink {
    /// Live before.
    pub live: i64,
    /// Of these, no longer there.
    pub removed: i64,
}

impl Shrink {
    /// Whether it is over a fifth: more likely a monitoring that failed than customers who left.
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
            installed: installed.iter().map(|text| KernelVersion::new(*text).unwrap()).collect(),
        }
    }

    fn kernels(host: &ReportedHost) -> Vec<(&str, bool)> {
        host.kernels().unwrap().into_iter().map(|(version, current)| (version.as_str(), current)).collect()
    }

    #[test]
    fn the_running_kernel_is_installed_too_and_alone_is_current() {
        assert_eq!(kernels(&host(Some("b"), &["a", "b"])), [("a", false), ("b", true)]);
        assert_eq!(kernels(&host(Some("c"), &["a", "b"])), [("a", false), ("b", false), ("c", true)]);
        assert_eq!(kernels(&host(Some("c"), &[])), [("c", true)]);
        assert_eq!(kernels(&host(None, &["a"])), [("a", false)]);
    }

    #[test]
    fn a_host_without_kernels_and_one_that_names_a_kernel_twice_are_refused() {
        assert_eq!(host(None, &[]).kernels(), Err(InvalidHost::NoKernel));
        let twice = host(Some("a"), &["a", "b", "a"]);
        assert_eq!(twice.kernels().unwrap_err().to_string(), "duplicate installed kernel a");
    }

    #[test]
    fn a_fifth_may_go_and_more_may_not() {
        for (removed, live, too_much) in [(0, 0, false), (1, 5, false), (2, 10, false), (1, 4, true), (3, 14, true), (1, 1, true)]
        {
            assert_eq!(Shrink { live, removed }.is_too_much(), too_much, "{removed} of {live}");
        }
    }

    proptest! {
        #[test]
        fn each_kernel_is_there_once_and_at_most_one_is_current(
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
