//! Invalid data of a mirror: the source is recorded as failed with the reason, nothing is removed,
//! and the exit status is 1.

use std::path::Path;

use sqern_testkit::clean_command;
use sqern_testkit::repo::{Compression, FakeRepo, RepoFault, deb, write_bomb};

use crate::check::{kernel, sources, suite};
use crate::program::{Program, Ran};

/// Returns a program that has crawled a valid repository.
async fn after_a_good_crawl() -> Program {
    let program = Program::new().await;
    let home = program.home.path();
    let written = suite("bookworm", &["6.1.0-1", "6.1.0-2"])
        .write(&home.join("good"))
        .unwrap();
    sources(home, &[(&written, &written.file_url())]);
    program.done(&["check", "--sources", home.to_str().unwrap()]);
    program
}

/// Crawls a repository, and requires that the crawl fails with these messages and changes nothing.
async fn must_fail(label: &str, repo: FakeRepo, messages: &[&str]) {
    let program = after_a_good_crawl().await;
    let ran = crawl(&program, &repo);
    assert_eq!(ran.status, 1, "{label}: {ran:?}");
    for message in [&["error: debian12 bookworm failed: "], messages].concat() {
        assert!(
            ran.stderr.contains(message),
            "{label}: {message:?} is not in {}",
            ran.stderr
        );
    }
    assert_eq!(
        program
            .value("SELECT state FROM crawl ORDER BY id DESC LIMIT 1")
            .await,
        "failed",
        "{label}"
    );
    assert_eq!(
        program
            .value("SELECT count(*) FROM kver_package WHERE gone_at IS NULL")
            .await,
        "4",
        "{label}"
    );
    assert_eq!(
        program.value("SELECT count(*) FROM kver_seen").await,
        "2",
        "{label}"
    );
}

fn crawl(program: &Program, repo: &FakeRepo) -> Ran {
    let home = program.home.path();
    let written = repo.write(&home.join("bad")).unwrap();
    // The keyring of the valid repository, so that another key is detected.
    let keyring = home.join("good/keyring.gpg");
    sources(
        home,
        &[(
            &sqern_testkit::repo::WrittenRepo {
                keyring,
                ..written.clone()
            },
            &written.file_url(),
        )],
    );
    program.run(&["check", "--sources", home.to_str().unwrap()])
}

fn kernels() -> FakeRepo {
    suite("bookworm", &["6.1.0-1", "6.1.0-3"])
}

#[tokio::test]
async fn an_unsigned_release_is_rejected() {
    must_fail(
        "unsigned",
        kernels().fault(RepoFault::Unsigned),
        &[
            "no signature (InRelease or Release.gpg)",
            "--allow-unsigned",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_release_signed_by_another_key_is_rejected() {
    must_fail(
        "wrongly signed",
        kernels().fault(RepoFault::SignedByAnotherKey),
        &["could not verify the signature of", "unknown key"],
    )
    .await;
}

#[tokio::test]
async fn an_altered_release_is_rejected() {
    must_fail(
        "altered",
        kernels().fault(RepoFault::AlteredRelease),
        &["could not verify the signature of", "BAD signature"],
    )
    .await;
}

#[tokio::test]
async fn text_outside_the_signed_block_is_rejected() {
    must_fail(
        "text outside",
        kernels().fault(RepoFault::TextOutside),
        &["cannot parse file://", "unsigned text \"Suite: evil\""],
    )
    .await;
}

#[tokio::test]
async fn an_expired_release_is_rejected() {
    must_fail(
        "expired",
        kernels().valid_until("2026-01-08T00:00:00Z".parse().unwrap()),
        &["could not accept", "the Release file expired", "2026-01-08"],
    )
    .await;
}

#[tokio::test]
async fn an_index_with_a_wrong_checksum_is_rejected() {
    must_fail(
        "wrong checksum",
        kernels().fault(RepoFault::AlteredIndex),
        &["as listed by the Release, found 582 bytes with SHA256"],
    )
    .await;
}

#[tokio::test]
async fn a_truncated_index_is_rejected() {
    must_fail(
        "cut",
        kernels().fault(RepoFault::CutIndex),
        &["as listed by the Release, found a truncated or older file of 291 bytes"],
    )
    .await;
}

#[tokio::test]
async fn an_empty_index_is_rejected() {
    must_fail(
        "empty",
        kernels().fault(RepoFault::EmptyIndex),
        &["as listed by the Release, found an empty file"],
    )
    .await;
}

#[tokio::test]
async fn an_html_page_instead_of_an_index_is_rejected() {
    must_fail(
        "HTML",
        kernels().fault(RepoFault::HtmlIndex),
        &["as listed by the Release, found an HTML page"],
    )
    .await;
}

#[tokio::test]
async fn a_too_long_line_is_rejected() {
    let stanza = format!(
        "Package: linux-headers-6.1.0-9-amd64\nDescription: {}\n",
        "x".repeat(4 << 20)
    );
    must_fail(
        "long line",
        FakeRepo::new("bookworm").index(stanza),
        &["line 2: expected a line of at most 524288 bytes, found a longer input"],
    )
    .await;
}

#[tokio::test]
async fn a_line_without_a_field_is_rejected() {
    must_fail(
        "no field",
        FakeRepo::new("bookworm").index("this is no field\n"),
        &["line 1: expected a field \"Name: value\", found \"this is no field\""],
    )
    .await;
}

#[tokio::test]
async fn blank_lines_between_stanzas_are_accepted() {
    let program = after_a_good_crawl().await;
    let [headers, common] = kernel("6.1.0-3");
    let index = format!(
        "\n\n{}\n\n\n{}\n\n{}\n\n\n",
        headers.stanza(),
        common.stanza(),
        deb("other").stanza().trim_end()
    );
    let ran = crawl(&program, &FakeRepo::new("bookworm").index(index));
    assert!(
        ran.stdout
            .contains("1 new kernel in debian12:\n  6.1.0-3-amd64"),
        "{ran:?}"
    );
}

/// Small files that decompress to one long line of zeros, or to blank lines up to the limit.
#[tokio::test]
async fn a_decompression_bomb_fails_in_little_memory() {
    const MIB: u64 = 1 << 20;
    let long_line = "line 1: expected a line of at most 524288 bytes, found a longer input";
    for (compression, byte, size, reason) in [
        (Compression::Zstd, 0, 2048 * MIB, long_line),
        (Compression::Gzip, 0, 300 * MIB, long_line),
        (Compression::Xz, 0, 300 * MIB, long_line),
        (
            Compression::Zstd,
            b'\n',
            1100 * MIB,
            "expected a stanza of at most 1048576 bytes, found a longer input",
        ),
    ] {
        let program = after_a_good_crawl().await;
        let home = program.home.path();
        let bomb = home.join("bomb");
        write_bomb(&bomb, compression, byte, size).unwrap();
        let written = FakeRepo::new("bookworm")
            .index_file(compression, &bomb)
            .write(&home.join("bad"))
            .unwrap();
        sources(home, &[(&written, &written.file_url())]);
        let command = program.command(&["check", "--sources", home.to_str().unwrap()]);
        let (ran, peak_kib) = with_peak_memory(command);
        assert_eq!(ran.status, 1, "{compression:?} {byte}: {ran:?}");
        assert!(
            ran.stderr.contains("failed: cannot parse package index"),
            "{compression:?} {byte}: {ran:?}"
        );
        assert!(
            ran.stderr.contains(reason),
            "{compression:?} {byte}: {ran:?}"
        );
        assert!(
            peak_kib < 200 * 1024,
            "{compression:?} {byte}: {peak_kib} KiB"
        );
        assert_eq!(
            program
                .value("SELECT count(*) FROM kver_package WHERE gone_at IS NULL")
                .await,
            "4"
        );
    }
}

/// Runs a command, and reads the largest resident size that `wait4` reports for it, in KiB.
pub fn with_peak_memory(mut command: std::process::Command) -> (Ran, u64) {
    // The resource module of Python provides the numbers of wait4 without unsafe code.
    let script = "import resource, subprocess, sys\n\
                  done = subprocess.run(sys.argv[1:], capture_output=True)\n\
                  sys.stdout.buffer.write(done.stdout)\n\
                  sys.stderr.buffer.write(done.stderr)\n\
                  print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\n\
                  sys.exit(done.returncode)";
    let mut python = clean_command("python3");
    python
        .args(["-c", script])
        .arg(command.get_program())
        .args(command.get_args());
    python.envs(
        command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    command = python;
    let ran = Ran::from(command.output().expect("python3 runs"));
    let peak = ran
        .stderr
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("peak "))
        .and_then(|text| text.parse().ok());
    (ran, peak.expect("the script prints the peak"))
}

#[tokio::test]
async fn missing_apt_lists_are_an_error() {
    let program = Program::new().await;
    let ran = program.run(&[
        "check",
        "--distro",
        "debian12",
        &format!("--apt-lists={}", Path::new("/nonexistent").display()),
    ]);
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stderr.contains("hint: apt-get update"), "{ran:?}");
}
