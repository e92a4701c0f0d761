//! A `.deb` file (deb(5)): an ar archive of `debian-binary`, `control.tar` and `data.tar`.

use anyhow::{Context as _, Result};
use sqern_archive::Compression;
use tar::{EntryType, Header};

use super::{Item, ItemKind, Payload};

const BLOCK_BYTES: usize = 512;
/// The size of the header fields for the name and for the link target.
const NAME_BYTES: usize = 100;

/// A builder for a `.deb` file. Start with [`DebFile::new`].
#[derive(Debug, Clone)]
pub struct DebFile {
    control: String,
    payload: Payload,
    compression: Compression,
}

impl DebFile {
    /// Returns a package without files, compressed with xz.
    #[must_use]
    pub fn new(name: &str, version: &str, architecture: &str) -> Self {
        let control = format!(
            "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: sqern <sqern@example.test>\n\
             Description: a package\n"
        );
        Self {
            control,
            payload: Payload::new(),
            compression: Compression::Xz,
        }
    }

    /// Adds a field to the control file. The value may continue on lines that begin with a blank.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.control.push_str(&format!("{name}: {value}\n"));
        self
    }

    /// Sets the files that the package installs.
    #[must_use]
    pub fn payload(mut self, payload: &Payload) -> Self {
        self.payload = payload.clone();
        self
    }

    /// Sets the compression of both inner archives.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Returns the content of the `.deb` file.
    ///
    /// # Errors
    ///
    /// Returns an error if an entry does not fit into a tar archive, or if the compression fails.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let control = Payload::new().file("control", &self.control).tar()?;
        let suffix = self.compression.suffix();
        Ok(ar(&[
            ("debian-binary", b"2.0\n"),
            (
                &format!("control.tar{suffix}"),
                &self.compression.compress(&control)?,
            ),
            (
                &format!("data.tar{suffix}"),
                &self.compression.compress(&self.payload.tar()?)?,
            ),
        ]))
    }
}

/// Returns an ar archive (ar(5)) of the members in the given order.
#[must_use]
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, data) in members {
        archive.extend(
            format!(
                "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n",
                1_767_225_600,
                0,
                0,
                "100644",
                data.len()
            )
            .bytes(),
        );
        archive.extend(*data);
        if data.len() % 2 == 1 {
            archive.push(b'\n');
        }
    }
    archive
}

/// Returns a tar header of 512 bytes in GNU's format with a correct checksum.
///
/// `kind` is the type flag. A name that does not fit is truncated.
#[must_use]
pub fn tar_block(name: &[u8], kind: u8, mode: u32, size_bytes: u64, link: &[u8]) -> Vec<u8> {
    block(name, EntryType::new(kind), mode, size_bytes, link, 0)
}

fn block(
    name: &[u8],
    kind: EntryType,
    mode: u32,
    size_bytes: u64,
    link: &[u8],
    mtime_s: u32,
) -> Vec<u8> {
    let mut header = Header::new_gnu();
    let old = header.as_old_mut();
    for (field, text) in [(&mut old.name, name), (&mut old.linkname, link)] {
        let length = text.len().min(NAME_BYTES);
        field[..length].copy_from_slice(&text[..length]);
    }
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size_bytes);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(mtime_s.into());
    header.set_cksum();
    header.as_bytes().to_vec()
}

impl Payload {
    /// Returns the payload as a tar archive in GNU's format, as dpkg-deb writes it.
    ///
    /// # Errors
    ///
    /// Returns an error if an entry does not fit into a tar archive.
    pub fn tar(&self) -> Result<Vec<u8>> {
        let mut archive = Vec::new();
        for item in &self.items {
            item.append_tar(&mut archive)?;
        }
        archive.resize(archive.len() + 2 * BLOCK_BYTES, 0);
        Ok(archive)
    }
}

impl Item {
    fn append_tar(&self, archive: &mut Vec<u8>) -> Result<()> {
        let name = [b"./", &self.name[..]].concat();
        let (kind, content, link): (_, &[u8], _) = match &self.kind {
            ItemKind::File(content) => (EntryType::Regular, content, Vec::new()),
            ItemKind::Directory => (EntryType::Directory, &[], Vec::new()),
            ItemKind::Symlink(target) => (EntryType::Symlink, &[], target.clone()),
            ItemKind::HardLink(to) => (EntryType::Link, &[], [b"./", &to[..]].concat()),
            ItemKind::CharDevice => (EntryType::Char, &[], Vec::new()),
            ItemKind::BlockDevice => (EntryType::Block, &[], Vec::new()),
            ItemKind::Fifo => (EntryType::Fifo, &[], Vec::new()),
        };
        for (long, kind) in [
            (&name, EntryType::GNULongName),
            (&link, EntryType::GNULongLink),
        ] {
            if long.len() > NAME_BYTES {
                let text = [long, &b"\0"[..]].concat();
                archive.extend(block(
                    b"././@LongLink",
                    kind,
                    0o644,
                    u64::try_from(text.len())?,
                    &[],
                    0,
                ));
                append_data(archive, &text);
            }
        }
        let size_bytes = u64::try_from(content.len()).context("a file that is not too large")?;
        archive.extend(block(
            &name,
            kind,
            self.mode,
            size_bytes,
            &link,
            self.mtime_s,
        ));
        append_data(archive, content);
        Ok(())
    }
}

fn append_data(archive: &mut Vec<u8>, data: &[u8]) {
    archive.extend(data);
    archive.resize(archive.len().next_multiple_of(BLOCK_BYTES), 0);
}
