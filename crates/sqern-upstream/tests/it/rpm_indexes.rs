//! What can be wrong with a `primary.xml`, and what is tolerated.

use sqern_model::CrawlState;
use sqern_testkit::repo::{Compression, FakeRpmRepo, RepoFault, rpm, write_bomb};
use sqern_upstream::{CrawlOptions, Limits};

use crate::rpm_support::*;
use crate::support::{assert_complete, assert_failed, folder, kernels, options, write};

#[tokio::test]
async fn every_compression_is_read() {
    for compression in [Compression::Plain, Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::Bzip2] {
        assert_complete(&crawl(&repo().compression(compression)).await, KERNEL);
    }
}

#[tokio::test]
async fn a_package_is_recorded_as_the_list_describes_it() {
    let crawl = crawl(&repo()).await;
    let package = &crawl.packages[0];
    assert!(package.url.ends_with("/Packages/kernel-devel-4.18.0-553.el8_10.x86_64.rpm"), "{}", package.url);
    assert_eq!((package.version.as_str(), package.architecture.as_str()), ("4.18.0-553.el8_10", "x86_64"));
    assert_eq!((package.size_bytes, package.checksum.len()), (1012, 64));
}

#[tokio::test]
async fn a_list_that_is_not_the_stated_one_fails() {
    for (fault, says) in [
        (RepoFault::AlteredIndex, "bytes with SHA256"),
        (RepoFault::CutIndex, "a truncated or older file"),
        (RepoFault::EmptyIndex, "an empty file"),
        (RepoFault::HtmlIndex, "an HTML page"),
    ] {
        assert_failed(&crawl(&repo().fault(fault)).await, &[says, "as listed by the repomd.xml", "/repodata/primary.xml.gz"]);
    }
}

#[tokio::test]
async fn documents_that_could_hurt_are_refused() {
    let plain = String::from_utf8(repo().plain()).expect("text");
    let metadata = plain.find("<metadata").expect("a root");
    let with_head = |head: &str| [&plain[..metadata], head, &plain[metadata..]].concat();
    let deep = format!("<format>{}</format>", "<a>".repeat(20) + &"</a>".repeat(20));
    for (text, says) in [
        (with_head("<!DOCTYPE metadata>"), "DOCTYPE"),
        (with_head("<!DOCTYPE m [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>"), "DOCTYPE"),
        (plain.replace("<name>kernel-devel", "<name>kernel&a;-devel"), "&a;"),
        (plain.replace("<format>", &deep), "nested elements"),
        (plain.replace("<name>bash", &format!("<name>{}", "x".repeat(600 * 1024))), "at most 524288 bytes"),
        (plain.replace("</metadata>", ""), "the end of the file"),
        (plain.replace("<metadata", "<html").replace("</metadata", "</html"), "expected <metadata>"),
        (String::new(), "found nothing"),
    ] {
        assert_failed(&crawl(&FakeRpmRepo::new().primary(text)).await, &[says]);
    }
}

/// 2 GiB in a few KB. The memory that one takes can only be measured in a process of its own: the program's tests do.
#[tokio::test]
async fn a_bomb_fails_at_its_first_element_that_is_too_long() {
    let folder = folder();
    for (compression, byte, says) in [
        (Compression::Zstd, 0, "at most 524288 bytes"),
        (Compression::Gzip, b'<', "at most 524288 bytes"),
        (Compression::Xz, b' ', "at most 524288 bytes"),
    ] {
        let bomb = folder.path().join("bomb");
        write_bomb(&bomb, compression, byte, 2 << 30).expect("a bomb");
        assert_failed(&crawl(&FakeRpmRepo::new().primary_file(compression, &bomb)).await, &[says]);
    }
}

#[tokio::test]
async fn more_than_stated_or_allowed_fails() {
    for (limits, says) in [
        (Limits { decompressed_bytes: 10, ..Limits::default() }, "at most 10 bytes after decompression"),
        (Limits { index_bytes: 10, ..Limits::default() }, "an index of at most 10 bytes"),
        (Limits { stanzas: 1, ..Limits::default() }, "at most 1 package,"),
    ] {
        assert_failed(&crawl_with(&repo(), &CrawlOptions { limits, ..options() }).await, &[says]);
    }
}

#[tokio::test]
async fn a_file_that_only_has_the_suffix_of_a_compression_is_named_for_what_it_is() {
    let folder = folder();
    let file = folder.path().join("plain");
    write(&file, &repo().plain());
    for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd, Compression::Bzip2] {
        let crawl = crawl(&FakeRpmRepo::new().primary_file(compression, &file)).await;
        assert_failed(&crawl, &["a file that starts with [3c, 3f, 78"]);
    }
}

#[tokio::test]
async fn a_list_outside_of_the_repository_is_not_asked_for() {
    for (location, says) in [
        ("href=\"../primary.xml.gz\"", "a path with \"..\""),
        ("href=\"%2e%2e/primary.xml.gz\"", "a path with \"..\""),
        ("href=\"/etc/passwd\"", "an absolute path"),
        ("href=\"https://evil.example/p.xml.gz\"", "an absolute URL"),
        ("xml:base=\"https://evil.example/\" href=\"p.xml.gz\"", "an xml:base on"),
        ("xml:base=\"file:///etc\" href=\"passwd\"", "an xml:base on"),
    ] {
        assert_failed(&crawl(&repo().primary_location(location)).await, &[says]);
    }
}

#[tokio::test]
async fn a_package_that_cant_be_fetched_safely_makes_the_source_partial() {
    for (package, says) in [
        (devel("2").location("href=\"../../x.rpm\""), "a path with \"..\""),
        (devel("2").location("xml:base=\"http://evil.example\" href=\"x.rpm\""), "an xml:base on"),
        (devel("2").checksum("md5", "00"), "a supported checksum"),
    ] {
        let crawl = crawl(&repo().package(package)).await;
        assert_eq!(crawl.state, CrawlState::Partial, "{says}");
        assert_eq!(kernels(&crawl).iter().map(String::as_str).collect::<Vec<_>>(), KERNEL);
        let reason = crawl.reason.expect("a reason");
        assert!(reason.contains("kernel-devel 4.18.0-2") && reason.contains(says), "{reason}");
    }
}

#[tokio::test]
async fn a_checksum_that_is_not_sha256_is_recorded_with_its_name() {
    let crawl = crawl(&FakeRpmRepo::new().package(devel("553.el8_10").checksum("sha512", &"a".repeat(128)))).await;
    assert_complete(&crawl, KERNEL);
    assert_eq!(crawl.packages[0].checksum, format!("sha512:{}", "a".repeat(128)));
}

#[tokio::test]
async fn packages_of_another_architecture_are_none_of_the_source() {
    assert_complete(&crawl(&repo().package(devel("554.el8_10").architecture("aarch64"))).await, KERNEL);
    assert_complete(&crawl(&repo().package(rpm("kernel-debug-devel", "4.18.0", "1"))).await, KERNEL);
}
