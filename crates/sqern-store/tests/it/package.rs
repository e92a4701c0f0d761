//! `.deb` files made entry by entry, right or wrong.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{EntryType, Header};

/// One entry of the archive.
pub struct Entry {
    pub path: Vec<u8>,
    pub kind: EntryType,
    pub mode: u32,
    pub link: Vec<u8>,
    pub data: Vec<u8>,
}

pub fn file(path: &str, text: &str) -> Entry {
    Entry { path: path.into(), kind: EntryType::Regular, mode: 0o644, link: vec![], data: text.into() }
}

pub fn folder(path: &str) -> Entry {
    Entry { kind: EntryType::Directory, mode: 0o755, ..file(path, "") }
}

pub fn link(path: &str, to: &str) -> Entry {
    Entry { kind: EntryType::Symlink, link: to.into(), ..file(path, "") }
}

pub fn hard_link(path: &str, to: &str) -> Entry {
    Entry { kind: EntryType::Link, link: to.into(), ..file(path, "") }
}

pub fn of_kind(path: &str, kind: EntryType) -> Entry {
    Entry { kind, ..file(path, "") }
}

/// An archive with these entries, written byte by byte: a library would refuse what is to be tried.
pub fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut archive = Vec::new();
    for entry in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(entry.kind);
        header.set_mode(entry.mode);
        header.set_size(entry.data.len() as u64);
        let bytes = header.as_mut_bytes();
        bytes[..entry.path.len()].copy_from_slice(&entry.path);
        bytes[157..157 + entry.link.len()].copy_from_slice(&entry.link);
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(&entry.data);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A `.deb` with these members, as ar(5) has them.
pub fn ar(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        writeln!(bytes, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, 100_644, content.len()).unwrap();
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(2), b'\n');
    }
    bytes
}

/// A `.deb` with these entries, in a folder.
pub fn deb(folder: &Path, entries: &[Entry]) -> PathBuf {
    deb_of(folder, "data.tar.gz", gzip(&tar(entries)))
}

/// A `.deb` with this data member.
pub fn deb_of(folder: &Path, name: &str, data: Vec<u8>) -> PathBuf {
    let control = gzip(&tar(&[file("./control", "Package: x\n")]));
    let path = folder.join("x.deb");
    std::fs::write(&path, ar(&[("debian-binary", b"2.0\n".to_vec()), ("control.tar.gz", control), (name, data)])).unwrap();
    path
}
