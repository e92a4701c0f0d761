//! Relations between packages, and the order of versions that they are bound by: what Debian's and rpm's formats share.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::deb::version;
use crate::rpm::evr;

/// Whose rules order versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VersionOrder {
    /// dpkg's: deb-version(7).
    Deb,
    /// rpm's: rpm-version(7).
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

    /// Compares a package's version with a bound: for rpm, a bound without a release is met by any release.
    #[must_use]
    pub fn compare_with_bound(self, found: &str, bound: &str) -> Ordering {
        match self {
            Self::Deb => version::compare(found, bound),
            Self::Rpm => evr::compare_with_bound(found, bound),
        }
    }
}

/// How a version is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    /// `<<`, rpm's `LT`
    Earlier,
    /// `<=`, and Debian's obsolete `<` that means the same (Debian Policy §7.1); rpm's `LE`
    EarlierOrEqual,
    /// `=`, rpm's `EQ`
    Equal,
    /// `>=`, and Debian's obsolete `>` that means the same; rpm's `GE`
    LaterOrEqual,
    /// `>>`, rpm's `GT`
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

    fn admits(self, ordering: Ordering) -> bool {
        match self {
            Self::Earlier => ordering.is_lt(),
            Self::EarlierOrEqual => ordering.is_le(),
            Self::Equal => ordering.is_eq(),
            Self::LaterOrEqual => ordering.is_ge(),
            Self::Later => ordering.is_gt(),
        }
    }
}

/// A package by name, and by version where one is bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// The package's name, real or virtual.
    pub name: String,
    /// The version that it must have.
    pub version: Option<(Operator, String)>,
}

impl Dependency {
    /// Whether a package of this version will do.
    #[must_use]
    pub fn admits(&self, found: &str, order: VersionOrder) -> bool {
        self.version.as_ref().is_none_or(|(operator, bound)| operator.admits(order.compare_with_bound(found, bound)))
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some((operator, version)) => write!(f, "{} ({} {version})", self.name, operator.as_str()),
            None => f.write_str(&self.name),
        }
    }
}
