//! An `.rpm` file (rpm.org, "RPM V4 Package format"): lead, signature header, header, payload.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use sqern_archive::{Compression, hex};

use super::cpio::{self, Node};
use super::header::{Data, IMMUTABLE, SIGNATURES, header};
use super::{ItemKind, Payload};
use crate::repo::SigningKey;

/// The flag of ghost files (`RPMFILE_GHOST`).
const GHOST: u32 = 1 << 6;
/// The time of signatures.
const SIGNED_AT: Timestamp = Timestamp::constant(1_764_547_200, 0);

/// A builder for an `.rpm` file. Start with [`RpmFile::new`].
#[derive(Debug, Clone)]
pub struct RpmFile {
    name: String,
    epoch: Option<u32>,
    version: String,
    release: String,
    architecture: String,
    is_source: bool,
    payload: Payload,
    listed: Option<Payload>,
    ghosts: Vec<Vec<u8>>,
    links: Vec<Vec<u8>>,
    compression: Compression,
    compressor: Option<String>,
    format: String,
    is_stripped: bool,
    requires: Vec<String>,
    signature: Option<RpmSignatureKind>,
    altered: bool,
    digests: RpmDigests,
}

/// The checksums in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RpmDigests {
    /// The SHA-256 of the payload and of each file.
    PayloadAndFiles,
    /// The SHA-256 of each file.
    Files,
    /// The MD5 of each file.
    Md5,
}

/// The tag of the signature of a package.
#[derive(Debug, Clone)]
enum RpmSignatureKind {
    /// A packet, as rpm 4 writes it.
    Packet(SigningKey),
    /// A packet in base64, as rpm 6 writes it.
    Base64(SigningKey),
}

impl RpmFile {
    /// Returns a package without files, compressed with xz.
    #[must_use]
    pub fn new(name: &str, version: &str, release: &str, architecture: &str) -> Self {
        Self {
            name: name.to_owned(),
            epoch: None,
            version: version.to_owned(),
            release: release.to_owned(),
            architecture: architecture.to_owned(),
            is_source: false,
            payload: Payload::new(),
            listed: None,
            ghosts: Vec::new(),
            links: Vec::new(),
            compression: Compression::Xz,
            compressor: None,
            format: "cpio".to_owned(),
            is_stripped: false,
            requires: Vec::new(),
            signature: None,
            altered: false,
            digests: RpmDigests::PayloadAndFiles,
        }
    }

    /// Sets the epoch.
    #[must_use]
    pub fn epoch(mut self, epoch: u32) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// Marks the header, but not the lead, as that of a source package.
    #[must_use]
    pub fn source_package(mut self) -> Self {
        self.is_source = true;
        self
    }

    /// Sets the files that the package installs.
    #[must_use]
    pub fn payload(mut self, payload: &Payload) -> Self {
        self.payload = payload.clone();
        self
    }

    /// Sets the files that the header lists, instead of the files of the payload.
    #[must_use]
    pub fn listed(mut self, payload: &Payload) -> Self {
        self.listed = Some(payload.clone());
        self
    }

    /// Marks files of the header as `%ghost`: without a checksum.
    #[must_use]
    pub fn ghosts(mut self, paths: &[&str]) -> Self {
        self.ghosts = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
        self
    }

    /// Marks files of the header as hard links of each other, also if their content differs.
    #[must_use]
    pub fn linked_in_header(mut self, paths: &[&str]) -> Self {
        self.links = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
        self
    }

    /// Sets the compression of the payload.
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Sets the compression that the header states, instead of the actual one.
    #[must_use]
    pub fn compressor(mut self, compressor: &str) -> Self {
        self.compressor = Some(compressor.to_owned());
        self
    }

    /// Sets the payload format that the header states.
    #[must_use]
    pub fn format(mut self, format: &str) -> Self {
        format.clone_into(&mut self.format);
        self
    }

    /// Writes a payload whose entries are file numbers of the header, like rpm 6.
    #[must_use]
    pub fn stripped(mut self) -> Self {
        self.is_stripped = true;
        self
    }

    /// Sets the names of the dependencies: packages, paths, capabilities.
    #[must_use]
    pub fn requires(mut self, names: &[&str]) -> Self {
        self.requires = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// Signs the header with a key, as rpm 4 does.
    #[must_use]
    pub fn signed(mut self, key: &SigningKey) -> Self {
        self.signature = Some(RpmSignatureKind::Packet(key.clone()));
        self
    }

    /// Signs the header with a key, as rpm 6 does.
    #[must_use]
    pub fn signed_in_base64(mut self, key: &SigningKey) -> Self {
        self.signature = Some(RpmSignatureKind::Base64(key.clone()));
        self
    }

    /// Changes the header after it was signed.
    #[must_use]
    pub fn altered(mut self) -> Self {
        self.altered = true;
        self
    }

    /// Omits the checksum of the payload, like rpm before 4.14.
    #[must_use]
    pub fn without_payload_digest(mut self) -> Self {
        self.digests = RpmDigests::Files;
        self
    }

    /// Omits the checksum of the payload, and declares the checksums of files as MD5, like rpm before
    /// 4.6.
    #[must_use]
    pub fn without_sha256(mut self) -> Self {
        self.digests = RpmDigests::Md5;
        self
    }

    /// Returns the content of the `.rpm` file.
    ///
    /// # Errors
    ///
    /// Returns an error if the compression fails.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let nodes = cpio::nodes(&self.payload);
        let payload = if self.is_stripped {
            cpio::stripped(&nodes)
        } else {
            cpio::newc(&nodes)
        };
        let payload = self.compression.compress(&payload)?;
        let mut listed = cpio::nodes(self.listed.as_ref().unwrap_or(&self.payload));
        for node in &mut listed {
            if self.links.contains(&node.item.name) {
                node.inode = u32::MAX;
            }
        }
        let mut header = self.header(&listed, &payload);
        let size = u32::try_from(header.len() + payload.len())?;
        let mut signature = Vec::new();
        let sign = |key: &SigningKey| key.sign_bytes(&header, SIGNED_AT);
        if let Some(RpmSignatureKind::Packet(key)) = &self.signature {
            signature.push((268, Data::Bytes(sign(key)?)));
        }
        signature.push((273, text(hex(&Sha256::digest(&header)))));
        if let Some(RpmSignatureKind::Base64(key)) = &self.signature {
            let encoded = STANDARD.encode(sign(key)?);
            signature.push((278, Data::Texts(vec![encoded.into_bytes()])));
        }
        signature.push((1000, Data::U32(vec![size])));
        if self.altered {
            let summary = header.windows(9).position(|bytes| bytes == b"a package");
            header[summary.context("a summary")?] = b'b';
        }
        let mut file = self.lead();
        file.extend(super::header::header(SIGNATURES, signature));
        file.resize(file.len().next_multiple_of(8), 0);
        file.extend(header);
        file.extend(payload);
        Ok(file)
    }

    fn lead(&self) -> Vec<u8> {
        let mut lead = b"\xed\xab\xee\xdb\x03\0\0\0\0\x01".to_vec();
        lead.extend(
            format!("{}-{}-{}", self.name, self.version, self.release)
                .bytes()
                .take(65),
        );
        lead.resize(76, 0);
        lead.extend([0, 1, 0, 5]);
        lead.resize(96, 0);
        lead
    }

    fn header(&self, nodes: &[Node<'_>], payload: &[u8]) -> Vec<u8> {
        let compressor = self
            .compressor
            .as_deref()
            .unwrap_or(match self.compression {
                Compression::Xz => "xz",
                Compression::Zstd => "zstd",
                Compression::Bzip2 => "bzip2",
                _ => "gzip",
            });
        let mut tags = vec![
            (1000, text(&self.name)),
            (1001, text(&self.version)),
            (1002, text(&self.release)),
            (1004, Data::LocaleText(b"a package".to_vec())),
            (1005, Data::LocaleText(b"a package".to_vec())),
            (
                1009,
                Data::U32(vec![nodes.iter().map(|node| size(node.content)).sum()]),
            ),
            (1014, text("GPL")),
            (1021, text("linux")),
            (1022, text(&self.architecture)),
            (1124, text(&self.format)),
            (1125, text(compressor)),
        ];
        if self.digests == RpmDigests::PayloadAndFiles {
            tags.push((
                5092,
                Data::Texts(vec![hex(&Sha256::digest(payload)).into_bytes()]),
            ));
            tags.push((5093, Data::U32(vec![8])));
        }
        if !nodes.is_empty() {
            tags.extend(file_tags(nodes, &self.ghosts, self.is_stripped));
            if self.digests != RpmDigests::Md5 {
                tags.push((5011, Data::U32(vec![8])));
            }
        }
        if let Some(epoch) = self.epoch {
            tags.push((1003, Data::U32(vec![epoch])));
        }
        if self.is_source {
            tags.push((1106, Data::U32(vec![1])));
        }
        if !self.requires.is_empty() {
            tags.push((
                1049,
                Data::Texts(
                    self.requires
                        .iter()
                        .map(|name| name.clone().into_bytes())
                        .collect(),
                ),
            ));
        }
        header(IMMUTABLE, tags)
    }
}

fn file_tags(nodes: &[Node<'_>], ghosts: &[Vec<u8>], is_long: bool) -> Vec<(u32, Data)> {
    let is_ghost = |node: &Node<'_>| ghosts.contains(&node.item.name);
    let digests = nodes
        .iter()
        .map(|node| if is_ghost(node) { vec![] } else { digest(node) });
    let flags = nodes
        .iter()
        .map(|node| if is_ghost(node) { GHOST } else { 0 });
    let u32s = |value: fn(&Node<'_>) -> u32| Data::U32(nodes.iter().map(value).collect());
    let texts = |value: fn(&Node<'_>) -> Vec<u8>| Data::Texts(nodes.iter().map(value).collect());
    let paths: Vec<Vec<u8>> = nodes
        .iter()
        .map(|node| [b"/", &node.item.name[..]].concat())
        .collect();
    let split = |path: &[u8]| {
        path.iter()
            .rposition(|byte| *byte == b'/')
            .unwrap_or_default()
            + 1
    };
    let mut folders: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| path[..split(path)].to_vec())
        .collect();
    folders.sort();
    folders.dedup();
    let folder_of = |path: &Vec<u8>| {
        folders
            .iter()
            .position(|folder| folder[..] == path[..split(path)])
            .unwrap_or_default()
    };
    let folder_of = paths
        .iter()
        .map(|path| u32::try_from(folder_of(path)).unwrap_or_default())
        .collect();
    let sizes = if is_long {
        (
            5008,
            Data::U64(nodes.iter().map(|node| size(node.content).into()).collect()),
        )
    } else {
        (1028, u32s(|node| size(node.content)))
    };
    vec![
        sizes,
        (
            1030,
            Data::U16(
                nodes
                    .iter()
                    .map(|node| u16::try_from(node.mode & 0xffff).unwrap_or_default())
                    .collect(),
            ),
        ),
        (1033, Data::U16(vec![0; nodes.len()])),
        (1034, u32s(|node| node.item.mtime_s)),
        (1035, Data::Texts(digests.collect())),
        (
            1036,
            texts(|node| {
                if let ItemKind::Symlink(target) = &node.item.kind {
                    target.clone()
                } else {
                    Vec::new()
                }
            }),
        ),
        (1037, Data::U32(flags.collect())),
        (1039, texts(|_| b"root".to_vec())),
        (1040, texts(|_| b"root".to_vec())),
        (1095, u32s(|_| 1)),
        (1096, u32s(|node| node.inode)),
        (1097, texts(|_| Vec::new())),
        (1116, Data::U32(folder_of)),
        (
            1117,
            Data::Texts(
                paths
                    .iter()
                    .map(|path| path[split(path)..].to_vec())
                    .collect(),
            ),
        ),
        (1118, Data::Texts(folders)),
    ]
}

/// Returns the checksum of a file's content. Directories and links have an empty checksum.
fn digest(node: &Node<'_>) -> Vec<u8> {
    match node.item.kind {
        ItemKind::File(_) | ItemKind::HardLink(_) => {
            hex(&Sha256::digest(node.content)).into_bytes()
        }
        _ => Vec::new(),
    }
}

fn text(text: impl Into<String>) -> Data {
    Data::Text(text.into().into_bytes())
}

fn size(content: &[u8]) -> u32 {
    u32::try_from(content.len()).unwrap_or(u32::MAX)
}
