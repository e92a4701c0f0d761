//! Selects the indexes of a suite and their compression.

use std::collections::BTreeSet;

use sqern_archive::Compression;
use sqern_model::AptSource;

use crate::crawl::decode::SUPPORTED;
use crate::deb::release::Release;
use crate::listed_file::ListedFile;
use crate::{Error, ErrorKind};

/// A `Packages` index of a component and an architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Index {
    /// The path below the suite without a suffix: `main/binary-amd64/Packages`.
    pub(super) path: String,
    /// The architecture.
    pub(super) architecture: String,
    /// The compressed files, preferred first. There is at least one.
    pub(super) variants: Vec<Variant>,
    /// The decompressed file, if the `Release` lists it.
    pub(super) plain: Option<ListedFile>,
}

impl Index {
    /// Returns the file that identifies the content: the decompressed one, else the preferred
    /// compressed one.
    pub(super) fn stated(&self) -> &ListedFile {
        self.plain.as_ref().unwrap_or(&self.variants[0].stated)
    }
}

/// An index in one compression format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) compression: Compression,
    pub(super) stated: ListedFile,
}

/// Returns the indexes of a source. A missing one is an error that names the available ones.
///
/// If the `Release` contains `Architectures: all …` without `No-Support-for-Architecture-all:
/// Packages`, packages for all architectures have a separate index, which apt reads, too.
pub(super) fn indexes(
    release: &Release,
    source: &AptSource,
    local: bool,
    location: &str,
) -> Result<Vec<Index>, Error> {
    let mut indexes = Vec::new();
    if source.is_flat() {
        for architecture in &source.architectures {
            let path = "Packages";
            indexes.push(
                index(release, path, architecture, local)
                    .ok_or_else(|| not_listed(release, path, location))?,
            );
        }
        return Ok(indexes);
    }
    let path =
        |component: &str, architecture: &str| format!("{component}/binary-{architecture}/Packages");
    for component in &source.components {
        for architecture in &source.architectures {
            let path = path(component, architecture);
            indexes.push(
                index(release, &path, architecture, local)
                    .ok_or_else(|| not_listed(release, &path, location))?,
            );
        }
        if release.has_all_index()
            && !source
                .architectures
                .iter()
                .any(|architecture| architecture == "all")
        {
            indexes.extend(index(release, &path(component, "all"), "all", local));
        }
    }
    Ok(indexes)
}

fn index(release: &Release, path: &str, architecture: &str, local: bool) -> Option<Index> {
    let plain = release.files.get(path).cloned();
    let mut variants: Vec<Variant> = SUPPORTED
        .into_iter()
        .filter_map(|compression| {
            let stated = release
                .files
                .get(&format!("{path}{}", compression.suffix()))?
                .clone();
            Some(Variant {
                compression,
                stated,
            })
        })
        .collect();
    variants.sort_by_key(|variant| cost(variant, plain.as_ref(), local));
    (!variants.is_empty()).then(|| Index {
        path: path.to_owned(),
        architecture: architecture.to_owned(),
        variants,
        plain,
    })
}

/// Returns the estimated time until an index is decompressed, in nanoseconds: the download at 10
/// MB/s (0 for a local file), and the decompression.
///
/// xz is a quarter smaller than gzip, but decompression takes three times as long (833, 256 and 150
/// ms for xz, gzip and zstd of 50 MB). It is only faster below about 6 MB/s. The decompressed file
/// is the last choice over the network, because repositories usually list it only for its checksum.
fn cost(variant: &Variant, plain: Option<&ListedFile>, local: bool) -> (bool, u64) {
    let sent_bytes = variant.stated.size_bytes.unwrap_or_default();
    let plain_bytes = plain
        .and_then(|plain| plain.size_bytes)
        .unwrap_or(sent_bytes.saturating_mul(5));
    let decompress_ns_per_100_bytes = match variant.compression {
        Compression::Plain => 0,
        Compression::Lz4 => 100,
        Compression::Zstd => 300,
        Compression::Gzip => 510,
        Compression::Xz | Compression::Lzma => 1670,
        Compression::Bzip2 => 4000,
    };
    let receive = if local {
        0
    } else {
        sent_bytes.saturating_mul(100)
    };
    let last = variant.compression == Compression::Plain && !local;
    (
        last,
        receive.saturating_add((plain_bytes / 100).saturating_mul(decompress_ns_per_100_bytes)),
    )
}

fn not_listed(release: &Release, path: &str, location: &str) -> Error {
    let listed: BTreeSet<&str> = release
        .files
        .keys()
        .filter_map(|path| path.split_once("/binary-"))
        .map(|(head, _)| head)
        .collect();
    let listed = if listed.is_empty() {
        "none".into()
    } else {
        listed.into_iter().collect::<Vec<_>>().join(", ")
    };
    let operation = format!("could not find index {path} in");
    let architectures = release.architectures.join(", ");
    let reason = format!(
        "the Release file contains the components {listed} and the architectures {architectures}"
    );
    Error::failed(ErrorKind::InvalidMetadata, &operation, reason, location)
        .with_hint("Correct the components and architectures in the distribution file.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(files: &[(&str, u64)]) -> Release {
        let stated = |size_bytes| ListedFile::sha256(size_bytes, "0".repeat(64));
        Release {
            files: files
                .iter()
                .map(|(path, size)| ((*path).to_owned(), stated(*size)))
                .collect(),
            ..Release::default()
        }
    }

    fn order(files: &[(&str, u64)], local: bool) -> Vec<Compression> {
        let path = "main/binary-amd64/Packages";
        let index = index(&release(files), path, "amd64", local).expect("listed");
        index
            .variants
            .into_iter()
            .map(|variant| variant.compression)
            .collect()
    }

    #[test]
    fn fastest_compression_is_preferred() {
        let debian = [
            ("main/binary-amd64/Packages", 50_057_461),
            ("main/binary-amd64/Packages.gz", 12_084_574),
            ("main/binary-amd64/Packages.xz", 8_790_116),
        ];
        assert_eq!(
            order(&debian, false),
            [Compression::Gzip, Compression::Xz, Compression::Plain]
        );
        assert_eq!(
            order(&debian, true),
            [Compression::Plain, Compression::Gzip, Compression::Xz]
        );
        let plain_only = [("main/binary-amd64/Packages", 4_806_023)];
        assert_eq!(order(&plain_only, false), [Compression::Plain]);
    }

    #[test]
    fn missing_index_is_reported_with_available_ones() {
        let text = "name = \"x\"\nbase = []\nsuite = \"x\"\ncomponents = [\"contrib\"]\narchitectures = [\"amd64\"]\n";
        let source: AptSource = toml::from_str(text).expect("a source");
        let release = release(&[
            ("main/binary-amd64/Packages.xz", 1),
            ("non-free/binary-arm64/Packages.xz", 1),
        ]);
        let failure = indexes(&release, &source, false, "here")
            .expect_err("not listed")
            .to_string();
        assert!(
            failure.contains("contrib/binary-amd64/Packages") && failure.contains("main, non-free"),
            "{failure}"
        );
    }
}
