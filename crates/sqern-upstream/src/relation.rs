//! Relations between packages, and the order of versions, which the formats of Debian and rpm
//! share.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::deb::version;
use crate::rpm::evr;

/// The rules for the order of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VersionOrder {
    /// The rules of dpkg: deb-version(7).
    Deb,
    /// The rules of rpm: rpm-version(7).
    Rpm,
}

impl VersionOrder {
    /// Compares the versions of two packages.
    #[must_use]
    pub fn compare(self, left: &str, right: &str) -> Ordering {
        match self {
            Self::Deb => version::compare(left, right),
            Self::Rpm => evr::compare(left, right),
        }
    }

    /// Compares the version of a package with a bound. In rpm, any release satisfies a bound
    /// without a release.
    #[must_use]
    pub fn compare_with_bound(self, found: &str, bound: &str) -> Ordering {
        match self {
            Self::Deb => version::compare(found, bound),
            Self::Rpm => evr::compare_with_bound(found, bound),
        }
    }
}

/// The maximum number of relevant relations of a package. Kernel headers have only a few.
pub(crate) const RELATIONS: usize = 1000;

/// The comparison of a version with a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Operator {
    /// `<<`, or `LT` of rpm.
    Earlier,
    /// `<=`, or `LE` of rpm. The obsolete `<` of Debian has the same meaning (Debian Policy §7.1).
    EarlierOrEqual,
    /// `=`, or `EQ` of rpm.
    Equal,
    /// `>=`, or `GE` of rpm. The obsolete `>` of Debian has the same meaning.
    LaterOrEqual,
    /// `>>`, or `GT` of rpm.
    Later,
}

impl Operator {
    fn as_str(self) -> &'static str {
        match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        }
    }

    /// Returns whether versions in this relation to the bound satisfy it.
    pub(crate) fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Earlier => ordering.is_lt(),
            Self::EarlierOrEqual => ordering.is_le(),
            Self::Equal => ordering.is_eq(),
            Self::LaterOrEqual => ordering.is_ge(),
            Self::Later => ordering.is_gt(),
        }
    }
}

/// A required or provided package, with an optional bound of its version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Dependency {
    /// The name of a real or virtual package.
    pub name: String,
    /// The bound of the version.
    pub version: Option<(Operator, String)>,
}

impl Dependency {
    /// Returns whether a version satisfies the bound.
    #[must_use]
    pub(crate) fn is_satisfied_by(&self, found: &str, order: VersionOrder) -> bool {
        self.version.as_ref().is_none_or(|(operator, bound)| {
            operator.accepts(order.compare_with_bound(found, bound))
        })
    }

    /// Returns the approximate memory usage in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let version = self.version.as_ref();
        size_of::<Self>()
            + text_bytes(&self.name)
            + version.map_or(0, |(_, version)| text_bytes(version))
    }
}

/// Returns the approximate memory usage of a string in bytes, without its structure.
pub(crate) fn text_bytes(text: &str) -> usize {
    /// The overhead of an allocation.
    const ALLOCATION_BYTES: usize = 16;
    text.len() + ALLOCATION_BYTES
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some((operator, version)) => {
                write!(f, "{} ({} {version})", self.name, operator.as_str())
            }
            None => f.write_str(&self.name),
        }
    }
}
