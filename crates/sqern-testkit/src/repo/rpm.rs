//! [`FakeRpmRepo`]: small rpm-md repositories, right or wrong in one chosen way.
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

/// One package's element to be; start with [`rpm`].
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
    /// The file itself, where the repository has it.
    content: Option<Vec<u8>>,
}

/// A package for `x86_64` that provides itself.
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
    let (name, version) = (package.name.clone(), format!("{}-{}", package.version, package.release));
    package.provides(&name, &version)
}

/// `name = version-release` as an element, or the name alone.
fn entry(name: &str, version: &str) -> String {
    if version.is_empty() {
        return format!("<rpm:entry name=\"{name}\"/>");
    }
    let (version, release) = version.rsplit_once('-').unwrap_or((version, ""));
    let release = if release.is_empty() { String::new() } else { format!(" rel=\"{release}\"") };
    format!("<rpm:entry name=\"{name}\" flags=\"EQ\" epoch=\"0\" ver=\"{version}\"{release}/>")
}

impl Rpm {
    /// Its architecture.
    #[must_use]
    pub fn architecture(mut self, architecture: &str) -> Self {
        architecture.clone_into(&mut self.architecture);
        self
    }

    /// It provides a name in a version (`version-release`), or without one.
    #[must_use]
    pub fn provides(mut self, name: &str, version: &str) -> Self {
        self.provides.push(entry(name, version));
        self
    }

    /// It requires a name in exactly a version (`version-release`), or in any.
    #[must_use]
    pub fn requires(mut self, name: &str, version: &str) -> Self {
        self.requires.push(entry(name, version));
        self
    }

    /// Its checksum in place of the default, by the algorithm's name.
    #[must_use]
    pub fn checksum(mut self, algorithm: &str, digits: &str) -> Self {
        self.checksum = Some((algorithm.to_owned(), digits.to_owned()));
        self
    }

    /// The attributes of its `location` in place of the default.
    #[must_use]
    pub fn location(mut self, attributes: &str) -> Self {
        self.location = Some(attributes.to_owned());
        self
    }

    /// The file itself, that brings this: it lies in the repository where its element says, with its true size and checksum. What a
    /// payload's archive can't hold is the test's own mistake, and panics.
    ///
    /// # Panics
    /// When the package can't be written: a name or a file that its format has no room for.
    #[must_use]
    pub fn payload(self, payload: &Payload) -> Self {
        let file = RpmFile::new(&self.name, &self.version, &self.release, &self.architecture).payload(payload);
        self.content(file.bytes().expect("a package that can be written"))
    }

    /// The file itself, as another program made it.
    #[must_use]
    pub fn content(mut self, content: Vec<u8>) -> Self {
        self.content = Some(content);
        self
    }

    /// Where the repository has the file, below its base.
    #[must_use]
    pub fn file(&self) -> String {
        let Self { name, version, release, architecture, .. } = self;
        format!("Packages/{name}-{version}-{release}.{architecture}.rpm")
    }

    /// Its element in `primary.xml`.
    #[must_use]
    pub fn element(&self) -> String {
        let Self { name, version, release, architecture, .. } = self;
        let file = self.file();
        let (size, of_file) = match &self.content {
            Some(content) => (content.len(), sha256(content)),
            None => (1000 + name.len(), sha256(file.as_bytes())),
        };
        let (algorithm, digits) = self.checksum.clone().unwrap_or_else(|| ("sha256".to_owned(), of_file));
        let location = self.location.clone().unwrap_or_else(|| format!("href=\"{file}\""));
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

/// An rpm-md repository to be written; start with [`FakeRpmRepo::new`].
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
    /// A repository made on 2026-01-01, in gzip, without a signature.
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

    /// When it was made.
    #[must_use]
    pub fn date(mut self, date: Timestamp) -> Self {
        self.date = date;
        self
    }

    /// How `primary.xml` is compressed.
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

    /// One more package.
    #[must_use]
    pub fn package(mut self, package: Rpm) -> Self {
        self.packages.push(package);
        self
    }

    /// The plain `primary.xml` as it is, in place of what the packages make.
    #[must_use]
    pub fn primary(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.primary = Some(text.into());
        self
    }

    /// A compressed `primary.xml` as it is; `repomd.xml` states its size and checksum rightly, and nothing of the plain one.
    #[must_use]
    pub fn primary_file(mut self, compression: Compression, file: &Path) -> Self {
        self.primary_file = Some((compression, file.to_owned()));
        self
    }

    /// The attributes of the `location` of `primary.xml` in place of the default.
    #[must_use]
    pub fn primary_location(mut self, attributes: &str) -> Self {
        self.primary_location = Some(attributes.to_owned());
        self
    }

    /// Makes it wrong in one way; faults of a `Release` are those of `repomd.xml`.
    #[must_use]
    pub fn fault(mut self, fault: RepoFault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// The plain `primary.xml`.
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

    /// Writes `folder/repodata/` and the packages' files, and gives the public key's file (armoured, as `RPM-GPG-KEY-…` files are).
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        let repodata = folder.join("repodata");
        fs::create_dir_all(&repodata)?;
        for (package, content) in self.packages.iter().filter_map(|package| Some((package, package.content.as_ref()?))) {
            let file = folder.join(package.file());
            fs::create_dir_all(file.parent().unwrap_or(folder))?;
            fs::write(file, content)?;
        }
        let plain = self.plain();
        let (suffix, sent, open) = match &self.primary_file {
            Some((compression, file)) => (compression.suffix(), fs::read(file)?, None),
            None => (self.compression.suffix(), self.compression.compress(&plain)?, Some(&plain)),
        };
        let name = format!("primary.xml{suffix}");
        fs::write(repodata.join(&name), super::spoil(self.fault, &sent))?;
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
            fs::write(repodata.join("repomd.xml.asc"), key.sign(&repomd, self.date)?)?;
        }
        let keyring = folder.join("RPM-GPG-KEY-test");
        fs::write(&keyring, self.key.armoured_keyring()?)?;
        Ok(keyring)
    }

    fn repomd(&self, name: &str, sent: &[u8], open: Option<&Vec<u8>>) -> String {
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\">\n  \
             <revision>{}</revision>\n  <data type=\"primary\">\n    <checksum type=\"sha256\">{}</checksum>\n",
            self.date.as_second(),
            sha256(sent)
        );
        let location = self.primary_location.clone().unwrap_or_else(|| format!("href=\"repodata/{name}\""));
        let _ = writeln!(text, "    <location {location}/>\n    <size>{}</size>", sent.len());
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
