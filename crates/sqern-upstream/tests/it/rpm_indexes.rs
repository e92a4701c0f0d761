//! Tests of invalid and tolerated package lists.

use sqern_model::CrawlState;
use sqern_testkit::repo::{Compression, FakeRpmRepo, RepoFault, rpm, write_bomb};
use sqern_upstream::{CrawlOptions, Limits};

use crate::rpm_support::*;
use crate::support::{assert_complete, assert_failed, folder, kernels, options, write};

#[tokio::test]
async fn all_compression_formats_are_read() {
    for compression in [
        Compression::Plain,
        Compression::Gzip,
        Compression::Xz,
        Compression::Zstd,
        Compression::Bzip2,
    ] {
        assert_complete(&crawl(&repo().compression(compression)).await, KERNEL);
    }
}

#[tokio::test]
async fn packages_are_recorded_as_listed() {
    let crawl = crawl(&repo()).await;
    let package = &crawl.packages[0];
    assert!(
        package
            .url
            .ends_with("/Packages/kernel-devel-4.18.0-553.el8_10.x86_64.rpm"),
        "{}",
        package.url
    );
    assert_eq!(
        (package.version.as_str(), package.architecture.as_str()),
        ("4.18.0-553.el8_10", "x86_64")
    );
    assert_eq!((package.size_bytes, package.checksum.len()), (1012, 64));
}

#[tokio::test]
async fn index_that_differs_from_its_checksum_fails() {
    for (fault, messages) in [
        (RepoFault::AlteredIndex, "bytes with SHA256"),
        (RepoFault::CutIndex, "a truncated or older file"),
        (RepoFault::EmptyIndex, "an empty file"),
        (RepoFault::HtmlIndex, "an HTML page"),
    ] {
        assert_failed(
            &crawl(&repo().fault(fault)).await,
            &[
                messages,
                "as listed by the repomd.xml",
                "/repodata/primary.xml.gz",
            ],
        );
    }
}

#[tokio::test]
async fn hostile_documents_fail() {
    let plain = String::from_utf8(repo().plain()).expect("text");
    let metadata = plain.find("<metadata").expect("a root");
    let with_head = |head: &str| [&plain[..metadata], head, &plain[metadata..]].concat();
    let deep = format!("<format>{}</format>", "<a>".repeat(20) + &"</a>".repeat(20));
    for (text, messages) in [
        (with_head("<!DOCTYPE metadata>"), "DOCTYPE"),
        (
            with_head("<!DOCTYPE m [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>"),
            "DOCTYPE",
        ),
        (
            plain.replace("<name>kernel-devel", "<name>kernel&a;-devel"),
            "&a;",
        ),
        (plain.replace("<format>", &deep), "nested elements"),
        (
            plain.replace("<name>bash", &format!("<name>{}", "x".repeat(600 * 1024))),
            "at most 524288 bytes",
        ),
        (plain.replace("</metadata>", ""), "the end of the file"),
        (
            plain
                .replace("<metadata", "<html")
                .replace("</metadata", "</html"),
            "expected <metadata>",
        ),
        (String::new(), "found nothing"),
    ] {
        assert_failed(&crawl(&FakeRpmRepo::new().primary(text)).await, &[messages]);
    }
}

/// The list decompresses to 2 GiB. Tests of the program measure the memory usage in a separate
/// process.
#[tokio::test]
async fn decompression_bomb_fails_at_its_first_long_element() {
    let folder = folder();
    for (compression, byte, messages) in [
        (Compression::Zstd, 0, "at most 524288 bytes"),
        (Compression::Gzip, b'<', "at most 524288 bytes"),
        (Compression::Xz, b' ', "at most 524288 bytes"),
    ] {
        let bomb = folder.path().join("bomb");
        write_bomb(&bomb, compression, byte, 2 << 30).expect("a bomb");
        assert_failed(
            &crawl(&FakeRpmRepo::new().primary_file(compression, &bomb)).await,
            &[messages],
        );
    }
}

#[tokio::test]
async fn sizes_are_limited() {
    for (limits, messages) in [
        (
            Limits {
                decompressed_bytes: 10,
                ..Limits::default()
            },
            "at most 10 bytes after decompression",
        ),
        (
            Limits {
                index_bytes: 10,
                ..Limits::default()
            },
            "an index of at most 10 bytes",
        ),
        (
            Limits {
                stanzas: 1,
                ..Limits::default()
            },
            "at most 1 package,",
        ),
    ] {
        assert_failed(
            &crawl_with(
                &repo(),
                &CrawlOptions {
                    limits,
                    ..options()
                },
            )
            .await,
            &[messages],
        );
    }
}

#[tokio::test]
async fn content_that_contradicts_its_suffix_is_reported() {
    let folder = folder();
    let file = folder.path().join("plain");
    write(&file, &repo().plain());
    for compression in [
        Compression::Gzip,
        Compression::Xz,
        Compression::Zstd,
        Compression::Bzip2,
    ] {
        let crawl = crawl(&FakeRpmRepo::new().primary_file(compression, &file)).await;
        assert_failed(&crawl, &["a file that starts with the bytes 3c 3f 78"]);
    }
}

#[tokio::test]
async fn list_outside_the_repository_is_not_requested() {
    for (location, messages) in [
        ("href=\"../primary.xml.gz\"", "a path out of the directory"),
        (
            "href=\"%2e%2e/primary.xml.gz\"",
            "a path out of the directory",
        ),
        ("href=\"https://evil.example/p.xml.gz\"", "an absolute URL"),
        (
            "xml:base=\"https://evil.example/\" href=\"p.xml.gz\"",
            "an xml:base on",
        ),
        ("xml:base=\"file:///etc\" href=\"passwd\"", "an xml:base on"),
    ] {
        assert_failed(
            &crawl(&repo().primary_location(location)).await,
            &[messages],
        );
    }
}

#[tokio::test]
async fn unsafe_locations_make_the_source_partial() {
    for (package, messages) in [
        (
            devel("2").location("href=\"../../x.rpm\""),
            "a path out of the directory",
        ),
        (
            devel("2").location("xml:base=\"http://evil.example\" href=\"x.rpm\""),
            "an xml:base on",
        ),
        (devel("2").checksum("md5", "00"), "a supported checksum"),
    ] {
        let crawl = crawl(&repo().package(package)).await;
        assert_eq!(crawl.state, CrawlState::Partial, "{messages}");
        assert_eq!(
            kernels(&crawl)
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
            KERNEL
        );
        let reason = crawl.reason.expect("a reason");
        assert!(
            reason.contains("kernel-devel 4.18.0-2") && reason.contains(messages),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn other_checksums_are_recorded_with_their_algorithm() {
    let crawl = crawl(
        &FakeRpmRepo::new().package(devel("553.el8_10").checksum("sha512", &"a".repeat(128))),
    )
    .await;
    assert_complete(&crawl, KERNEL);
    assert_eq!(
        crawl.packages[0].checksum,
        format!("sha512:{}", "a".repeat(128))
    );
}

#[tokio::test]
async fn packages_of_other_architectures_are_ignored() {
    assert_complete(
        &crawl(&repo().package(devel("554.el8_10").architecture("aarch64"))).await,
        KERNEL,
    );
    assert_complete(
        &crawl(&repo().package(rpm("kernel-debug-devel", "4.18.0", "1"))).await,
        KERNEL,
    );
}
