//! Builders for small signed apt archives ([`FakeRepo`]), valid or with a chosen defect, on disk or
//! behind a [`FileServer`].
//!
//! ```
//! use sqern_testkit::repo::{FakeRepo, deb};
//! # fn main() -> anyhow::Result<()> {
//! let folder = tempfile::tempdir()?;
//! let repo = FakeRepo::new("bookworm")
//!     .package(deb("linux-headers-6.1.0-25-amd64").version("6.1.106-3").depends("linux-headers-6.1.0-25-common"))
//!     .write(folder.path())?;
//! assert!(repo.folder.join("dists/bookworm/InRelease").exists());
//! # Ok(()) }
//! ```

mod bomb;
mod key;
mod package;
mod release;
mod rpm;
mod server;
mod toml_text;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use jiff::Timestamp;

pub use bomb::write_bomb;
pub use key::SigningKey;
pub use package::{Deb, deb};
pub use rpm::{FakeRpmRepo, Rpm, rpm};
pub use sequoia_openpgp::types::HashAlgorithm;
pub use server::{FileServer, ReceivedRequest, ServerFault, TestAuthority, TlsOffer, Validators};
pub use sqern_archive::Compression;
pub use toml_text::{DEBIAN_RULE, EL_RULE, SUSE_RULE, UBUNTU_RULE, distro_toml, rpm_distro_toml};

/// A defect that a [`FakeRepo`] can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepoFault {
    /// `Release` has no signature.
    Unsigned,
    /// The signature is by a key that is not in the keyring.
    SignedByAnotherKey,
    /// A digit of the signed text was changed after signing.
    AlteredRelease,
    /// A line follows the signed block.
    TextOutside,
    /// The index on disk differs from the one that the `Release` states, but has the same size.
    AlteredIndex,
    /// The index on disk lacks its last bytes.
    CutIndex,
    /// The index on disk is empty.
    EmptyIndex,
    /// An HTML page replaces the index.
    HtmlIndex,
}

/// A builder for a suite of a small apt archive. Start with [`FakeRepo::new`].
#[derive(Debug, Clone)]
pub struct FakeRepo {
    name: String,
    suite: String,
    codename: String,
    component: String,
    architecture: String,
    date: Timestamp,
    valid_until: Option<Timestamp>,
    by_hash: bool,
    detached: bool,
    list_plain: bool,
    compressions: Vec<Compression>,
    packages: Vec<Deb>,
    index: Option<Vec<u8>>,
    index_file: Option<(Compression, PathBuf)>,
    key: SigningKey,
    fault: Option<RepoFault>,
}

/// The paths of a [`FakeRepo`] on disk.
#[derive(Debug, Clone)]
pub struct WrittenRepo {
    /// The base of the archive: the directory that contains `dists/`.
    pub folder: PathBuf,
    /// The binary keyring with the key that the repository must be signed by.
    pub keyring: PathBuf,
    /// The name of the suite below `dists/`.
    pub suite: String,
    /// The directory of the index files.
    pub index_folder: PathBuf,
}

impl FakeRepo {
    /// Returns a suite with the component `main` for `amd64`, dated 2026-01-01, in gzip and xz,
    /// signed inline by its own key.
    #[must_use]
    pub fn new(suite: &str) -> Self {
        Self {
            name: suite.to_owned(),
            suite: suite.to_owned(),
            codename: suite.to_owned(),
            component: "main".to_owned(),
            architecture: "amd64".to_owned(),
            date: Timestamp::from_second(1_767_225_600).unwrap_or_default(),
            valid_until: None,
            by_hash: false,
            detached: false,
            list_plain: true,
            compressions: vec![Compression::Gzip, Compression::Xz],
            packages: Vec::new(),
            index: None,
            index_file: None,
            key: SigningKey::shared(),
            fault: None,
        }
    }

    /// Sets the values of `Suite` and `Codename`.
    #[must_use]
    pub fn calls_itself(mut self, suite: &str, codename: &str) -> Self {
        (self.suite, self.codename) = (suite.to_owned(), codename.to_owned());
        self
    }

    /// Sets the only component and the only architecture.
    #[must_use]
    pub fn holds(mut self, component: &str, architecture: &str) -> Self {
        (self.component, self.architecture) = (component.to_owned(), architecture.to_owned());
        self
    }

    /// Sets the value of `Date`, which is also the time of the signature.
    #[must_use]
    pub fn date(mut self, date: Timestamp) -> Self {
        self.date = date;
        self
    }

    /// Sets the value of `Valid-Until`. Without this call, the field is left out.
    #[must_use]
    pub fn valid_until(mut self, until: Timestamp) -> Self {
        self.valid_until = Some(until);
        self
    }

    /// Offers each index under its checksum too (`Acquire-By-Hash: yes`).
    #[must_use]
    pub fn by_hash(mut self) -> Self {
        self.by_hash = true;
        self
    }

    /// Writes `Release` and `Release.gpg` instead of `InRelease`.
    #[must_use]
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    /// Leaves the plain index out of the `Release`.
    #[must_use]
    pub fn without_plain_listed(mut self) -> Self {
        self.list_plain = false;
        self
    }

    /// Sets the compressions that the index is offered in.
    #[must_use]
    pub fn compressions(mut self, compressions: &[Compression]) -> Self {
        self.compressions = compressions.to_vec();
        self
    }

    /// Adds a package.
    #[must_use]
    pub fn package(mut self, package: Deb) -> Self {
        self.packages.push(package);
        self
    }

    /// Sets the plain index, instead of the one that is generated from the packages.
    #[must_use]
    pub fn index(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.index = Some(text.into());
        self
    }

    /// Sets the only compressed index. The `Release` states its correct size and checksum.
    #[must_use]
    pub fn index_file(mut self, compression: Compression, file: &Path) -> Self {
        self.index_file = Some((compression, file.to_owned()));
        self
    }

    /// Signs with a key that other suites share.
    #[must_use]
    pub fn signed_by(mut self, key: &SigningKey) -> Self {
        self.key = key.clone();
        self
    }

    /// Adds a defect.
    #[must_use]
    pub fn fault(mut self, fault: RepoFault) -> Self {
        self.fault = Some(fault);
        self
    }

    /// Writes the suite below `folder/dists/`, and the keyring to `folder/keyring.gpg`.
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written, compressed or signed.
    pub fn write(&self, folder: &Path) -> Result<WrittenRepo> {
        let suite_folder = folder.join("dists").join(&self.name);
        let relative = self.index_path();
        let index_folder = suite_folder.join(&relative);
        fs::create_dir_all(&index_folder)?;
        let mut stated = Vec::new();
        for (name, bytes) in self.index_files()? {
            if self.by_hash {
                let by_hash = index_folder.join("by-hash/SHA256");
                fs::create_dir_all(&by_hash)?;
                fs::write(
                    by_hash.join(release::sha256(&bytes)),
                    self.bytes_on_disk(&bytes),
                )?;
            }
            fs::write(index_folder.join(&name), self.bytes_on_disk(&bytes))?;
            stated.push((format!("{relative}/{name}"), bytes));
        }
        if self.list_plain && self.index_file.is_none() {
            stated.push((format!("{relative}/Packages"), self.plain_index()));
        }
        self.write_release(&suite_folder, &stated)?;
        for (package, content) in self
            .packages
            .iter()
            .filter_map(|package| Some((package, package.content()?)))
        {
            let file = folder.join(package.filename());
            fs::create_dir_all(file.parent().unwrap_or(folder))?;
            fs::write(file, content)?;
        }
        let keyring = folder.join("keyring.gpg");
        fs::write(&keyring, self.key.keyring()?)?;
        Ok(WrittenRepo {
            folder: folder.to_owned(),
            keyring,
            suite: self.name.clone(),
            index_folder,
        })
    }

    /// Writes the suite in the form in which apt keeps it below `/var/lib/apt/lists`.
    ///
    /// `site` is apt's name for the archive (`archive.example.test_debian`).
    ///
    /// # Errors
    ///
    /// Returns an error if a file cannot be written, compressed or signed.
    pub fn write_apt_lists(
        &self,
        folder: &Path,
        site: &str,
        compression: Compression,
    ) -> Result<()> {
        fs::create_dir_all(folder)?;
        let prefix = format!("{site}_dists_{}_", self.name);
        let plain = self.plain_index();
        let relative = self.index_path();
        let release = self.release_text(&[(format!("{relative}/Packages"), plain.clone())]);
        fs::write(
            folder.join(format!("{prefix}InRelease")),
            self.key.clearsign(&release, self.date)?,
        )?;
        let name = format!(
            "{prefix}{}_Packages{}",
            relative.replace('/', "_"),
            compression.suffix()
        );
        fs::write(
            folder.join(name),
            compression.compress(&self.bytes_on_disk(&plain))?,
        )?;
        Ok(())
    }

    fn index_path(&self) -> String {
        format!("{}/binary-{}", self.component, self.architecture)
    }

    fn plain_index(&self) -> Vec<u8> {
        let stanzas = || {
            self.packages
                .iter()
                .map(Deb::stanza)
                .collect::<Vec<_>>()
                .join("\n")
                .into_bytes()
        };
        self.index.clone().unwrap_or_else(stanzas)
    }

    fn index_files(&self) -> Result<Vec<(String, Vec<u8>)>> {
        if let Some((compression, file)) = &self.index_file {
            return Ok(vec![(
                format!("Packages{}", compression.suffix()),
                fs::read(file)?,
            )]);
        }
        let plain = self.plain_index();
        let file = |compression: &Compression| {
            Ok((
                format!("Packages{}", compression.suffix()),
                compression.compress(&plain)?,
            ))
        };
        self.compressions.iter().map(file).collect()
    }

    /// Returns the bytes that are written to disk instead of the bytes that the `Release` states.
    fn bytes_on_disk(&self, bytes: &[u8]) -> Vec<u8> {
        apply_fault(self.fault, bytes)
    }
}

/// Returns an index with a defect applied.
fn apply_fault(fault: Option<RepoFault>, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match fault {
        Some(RepoFault::AlteredIndex) => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        Some(RepoFault::CutIndex) => bytes.truncate(bytes.len() / 2),
        Some(RepoFault::EmptyIndex) => bytes.clear(),
        Some(RepoFault::HtmlIndex) => bytes = server::fault::HTML.as_bytes().to_vec(),
        _ => {}
    }
    bytes
}
