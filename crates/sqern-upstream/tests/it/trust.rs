//! Signatures, times and names of a `Release`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqern_model::{CrawlState, SignaturePolicy};
use sqern_testkit::repo::{FakeRepo, RepoFault, SigningKey, deb};
use sqern_upstream::CrawlOptions;

use crate::support::*;

const KERNEL: &[&str] = &["6.1.0-25-amd64"];

fn allow_unsigned() -> CrawlOptions {
    CrawlOptions { allow_unsigned: true, ..options() }
}

#[tokio::test]
async fn a_signed_suite_is_complete_inline_and_detached() {
    for repo in [bookworm(), bookworm().detached()] {
        let crawl = crawl(&repo).await;
        assert_complete(&crawl, KERNEL);
        assert!(crawl.warnings.is_empty(), "{:?}", crawl.warnings);
        assert!(crawl.checksum.is_some() && crawl.bytes > 0);
    }
}

#[tokio::test]
async fn an_unsigned_suite_fails_and_names_the_option_that_takes_it() {
    let repo = bookworm().fault(RepoFault::Unsigned);
    assert_failed(&crawl(&repo).await, &["a signature", "found none", "--allow-unsigned"]);
    let taken = crawl_with(&repo, &allow_unsigned()).await;
    assert_complete(&taken, KERNEL);
    assert!(taken.warnings[0].starts_with("NOT VERIFIED"), "{:?}", taken.warnings);
}

#[tokio::test]
async fn a_signature_by_another_key_fails_whatever_is_allowed() {
    for repo in [bookworm(), bookworm().detached()] {
        let crawl = crawl_with(&repo.fault(RepoFault::SignedByAnotherKey), &allow_unsigned()).await;
        assert_failed(&crawl, &["keyring.gpg", "by unknown key", "sqern-test-keyring"]);
    }
}

#[tokio::test]
async fn an_altered_release_fails_whatever_is_allowed() {
    for repo in [bookworm(), bookworm().detached()] {
        assert_failed(&crawl_with(&repo.fault(RepoFault::AlteredRelease), &allow_unsigned()).await, &["BAD signature"]);
    }
}

#[tokio::test]
async fn text_outside_of_the_signed_block_fails_whatever_is_allowed() {
    let crawl = crawl_with(&bookworm().fault(RepoFault::TextOutside), &allow_unsigned()).await;
    assert_failed(&crawl, &["line 23: unsigned text", "Suite: evil"]);
}

#[tokio::test]
async fn a_missing_keyring_names_the_package_that_brings_it() {
    let folder = folder();
    let written = bookworm().write(folder.path()).expect("a repository");
    std::fs::remove_file(&written.keyring).expect("removed");
    let distro = distro(&[(&written, &written.file_url())]);
    assert_failed(&crawl_all(&distro, &options()).await[0], &["keyring.gpg", "apt-get install sqern-test-keyring"]);
    let taken = crawl_all(&distro, &allow_unsigned()).await.remove(0);
    assert_complete(&taken, KERNEL);
    assert!(taken.warnings[0].starts_with("NOT VERIFIED"), "{:?}", taken.warnings);
}

#[tokio::test]
async fn an_armoured_keyring_serves_as_a_binary_one() {
    let folder = folder();
    let written = bookworm().write(folder.path()).expect("a repository");
    write(&written.keyring, &SigningKey::shared().armoured_keyring().expect("armoured"));
    assert_complete(&crawl_all(&distro(&[(&written, &written.file_url())]), &options()).await[0], KERNEL);
}

#[tokio::test]
async fn a_key_past_its_life_fails_unless_unsigned_is_allowed() {
    let key = SigningKey::expiring(Duration::from_secs(86_400 * 366 * 7)).expect("a key");
    let repo = bookworm().signed_by(&key).date(time("2026-01-01T00:00:00Z"));
    assert_complete(&crawl(&repo).await, KERNEL);
    let later = CrawlOptions { now: time("2028-01-01T00:00:00Z"), ..options() };
    assert_failed(&crawl_with(&repo, &later).await, &["expired or revoked key"]);
    assert_complete(&crawl_with(&repo, &CrawlOptions { allow_unsigned: true, ..later }).await, KERNEL);
}

#[tokio::test]
async fn the_policies_of_a_source_are_kept() {
    for (policy, fault, state, warned) in [
        (SignaturePolicy::IfPresent, None, CrawlState::Complete, false),
        (SignaturePolicy::IfPresent, Some(RepoFault::Unsigned), CrawlState::Complete, true),
        (SignaturePolicy::IfPresent, Some(RepoFault::AlteredRelease), CrawlState::Failed, false),
        (SignaturePolicy::Off, None, CrawlState::Complete, true),
        (SignaturePolicy::Off, Some(RepoFault::AlteredRelease), CrawlState::Complete, true),
    ] {
        let folder = folder();
        let repo = fault.into_iter().fold(bookworm(), FakeRepo::fault);
        let written = repo.write(folder.path()).expect("a repository");
        let mut distro = distro(&[(&written, &written.file_url())]);
        for source in apt_sources(&mut distro) {
            source.signature = policy;
        }
        let crawl = crawl_all(&distro, &options()).await.remove(0);
        assert_eq!((crawl.state, !crawl.warnings.is_empty()), (state, warned), "{policy:?} {fault:?} {crawl:?}");
    }
}

#[tokio::test]
async fn an_expired_release_fails_and_finds_nothing() {
    let crawl = crawl(&bookworm().valid_until(time("2026-01-08T00:00:00Z"))).await;
    assert_failed(&crawl, &["3 days ago (2026-01-08T00:00:00Z)", "2026-01-11T00:00:00Z"]);
    let valid = bookworm().valid_until(time("2026-01-12T00:00:00Z"));
    assert_complete(&crate::support::crawl(&valid).await, KERNEL);
}

#[tokio::test]
async fn a_release_from_the_future_fails() {
    let date = now().checked_add(SignedDuration::from_hours(48)).expect("a time");
    // Unsigned, so that it is not the signature's own time that is refused.
    let repo = bookworm().date(date).fault(RepoFault::Unsigned);
    assert_failed(&crawl_with(&repo, &allow_unsigned()).await, &["up to the current time"]);
}

#[tokio::test]
async fn the_release_of_another_suite_fails_and_of_its_family_warns() {
    assert_failed(&crawl(&bookworm().calls_itself("stable", "trixie")).await, &["suite bookworm", "Codename trixie"]);
    let family = FakeRepo::new("jammy-updates").calls_itself("jammy", "jammy").package(deb("linux-headers-5.15.0-25-amd64"));
    let crawl = crawl(&family).await;
    assert_complete(&crawl, &["5.15.0-25-amd64"]);
    assert!(crawl.warnings[0].contains("contains Suite jammy"), "{:?}", crawl.warnings);
}

#[tokio::test]
async fn a_suite_that_is_not_there_says_which_files_were_asked_for() {
    let folder = folder();
    let written = bookworm().write(folder.path()).expect("a repository");
    let mut distro = distro(&[(&written, &written.file_url())]);
    for source in apt_sources(&mut distro) {
        "sid".clone_into(&mut source.suite);
    }
    assert_failed(&crawl_all(&distro, &options()).await[0], &["InRelease does not exist either", "dists/sid/Release"]);
}

/// The file among this machine's apt lists whose name ends so, whatever mirror it came from.
fn machines_own(suffix: &str) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir("/var/lib/apt/lists").ok()?;
    entries.flatten().map(|entry| entry.path()).find(|path| path.to_string_lossy().ends_with(suffix))
}

/// The real, signed files of Debian's archive, where this machine has them: its own apt lists. A machine without them tests
/// the same with a repository of its own, through the same verification.
#[tokio::test]
async fn real_signatures_verify_and_a_flipped_byte_does_not() {
    let folder = folder();
    let real = machines_own("_debian_dists_bookworm_InRelease");
    let keyring = std::path::Path::new("/usr/share/keyrings/debian-archive-keyring.gpg");
    let written = bookworm().write(folder.path()).expect("a repository");
    let top = folder.path().join("dists/bookworm/InRelease");
    let mut at: Timestamp = now();
    if let Some(real) = real.filter(|_| keyring.exists()) {
        std::fs::copy(&real, &top).expect("copied");
        std::fs::copy(keyring, &written.keyring).expect("copied");
        let text = std::fs::read_to_string(real).expect("text");
        let date = text.lines().find_map(|line| line.strip_prefix("Date: ")).expect("a Date");
        let date = jiff::fmt::rfc2822::parse(&date.replace("UTC", "+0000")).expect("a time").timestamp();
        // It is signed some minutes after its Date.
        at = date.checked_add(SignedDuration::from_hours(12)).expect("a time");
    }
    let options = CrawlOptions { now: at, ..options() };
    let distro = distro(&[(&written, &written.file_url())]);
    // Past the signature it looks for the index: absent here for the real archive's Release, present for ours.
    let verified = crawl_all(&distro, &options).await.remove(0);
    let past_the_signature = verified.reason.as_deref().is_none_or(|reason| reason.contains("/main/binary-amd64/"));
    assert!(past_the_signature, "{:?}", verified.reason);
    let mut bytes = std::fs::read(&top).expect("bytes");
    let place = bytes.windows(7).position(|window| window == b"SHA256:").expect("a section") + 20;
    bytes[place] = if bytes[place] == b'0' { b'1' } else { b'0' };
    write(&top, &bytes);
    assert_failed(&crawl_all(&distro, &options).await[0], &["BAD signature"]);
}
