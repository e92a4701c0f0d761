//! What can be wrong with an index, and what is tolerated.

use sqern_model::CrawlState;
use sqern_testkit::repo::{Compression, FakeRepo, RepoFault, deb, write_bomb};
use sqern_upstream::{CrawlOptions, Limits};

use crate::support::*;

const KERNEL: &[&str] = &["6.1.0-25-amd64"];
const STANZA: &str = "Package: linux-headers-6.1.0-25-amd64\nVersion: 6.1.106-3\nArchitecture: amd64\nSize: 1\n\
                      Filename: pool/l.deb\nSHA256: 0000000000000000000000000000000000000000000000000000000000000000\n";

fn with_index(text: impl Into<Vec<u8>>) -> FakeRepo {
    FakeRepo::new("bookworm").index(text)
}

#[tokio::test]
async fn every_compression_is_read() {
    for compression in [Compression::Plain, Compression::Gzip, Compression::Xz, Compression::Zstd] {
        assert_complete(&crawl(&bookworm().compressions(&[compression])).await, KERNEL);
        assert_complete(&crawl(&bookworm().compressions(&[compression]).without_plain_listed()).await, KERNEL);
    }
}

#[tokio::test]
async fn a_package_is_recorded_as_the_index_describes_it() {
    let folder = folder();
    let written = bookworm().write(folder.path()).expect("a repository");
    let crawl = crawl_all(&distro(&[(&written, &written.file_url())]), &options()).await.remove(0);
    let package = &crawl.packages[0];
    let file = "pool/main/l/linux/linux-headers-6.1.0-25-amd64_6.1.106-3_amd64.deb";
    assert_eq!(package.url, format!("{}/{file}", written.file_url()));
    assert_eq!((package.size_bytes, package.checksum.len(), package.architecture.as_str()), (1028, 64, "amd64"));
}

#[tokio::test]
async fn an_index_that_is_not_the_stated_one_fails() {
    for (fault, says) in [
        (RepoFault::AlteredIndex, "bytes with SHA256"),
        (RepoFault::CutIndex, "a truncated or older file"),
        (RepoFault::EmptyIndex, "an empty file"),
        (RepoFault::HtmlIndex, "an HTML page"),
    ] {
        assert_failed(&crawl(&bookworm().fault(fault)).await, &[says, "/dists/bookworm/main/binary-amd64/Packages"]);
    }
}

#[tokio::test]
async fn an_archive_without_packages_is_complete_and_empty() {
    assert_complete(&crawl(&with_index("")).await, &[]);
    assert_complete(&crawl(&with_index("").compressions(&[Compression::Plain])).await, &[]);
}

#[tokio::test]
async fn blank_lines_comments_and_line_ends_are_read_as_apt_does() {
    let other = "Package: other\nVersion: 1\n";
    for text in [
        format!("\n\n{other}\n \t\n\n\n{STANZA}\n\n  \n"),
        format!("# comment\n{other}# comment\n\n{STANZA}").trim_end().to_owned(),
        format!("{other}\n{STANZA}").replace('\n', "\r\n"),
        STANZA.replace("Version: ", "version:\t"),
    ] {
        assert_complete(&crawl(&with_index(text)).await, KERNEL);
    }
}

#[tokio::test]
async fn a_line_that_is_no_field_fails_with_its_number() {
    assert_failed(&crawl(&with_index(format!("Package: a\n\n{STANZA}garbage\n"))).await, &["line 9", "\"garbage\""]);
    assert_failed(&crawl(&with_index(" folded\n")).await, &["line 1"]);
    assert_failed(&crawl(&with_index(format!("{STANZA}Version: 2\n"))).await, &["line 7", "Version once"]);
    assert_failed(&crawl(&with_index("Version: 2\n")).await, &["without Package"]);
    let not_text: Vec<u8> = STANZA.bytes().map(|byte| if byte == b'3' { 0xff } else { byte }).collect();
    assert_failed(&crawl(&with_index(not_text)).await, &["line 1", "valid UTF-8 in Version"]);
}

#[tokio::test]
async fn over_long_lines_and_stanzas_fail() {
    let long = format!("{STANZA}Description: {}\n", "x".repeat(600 * 1024));
    assert_failed(&crawl(&with_index(long)).await, &["line 7", "a line of at most 524288 bytes"]);
    let large = format!("{STANZA}Description: x\n{}", format!(" {}\n", "x".repeat(1000)).repeat(1100));
    assert_failed(&crawl(&with_index(large)).await, &["a stanza of at most 1048576 bytes"]);
}

#[tokio::test]
async fn a_headers_package_that_cant_be_fetched_makes_the_source_partial() {
    for (field, value, says) in [
        ("Filename", "", "expected a field Filename"),
        ("Size", "", "expected a field Size"),
        ("SHA256", "", "expected a field SHA256"),
        ("SHA256", "abc", "64 hexadecimal digits"),
        ("Filename", "../../etc/passwd", "a path with \"..\""),
        ("Filename", "/etc/passwd", "absolute path"),
        ("Filename", "https://evil.example/x.deb", "an absolute URL"),
        ("Depends", "a (", "Depends"),
    ] {
        let crawl = crawl(&bookworm().package(deb("linux-headers-6.1.0-26-amd64").field(field, value))).await;
        assert_eq!(crawl.state, CrawlState::Partial, "{field}");
        assert_eq!(kernels(&crawl).iter().map(String::as_str).collect::<Vec<_>>(), KERNEL);
        let reason = crawl.reason.expect("a reason");
        assert!(reason.contains("linux-headers-6.1.0-26-amd64") && reason.contains(says), "{reason}");
    }
}

#[tokio::test]
async fn packages_of_another_architecture_are_none_of_the_index() {
    let repo = bookworm().package(deb("linux-headers-6.1.0-26-amd64").architecture("arm64"));
    assert_complete(&crawl(&repo).await, KERNEL);
}

#[tokio::test]
async fn several_versions_of_one_package_are_kept() {
    let repo = bookworm().package(headers().version("6.1.112-1"));
    let crawl = crawl(&repo).await;
    assert_complete(&crawl, KERNEL);
    let versions: Vec<&str> = crawl.packages.iter().map(|package| package.version.as_str()).collect();
    assert_eq!(versions, ["6.1.106-3", "6.1.112-1"]);
}

#[tokio::test]
async fn one_package_with_two_checksums_makes_the_source_partial() {
    let repo = bookworm().package(headers().field("SHA256", &"1".repeat(64)));
    let crawl = crawl(&repo).await;
    assert_eq!((crawl.state, crawl.packages.len()), (CrawlState::Partial, 1));
}

#[tokio::test]
async fn a_component_that_is_not_listed_tells_which_are() {
    let crawl = crawl(&bookworm().holds("contrib", "amd64")).await;
    assert_failed(&crawl, &["main/binary-amd64/Packages", "the components contrib"]);
}

#[tokio::test]
async fn a_file_that_only_has_the_suffix_of_a_compression_is_named_for_what_it_is() {
    let folder = folder();
    let file = folder.path().join("plain");
    write(&file, STANZA.as_bytes());
    for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let crawl = crawl(&FakeRepo::new("bookworm").index_file(compression, &file)).await;
        assert_failed(&crawl, &["a file that starts with [50, 61, 63"]);
    }
}

#[tokio::test]
async fn more_plain_bytes_than_stated_or_allowed_fail() {
    let limits = Limits { decompressed_bytes: 10, ..Limits::default() };
    let crawl = crawl_with(&bookworm(), &CrawlOptions { limits, ..options() }).await;
    assert_failed(&crawl, &["decompressed size exceeds 10 bytes"]);
    let limits = Limits { index_bytes: 10, ..Limits::default() };
    let crawl = crawl_with(&bookworm(), &CrawlOptions { limits, ..options() }).await;
    assert_failed(&crawl, &["an index of at most 10 bytes"]);
    let limits = Limits { stanzas: 1, ..Limits::default() };
    let repo = bookworm().package(deb("other"));
    assert_failed(&crawl_with(&repo, &CrawlOptions { limits, ..options() }).await, &["an index of at most 1 stanza,"]);
}

/// 2 GiB in a few KB: zeros are one endless line, line feeds are blank lines without end. The memory that one takes can only be
/// measured in a process of its own: the program's tests do.
#[tokio::test]
async fn a_bomb_fails_at_its_first_line_that_is_too_long() {
    let folder = folder();
    for (compression, byte, says) in [
        (Compression::Zstd, 0, "a line of at most"),
        (Compression::Gzip, 0, "a line of at most"),
        (Compression::Xz, 0, "a line of at most"),
        (Compression::Zstd, b'\n', "a stanza of at most"),
    ] {
        let bomb = folder.path().join("bomb");
        write_bomb(&bomb, compression, byte, 2 << 30).expect("a bomb");
        let crawl = crawl(&FakeRepo::new("bookworm").index_file(compression, &bomb)).await;
        assert_failed(&crawl, &[says]);
    }
}
