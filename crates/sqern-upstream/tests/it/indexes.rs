//! Tests of invalid and tolerated indexes.

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
async fn all_compression_formats_are_read() {
    for compression in [
        Compression::Plain,
        Compression::Gzip,
        Compression::Xz,
        Compression::Zstd,
    ] {
        assert_complete(
            &crawl(&bookworm().compressions(&[compression])).await,
            KERNEL,
        );
        assert_complete(
            &crawl(
                &bookworm()
                    .compressions(&[compression])
                    .without_plain_listed(),
            )
            .await,
            KERNEL,
        );
    }
}

#[tokio::test]
async fn packages_are_recorded_as_listed() {
    let folder = folder();
    let written = bookworm().write(folder.path()).expect("a repository");
    let crawl = crawl_all(&distro(&[(&written, &written.file_url())]), &options())
        .await
        .remove(0);
    let package = &crawl.packages[0];
    let file = "pool/main/l/linux/linux-headers-6.1.0-25-amd64_6.1.106-3_amd64.deb";
    assert_eq!(package.url, format!("{}/{file}", written.file_url()));
    assert_eq!(
        (
            package.size_bytes,
            package.checksum.len(),
            package.architecture.as_str()
        ),
        (1028, 64, "amd64")
    );
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
            &crawl(&bookworm().fault(fault)).await,
            &[messages, "/dists/bookworm/main/binary-amd64/Packages"],
        );
    }
}

#[tokio::test]
async fn suite_without_packages_is_complete() {
    assert_complete(&crawl(&with_index("")).await, &[]);
    assert_complete(
        &crawl(&with_index("").compressions(&[Compression::Plain])).await,
        &[],
    );
}

#[tokio::test]
async fn blank_lines_comments_and_line_ends_are_read_like_apt() {
    let other = "Package: other\nVersion: 1\n";
    for text in [
        format!("\n\n{other}\n \t\n\n\n{STANZA}\n\n  \n"),
        format!("# comment\n{other}# comment\n\n{STANZA}")
            .trim_end()
            .to_owned(),
        format!("{other}\n{STANZA}").replace('\n', "\r\n"),
        STANZA.replace("Version: ", "version:\t"),
    ] {
        assert_complete(&crawl(&with_index(text)).await, KERNEL);
    }
}

#[tokio::test]
async fn defects_of_a_kernel_make_the_source_partial() {
    let good = deb("linux-headers-6.1.0-26-amd64").stanza();
    let not_text = [0xff, b'\n'];
    for (line, messages) in [
        (&b"garbage\n"[..], "found \"garbage\""),
        (b"Version: 2\n", "expected Version once"),
        (b"Build Date: x\n", "found \"Build Date: x\""),
        (
            &[b"Depends: ", &not_text[..]].concat(),
            "valid UTF-8 in Depends",
        ),
    ] {
        let index = [STANZA.as_bytes(), line, b"\n", good.as_bytes()].concat();
        let crawl = crawl(&with_index(index)).await;
        assert_eq!(crawl.state, CrawlState::Partial, "{crawl:?}");
        let reason = crawl.reason.as_deref().expect("a reason");
        assert!(
            reason.contains("linux-headers-6.1.0-25-amd64") && reason.contains(messages),
            "{reason}"
        );
        assert!(kernels(&crawl).contains("6.1.0-26-amd64"));
    }
}

#[tokio::test]
async fn kernels_in_stanzas_of_other_packages_are_reported() {
    let good = deb("linux-headers-6.1.0-26-amd64").stanza();
    let crawl_of = async |text: String| crawl(&with_index(format!("{text}\n{good}"))).await;
    // A missing blank line.
    let merged = crawl_of(format!("Package: foo\n{STANZA}\n")).await;
    assert_eq!(merged.state, CrawlState::Partial, "{merged:?}");
    for text in [
        STANZA.replacen('\n', "\n folded\n", 1),
        STANZA.replacen("headers", "head\0ers", 1),
    ] {
        let crawl = crawl_of(text).await;
        assert!(
            crawl
                .warnings
                .iter()
                .any(|warning| warning.contains("invalid name")),
            "{crawl:?}"
        );
    }
}

#[tokio::test]
async fn defects_of_other_packages_are_ignored() {
    for line in [
        &b"pool/f/foo.deb\n"[..],
        b"Size: 1\nSize: 2\n",
        b"Build Date: today\n",
        b"Description: K\xf6ln\n",
        b"Version: \xf6\n",
    ] {
        let other = [b"Package: foo\n", line, b"\n", STANZA.as_bytes()].concat();
        assert_complete(&crawl(&with_index(other)).await, KERNEL);
    }
}

#[tokio::test]
async fn stanza_without_package_makes_the_source_partial() {
    let text = format!("Version: 2\n\n{STANZA}");
    let partial = crawl(&with_index(text)).await;
    assert_eq!(partial.state, CrawlState::Partial, "{partial:?}");
    assert!(
        partial
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("line 1: expected a field Package")),
        "{partial:?}"
    );
    assert!(kernels(&partial).contains(KERNEL[0]));
    // A text without any package is no index.
    assert_failed(
        &crawl(&with_index("Version: 2\n")).await,
        &["a field Package"],
    );
    assert_failed(&crawl(&with_index(" folded\n")).await, &["line 1"]);
}

#[tokio::test]
async fn sha512_is_sufficient() {
    let digits = "ab".repeat(64);
    let package = headers().field("SHA256", "").field("SHA512", &digits);
    let crawl = crawl(&FakeRepo::new("bookworm").package(package)).await;
    assert_complete(&crawl, KERNEL);
    assert_eq!(crawl.packages[0].checksum, format!("sha512:{digits}"));
}

#[tokio::test]
async fn too_long_lines_and_stanzas_fail() {
    let long = format!("{STANZA}Description: {}\n", "x".repeat(600 * 1024));
    assert_failed(
        &crawl(&with_index(long)).await,
        &["line 7", "a line of at most 524288 bytes"],
    );
    let large = format!(
        "{STANZA}Description: x\n{}",
        format!(" {}\n", "x".repeat(1000)).repeat(1100)
    );
    assert_failed(
        &crawl(&with_index(large)).await,
        &["a stanza of at most 1048576 bytes"],
    );
}

#[tokio::test]
async fn unfetchable_header_package_makes_the_source_partial() {
    for (field, value, messages) in [
        ("Filename", "", "expected a field Filename"),
        ("Size", "", "expected a field Size"),
        ("SHA256", "", "expected a field SHA256"),
        ("SHA256", "abc", "64 hexadecimal digits"),
        (
            "Filename",
            "../../etc/passwd",
            "a path out of the directory",
        ),
        ("Filename", "https://evil.example/x.deb", "an absolute URL"),
        ("Depends", "linux-kbuild-6.1 (", "Depends"),
    ] {
        let crawl =
            crawl(&bookworm().package(deb("linux-headers-6.1.0-26-amd64").field(field, value)))
                .await;
        assert_eq!(crawl.state, CrawlState::Partial, "{field}");
        assert_eq!(
            kernels(&crawl)
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
            KERNEL
        );
        let reason = crawl.reason.expect("a reason");
        assert!(
            reason.contains("linux-headers-6.1.0-26-amd64") && reason.contains(messages),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn packages_of_other_architectures_are_ignored() {
    let repo = bookworm().package(deb("linux-headers-6.1.0-26-amd64").architecture("arm64"));
    assert_complete(&crawl(&repo).await, KERNEL);
}

#[tokio::test]
async fn all_versions_of_a_package_are_recorded() {
    let repo = bookworm().package(headers().version("6.1.112-1"));
    let crawl = crawl(&repo).await;
    assert_complete(&crawl, KERNEL);
    let versions: Vec<&str> = crawl
        .packages
        .iter()
        .map(|package| package.version.as_str())
        .collect();
    assert_eq!(versions, ["6.1.106-3", "6.1.112-1"]);
}

#[tokio::test]
async fn package_with_two_checksums_makes_the_source_partial() {
    let repo = bookworm().package(headers().field("SHA256", &"1".repeat(64)));
    let crawl = crawl(&repo).await;
    assert_eq!(
        (crawl.state, crawl.packages.len()),
        (CrawlState::Partial, 1)
    );
}

#[tokio::test]
async fn missing_component_is_reported_with_available_ones() {
    let crawl = crawl(&bookworm().holds("contrib", "amd64")).await;
    assert_failed(
        &crawl,
        &["main/binary-amd64/Packages", "the components contrib"],
    );
}

#[tokio::test]
async fn content_that_contradicts_its_suffix_is_reported() {
    let folder = folder();
    let file = folder.path().join("plain");
    write(&file, STANZA.as_bytes());
    for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
        let crawl = crawl(&FakeRepo::new("bookworm").index_file(compression, &file)).await;
        assert_failed(&crawl, &["a file that starts with the bytes 50 61 63"]);
    }
}

#[tokio::test]
async fn decompressed_size_is_limited() {
    let limits = Limits {
        decompressed_bytes: 10,
        ..Limits::default()
    };
    let crawl = crawl_with(
        &bookworm(),
        &CrawlOptions {
            limits,
            ..options()
        },
    )
    .await;
    assert_failed(&crawl, &["decompressed size exceeds 10 bytes"]);
    let limits = Limits {
        index_bytes: 10,
        ..Limits::default()
    };
    let crawl = crawl_with(
        &bookworm(),
        &CrawlOptions {
            limits,
            ..options()
        },
    )
    .await;
    assert_failed(&crawl, &["an index of at most 10 bytes"]);
    let limits = Limits {
        stanzas: 1,
        ..Limits::default()
    };
    let repo = bookworm().package(deb("other"));
    assert_failed(
        &crawl_with(
            &repo,
            &CrawlOptions {
                limits,
                ..options()
            },
        )
        .await,
        &["an index of at most 1 stanza,"],
    );
}

/// The index decompresses to 2 GiB: one endless line of zeros, or endless blank lines. Tests of the
/// program measure the memory usage in a separate process.
#[tokio::test]
async fn decompression_bomb_fails_at_its_first_long_line() {
    let folder = folder();
    for (compression, byte, messages) in [
        (Compression::Zstd, 0, "a line of at most"),
        (Compression::Gzip, 0, "a line of at most"),
        (Compression::Xz, 0, "a line of at most"),
        (Compression::Zstd, b'\n', "a stanza of at most"),
    ] {
        let bomb = folder.path().join("bomb");
        write_bomb(&bomb, compression, byte, 2 << 30).expect("a bomb");
        let crawl = crawl(&FakeRepo::new("bookworm").index_file(compression, &bomb)).await;
        assert_failed(&crawl, &[messages]);
    }
}
