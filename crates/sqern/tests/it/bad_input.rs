//! Whatever a mirror sends: the source is recorded as failed with what was expected and what was got, nothing is removed, and the
//! exit status is 1.

use std::path::Path;

use sqern_testkit::clean_command;
use sqern_testkit::repo::{Compression, FakeRepo, RepoFault, deb, write_bomb};

use crate::check::{kernel, sources, suite};
use crate::program::{Program, Ran};

/// A program that crawled a good repository before.
async fn after_a_good_crawl() -> Program {
    let program = Program::new().await;
    let home = program.home.path();
    let written = suite("bookworm", &["6.1.0-1", "6.1.0-2"]).write(&home.join("good")).unwrap();
    sources(home, &[(&written, &written.file_url())]);
    program.done(&["check", "--sources", home.to_str().unwrap()]);
    program
}

/// Crawls what `repo` writes, which must fail with these words and change nothing.
async fn must_fail(what: &str, repo: FakeRepo, words: &[&str]) {
    let program = after_a_good_crawl().await;
    let ran = crawl(&program, &repo);
    assert_eq!(ran.status, 1, "{what}: {ran:?}");
    for word in [&["error: debian12 bookworm failed: "], words].concat() {
        assert!(ran.stderr.contains(word), "{what}: {word:?} is not in {}", ran.stderr);
    }
    assert_eq!(program.value("SELECT state FROM crawl ORDER BY id DESC LIMIT 1").await, "failed", "{what}");
    assert_eq!(program.value("SELECT count(*) FROM kver_package WHERE gone_at IS NULL").await, "4", "{what}");
    assert_eq!(program.value("SELECT count(*) FROM kver_seen").await, "2", "{what}");
}

fn crawl(program: &Program, repo: &FakeRepo) -> Ran {
    let home = program.home.path();
    let written = repo.write(&home.join("bad")).unwrap();
    // The key is the good one's: what is signed by another key is known by it.
    let keyring = home.join("good/keyring.gpg");
    sources(home, &[(&sqern_testkit::repo::WrittenRepo { keyring, ..written.clone() }, &written.file_url())]);
    program.run(&["check", "--sources", home.to_str().unwrap()])
}

fn kernels() -> FakeRepo {
    suite("bookworm", &["6.1.0-1", "6.1.0-3"])
}

#[tokio::test]
async fn an_unsigned_release() {
    must_fail("unsigned", kernels().fault(RepoFault::Unsigned), &["no signature (InRelease or Release.gpg)", "--allow-unsigned"])
        .await;
}

#[tokio::test]
async fn a_release_signed_by_another_key() {
    must_fail(
        "wrongly signed",
        kernels().fault(RepoFault::SignedByAnotherKey),
        &["could not verify the signature of", "unknown key"],
    )
    .await;
}

#[tokio::test]
async fn an_altered_release() {
    must_fail("altered", kernels().fault(RepoFault::AlteredRelease), &["could not verify the signature of", "BAD signature"])
        .await;
}

#[tokio::test]
async fn text_outside_of_the_signed_block() {
    must_fail(
        "text outside",
        kernels().fault(RepoFault::TextOutside),
        &["cannot parse file://", "unsigned text \"Suite: evil\""],
    )
    .await;
}

#[tokio::test]
async fn an_expired_release() {
    must_fail(
        "expired",
        kernels().valid_until("2026-01-08T00:00:00Z".parse().unwrap()),
        &["could not accept", "the Release file expired", "2026-01-08"],
    )
    .await;
}

#[tokio::test]
async fn an_index_with_a_wrong_checksum() {
    must_fail(
        "wrong checksum",
        kernels().fault(RepoFault::AlteredIndex),
        &["as listed by the Release, found 582 bytes with SHA256"],
    )
    .await;
}

#[tokio::test]
async fn a_cut_index() {
    must_fail(
        "cut",
        kernels().fault(RepoFault::CutIndex),
        &["as listed by the Release, found a truncated or older file of 291 bytes"],
    )
    .await;
}

#[tokio::test]
async fn an_empty_index() {
    must_fail("empty", kernels().fault(RepoFault::EmptyIndex), &["as listed by the Release, found an empty file"]).await;
}

#[tokio::test]
async fn an_html_page_in_place_of_an_index() {
    must_fail("HTML", kernels().fault(RepoFault::HtmlIndex), &["as listed by the Release, found an HTML page"]).await;
}

#[tokio::test]
async fn a_line_that_is_too_long() {
    let stanza = format!("Package: linux-headers-6.1.0-9-amd64\nDescription: {}\n", "x".repeat(4 << 20));
    must_fail(
        "long line",
        FakeRepo::new("bookworm").index(stanza),
        &["line 2: expected a line of at most 524288 bytes, found a longer input"],
    )
    .await;
}

#[tokio::test]
async fn a_line_that_is_no_field() {
    must_fail(
        "no field",
        FakeRepo::new("bookworm").index("Package: a\nthis is no field\n"),
        &["line 2: expected a field \"Name: value\", found \"this is no field\""],
    )
    .await;
}

#[tokio::test]
async fn stanzas_with_blank_lines_between_are_read_as_apt_reads_them() {
    let program = after_a_good_crawl().await;
    let [headers, common] = kernel("6.1.0-3");
    let index = format!("\n\n{}\n\n\n{}\n\n{}\n\n\n", headers.stanza(), common.stanza(), deb("other").stanza().trim_end());
    let ran = crawl(&program, &FakeRepo::new("bookworm").index(index));
    assert!(ran.stdout.contains("1 new kernel in debian12:\n  6.1.0-3-amd64"), "{ran:?}");
}

/// Little that is sent and much that comes out of it: one endless line of zeros, and blank lines up to the limit.
#[tokio::test]
async fn a_bomb_fails_in_little_memory() {
    const MIB: u64 = 1 << 20;
    let long_line = "line 1: expected a line of at most 524288 bytes, found a longer input";
    for (compression, byte, size, reason) in [
        (Compression::Zstd, 0, 2048 * MIB, long_line),
        (Compression::Gzip, 0, 300 * MIB, long_line),
        (Compression::Xz, 0, 300 * MIB, long_line),
        (Compression::Zstd, b'\n', 1100 * MIB, "expected a stanza of at most 1048576 bytes, found a longer input"),
    ] {
        let program = after_a_good_crawl().await;
        let home = program.home.path();
        let bomb = home.join("bomb");
        write_bomb(&bomb, compression, byte, size).unwrap();
        let written = FakeRepo::new("bookworm").index_file(compression, &bomb).write(&home.join("bad")).unwrap();
        sources(home, &[(&written, &written.file_url())]);
        let command = program.command(&["check", "--sources", home.to_str().unwrap()]);
        let (ran, peak_kib) = with_peak_memory(command);
        assert_eq!(ran.status, 1, "{compression:?} {byte}: {ran:?}");
        assert!(ran.stderr.contains("failed: cannot parse package index"), "{compression:?} {byte}: {ran:?}");
        assert!(ran.stderr.contains(reason), "{compression:?} {byte}: {ran:?}");
        assert!(peak_kib < 200 * 1024, "{compression:?} {byte}: {peak_kib} KiB");
        assert_eq!(program.value("SELECT count(*) FROM kver_package WHERE gone_at IS NULL").await, "4");
    }
}

/// Runs a command, and reads the largest resident size that `wait4` reports for it, in KiB.
pub fn with_peak_memory(mut command: std::process::Command) -> (Ran, u64) {
    // Python's resource module is the shortest way to wait4's figures without unsafe code.
    let script = "import resource, subprocess, sys\n\
                  done = subprocess.run(sys.argv[1:], capture_output=True)\n\
                  sys.stdout.buffer.write(done.stdout)\n\
                  sys.stderr.buffer.write(done.stderr)\n\
                  print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n\
                  sys.exit(done.returncode)";
    let mut python = clean_command("python3");
    python.args(["-c", script]).arg(command.get_program()).args(command.get_args());
    python.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command = python;
    let ran = Ran::from(command.output().expect("python3 runs"));
    let peak = ran.stderr.lines().rev().find_map(|line| line.strip_prefix("peak ")).and_then(|text| text.parse().ok());
    (ran, peak.expect("the script tells the peak"))
}

#[tokio::test]
async fn apt_lists_that_are_not_there() {
    let program = Program::new().await;
    let ran = program.run(&["check", "--distro", "debian12", &format!("--apt-lists={}", Path::new("/nonexistent").display())]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stderr.contains("hint: apt-get update"), "{ran:?}");
}
