//! A builder for small rpm-md repositories ([`FakeRpmRepo`]), valid or with a chosen defect.
//!
//! ```
//! use sqern_testkit::repo::{FakeRpmRepo, rpm};
//! # fn main() -> anyhow::Result<()> {
//! let folder = tempfile::tempdir()?;
//! FakeRpmRepo::new().package(rpm("kernel-devel", "4.18.0", "553.el8_10")).write(folder.path())?;
//! assert!(folder.path().join("repodata/repomd.xml").exists());
//! # Ok(()) }
//! ```

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use jiff::Timestamp;

use super::release::sha256;
use super::{Compression, RepoFault, SigningKey};
use crate::package::{Payload, RpmFile};

/// A builder for the element of a package. Start with [`rpm`].
#[derive(Debug, Clone)]
pub struct Rpm {
    name: String,
    version: String,
    release: String,
    architecture: String,
    provides: Vec<String>,
    requires: Vec<String>,
    checksum: Option<(String, String)>,
    location: Option<String>,
    /// The package file, if the repository contains it.
    content: Option<Vec<u8>>,
}

/// Returns a package for `x86_64` that provides itself.
#[must_use]
pub fn rpm(name: &str, version: &str, release: &str) -> Rpm {
    let (name, version, release) = (name.to_owned(), version.to_owned(), release.to_owned());
    let package = Rpm {
        name,
        version,
        release,
        architecture: "x86_64".to_owned(),
        provides: Vec::new(),
        requires: Vec::new(),
        checksum: None,
        location: None,
        content: None,
    };
    let (name, version) = (
        package.name.clone(),
        format!("{}-{}", package.version, package.release),
    );
    package.provides(&name, &version)
}

/// Returns an element for `name = version-release`, or for the name alone if the version is empty.
fn entry(name: &str, version: &str) -> String {
    if version.is_empty() {
        return format!("<rpm:entry name=\"{name}\"/>");
    }
    let (version, release) = version.rsplit_once('-').unwrap_or((version, ""));
    let release = if release.is_empty() {
        String::new()
    } else {
        format!(" rel=\"{release}\"")
    };
    format!("<rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"0\" ver=\"{version}\"{release}/>")
}

impl Rpm {
    /// Sets the architecture.
    #[must_use]
    pub fn architecture(mut self, architecture: &str) -> Self {
        architecture.clone_into(&mut self.architecture);
        self
    }

    /// Adds a capability that the package provides, with a version (`version-release`) or without
    /// one.
    #[must_use]
    pub fn provides(mut self, name: &str, version: &str) -> Self {
        self.provides.push(entry(name, version));
        self
    }

    /// Adds a capability that the package requires, in exactly one version (`version-release`) or
    /// in any.
    #[must_use]
    pub fn requires(mut self, name: &str, version: &str) -> Self {
        self.requires.push(entry(name, version));
        self
    }

    /// Sets the checksum, with the name of its algorithm.
    #[must_use]
    pub fn checksum(mut self, algorithm: &str, digits: &str) -> Self {
        self.checksum = Some((algorithm.to_owned(), digits.to_owned()));
        self
    }

    /// Sets the attributes of the `location` element.
    #[must_use]
    pub fn location(mut self, attributes: &str) -> Self {
        self.location = Some(attributes.to_owned());
        self
    }

    /// Adds the package file with this payload to the repository, at the location, size and
    /// checksum that the element states.
    ///
    /// # Panics
    ///
    /// Panics if the archive cannot represent the payload.
    #[must_use]
    pub fn payload(self, payload: &Payload) -> Self {
        let file = RpmFile::new(&self.name, &self.version, &self.release, &self.architecture)
            .payload(payload);
        self.content(file.bytes().expect("a package that can be written"))
    }

    /// Adds a package file with this content to the repository.
    #[must_use]
    pub fn content(mut self, content: Vec<u8>) -> Self {
        self.content = Some(content);
        self
    }

    /// Returns the path of the package file below the base of the repository.
    #[must_use]
    pub fn file(&self) -> String {
        let Self {
            name,
            version,
            release,
            architecture,
            ..
        } = self;
        format!("Packages/{name}-{version}-{release}.{architecture}.rpm")
    }

    /// Returns the element for `primary.xml`.
    #[must_use]
    pub fn element(&self) -> String {
        let Self {
            name,
            version,
            release,
            architecture,
            ..
        } = self;
        let file = self.file();
        let (size, of_file) = match &self.content {
            Some(content) => (content.len(), sha256(content)),
            None => (1000 + name.len(), sha256(file.as_bytes())),
        };
        let (algorithm, digits) = self
            .checksum
            .clone()
            .unwrap_or_else(|| ("sha256".to_owned(), of_file));
        let location = self
            .location
            .clone()
            .unwrap_or_else(|| format!("href=\"{file}\""));
        format!(
            "<package type=\"rpm\">\n  <name>{name}</name>\n  <arch>{architecture}</arch>\n  \
             <version epoch=\"0\" ver=\"{version}\" rel=\"{release}\"/>\n  \
             <checksum type=\"{algorithm}\" pkgid=\"YES\">{digits}</checksum>\n  <summary>a package &amp; no other</summary>\n  \
             <packager>sqern &lt;sqern@example.test&gt;</packager>\n  <size package=\"{}\" installed=\"1\" archive=\"2\"/>\n  \
             <location {location}/>\n  <format>\n    <rpm:license>GPL</rpm:license>\n    <rpm:provides>\n{}\n    </rpm:provides>\n    \
             <rpm:requires>\n{}\n    </rpm:requires>\n    <file>/usr/src/{name}</file>\n  </format>\n</package>\n",
            size,
            self.provides.join("\n"),
            self.requires.join("\n"),
        )
    }
}

/// A builder for an rpm-md repository. Start with [`FakeRpmRepo::new`].
#[derive(Debug, Clone)]
pub struct FakeRpmRepo {
    compression: Compression,
    date: Timestamp,
    packages: Vec<Rpm>,
    primary: Option<Vec<u8>>,
    primary_file: Option<(Compression, PathBuf)>,
    primary_location: Option<String>,
    signed: bool,
    key: SigningKey,
    fault: Option<RepoFault>,
}

impl Default for FakeRpmRepo {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeRpmRepo {
    /// Returns a repository dated 2026-01-01, compressed with gzip, without a signature.
    #[must_use]
    pub fn new() -> Self {
        Self {
            compression: Compression::Gzip,
            date: Timestamp::from_second(1_767_225_600).unwrap_or_default(),
            packages: Vec::new(),
            primary: None,
            primary_file: None,
            primary_location: None,
            signed: false,
            key: SigningKey::shared(),
            fault: None,
        }
    }

    /// Sets the revision time of the repository.
    #[must_use]
    pub fn date(mut self, date: Timestamp) -> Self {
        self.date = date;
        self
    }

    /// Sets the compression of `primary.xml`.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Signs `repomd.xml` with the shared key.
    #[must_use]
    pub fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// Adds a package.
    #[must_use]
    pub fn package(mut self, package: Rpm) -> Self {
        self.packages.push(package);
        self
    }

    /// Sets the plain `primary.xml`, instead of the one that is generated from the packages.
    #[must_use]
    pub fn primary(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.primary = Some(text.into());
        self
    }

    /// Sets the compressed `primary.xml`. `repomd.xml` states its correct size and checksum, and
    /// nothing about the plain file.
    #[must_use]
    pub fn primary_file(mut self, compression: Compression, file: &Path) -> Self {
        self.primary_file = Some((compression, file.to_owned()));
        self
    }

    /// Sets the attributes of the `location` element of `primary.xml`.
    #[must_use]
    pub fn primary_location(mut self, attributes: &str) -> Self {
        self.primary_location = Some(attributes.to_owned());
        self
    }

    /// Adds a defect. The defects of a `Release` apply to `repomd.xml`.
    #[must_use]
    pub fn fault(mut self, fault: RepoFault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// Returns the plain `primary.xml`.
    #[must_use]
    pub fn plain(&self) -> Vec<u8> {
        let elements = || self.packages.iter().map(Rpm::element).collect::<String>();
        let document = || {
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://linux.duke.edu/metadata/common\" \
                 xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"{}\">\n{}</metadata>\n",
                self.packages.len(),
                elements()
            )
            .into_bytes()
        };
        self.primary.clone().unwrap_or_else(document)
    }

    /// Writes `folder/repodata/` and the package files, and returns the path of the public key file
    /// (in ASCII armor, like `RPM-GPG-KEY-…` files).
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written, compressed or signed.
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        let repodata = folder.join("repodata");
        fs::create_dir_all(&repodata)?;
        for (package, content) in self
            .packages
            .iter()
            .filter_map(|package| Some((package, package.content.as_ref()?)))
        {
            let file = folder.join(package.file());
            fs::create_dir_all(file.parent().unwrap_or(folder))?;
            fs::write(file, content)?;
        }
        let plain = self.plain();
        let (suffix, sent, open) = match &self.primary_file {
            Some((compression, file)) => (compression.suffix(), fs::read(file)?, None),
            None => (
                self.compression.suffix(),
                self.compression.compress(&plain)?,
                Some(&plain),
            ),
        };
        let name = format!("primary.xml{suffix}");
        fs::write(repodata.join(&name), super::apply_fault(self.fault, &sent))?;
        let repomd = self.repomd(&name, &sent, open);
        let altered = match self.fault {
            Some(RepoFault::AlteredRelease) => repomd.replacen("<data ", "<data  ", 1),
            _ => repomd.clone(),
        };
        fs::write(repodata.join("repomd.xml"), altered)?;
        if self.signed && self.fault != Some(RepoFault::Unsigned) {
            let key = match self.fault {
                Some(RepoFault::SignedByAnotherKey) => SigningKey::generate()?,
                _ => self.key.clone(),
            };
            fs::write(
                repodata.join("repomd.xml.asc"),
                key.sign(&repomd, self.date)?,
            )?;
        }
        let keyring = folder.join("RPM-GPG-KEY-test");
        fs::write(&keyring, self.key.armored_keyring()?)?;
        Ok(keyring)
    }

    fn repomd(&self, name: &str, sent: &[u8], open: Option<&Vec<u8>>) -> String {
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\">\n  \
             <revision>{}</revision>\n  <data type=\"primary\">\n    <checksum type=\"sha256\">{}</checksum>\n",
            self.date.as_second(),
            sha256(sent)
        );
        let location = self
            .primary_location
            .clone()
            .unwrap_or_else(|| format!("href=\"repodata/{name}\""));
        let _ = writeln!(
            text,
            "    <location {location}/>\n    <size>{}</size>",
            sent.len()
        );
        if let Some(open) = open {
            let (checksum, size) = (sha256(open), open.len());
            let _ = writeln!(
                text,
                "    <open-checksum type=\"sha256\">{checksum}</open-checksum>\n    <open-size>{size}</open-size>"
            );
        }
        text.push_str("  </data>\n</repomd>\n");
        text
    }
}
