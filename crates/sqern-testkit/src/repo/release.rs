//! The `Release` file and its signatures.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{FakeRepo, RepoFault, SigningKey};

/// Returns the SHA-256 digest in lower-case hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

/// Returns a time in the form that archives write.
fn archive_time(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S UTC").to_string()
}

impl FakeRepo {
    /// Returns the text of the `Release` for index files, given by path and content.
    pub(super) fn release_text(&self, files: &[(String, Vec<u8>)]) -> String {
        let mut text = format!(
            "Origin: sqern test\nSuite: {}\nCodename: {}\nDate: {}\n",
            self.suite,
            self.codename,
            archive_time(self.date)
        );
        if let Some(until) = self.valid_until {
            let _ = writeln!(text, "Valid-Until: {}", archive_time(until));
        }
        if self.by_hash {
            text.push_str("Acquire-By-Hash: yes\n");
        }
        let _ = writeln!(
            text,
            "Architectures: {}\nComponents: {}\nSHA256:",
            self.architecture, self.component
        );
        for (path, bytes) in files {
            let _ = writeln!(text, " {} {:>8} {path}", sha256(bytes), bytes.len());
        }
        text
    }

    /// Writes `InRelease`, or `Release` with `Release.gpg`, with the chosen defects applied.
    pub(super) fn write_release(&self, folder: &Path, files: &[(String, Vec<u8>)]) -> Result<()> {
        let text = self.release_text(files);
        let key = match self.fault {
            Some(RepoFault::SignedByAnotherKey) => SigningKey::generate()?,
            _ => self.key.clone(),
        };
        let altered = |text: &str| match self.fault {
            Some(RepoFault::AlteredRelease) => text.replacen("Origin: sqern", "Origin: sqerm", 1),
            _ => text.to_owned(),
        };
        if self.fault == Some(RepoFault::Unsigned) {
            fs::write(folder.join("Release"), text)?;
        } else if self.detached {
            fs::write(folder.join("Release"), altered(&text))?;
            fs::write(folder.join("Release.gpg"), key.sign(&text, self.date)?)?;
        } else {
            let mut signed = altered(&key.clearsign(&text, self.date)?);
            if self.fault == Some(RepoFault::TextOutside) {
                signed.push_str("Suite: evil\n");
            }
            fs::write(folder.join("InRelease"), signed)?;
        }
        Ok(())
    }
}
