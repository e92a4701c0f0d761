//! The identity of a package, which the package itself states.

use std::fmt;
use std::io::BufReader;
use std::path::Path;

use super::{Limits, PackageFormat, deb, rpm};
use crate::Error;

/// The name, version and architecture of a package.
///
/// A signature or checksum authenticates the content of a package file, but not the name under which a
/// server delivers it. The identity must therefore be compared with that of the requested package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageIdentity {
    name: String,
    /// Without an epoch of 0.
    version: String,
    architecture: String,
}

impl PackageIdentity {
    /// Returns an identity. The format of the version is `[EPOCH:]VERSION`, where `VERSION` is
    /// `version-release` for an rpm package, and the version with its revision for a Debian package. An
    /// absent epoch equals 0 (deb-version(7), rpm-version(7)).
    #[must_use]
    pub fn new(name: &str, version: &str, architecture: &str) -> Self {
        let version = match version.split_once(':') {
            Some((epoch, rest)) if epoch.bytes().all(|digit| digit == b'0') => rest,
            _ => version,
        };
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: architecture.to_owned(),
        }
    }

    /// Reads the identity of a `.deb` or `.rpm` file:
    ///
    /// - `.deb`: the fields `Package`, `Version` and `Architecture` of the control file (deb-control(5))
    /// - `.rpm`: the tags `NAME`, `EPOCH`, `VERSION`, `RELEASE` and `ARCH` of the header, which the
    ///   signature of the package covers (`rpmtag.h` of rpm)
    ///
    /// # Errors
    ///
    /// Returns an error if the file is no package, is a source package, or does not contain these values
    /// exactly once.
    pub fn read(package: &Path, limits: &Limits) -> Result<Self, Error> {
        let read = || {
            let (file, format) = super::open_package(package, limits)?;
            let file = BufReader::with_capacity(super::BUFFER_BYTES, file);
            match format {
                PackageFormat::Deb => deb::identity(file),
                PackageFormat::Rpm => rpm::identity(file, limits),
            }
        };
        read().map_err(|error: Error| error.within(package.display()))
    }
}

impl fmt::Display for PackageIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            version,
            architecture,
        } = self;
        write!(f, "{name} {version} {architecture}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_epoch_equals_0() {
        let identity = |version| PackageIdentity::new("a", version, "x86_64");
        assert_eq!(identity("0:1.0-1"), identity("1.0-1"));
        assert_eq!(identity("00:1.0-1").to_string(), "a 1.0-1 x86_64");
        for other in ["1:1.0-1", "10:1.0-1", "1.0-2", "1.0"] {
            assert_ne!(identity(other), identity("1.0-1"), "{other}");
        }
    }
}
