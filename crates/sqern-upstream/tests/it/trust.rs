//! Tests of signatures, dates and names of a `Release`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqern_model::{CrawlState, SignaturePolicy};
use sqern_testkit::repo::{FakeRepo, RepoFault, SigningKey, deb};
use sqern_upstream::CrawlOptions;

use crate::support::*;

const KERNEL: &[&str] = &["6.1.0-25-amd64"];

fn allow_unsigned() -> CrawlOptions {
    CrawlOptions {
        allow_unsigned: true,
        ..options()
    }
}

#[tokio::test]
async fn inline_and_detached_signatures_are_verified() {
    for repo in [bookworm(), bookworm().detached()] {
        let crawl = crawl(&repo).await;
        assert_complete(&crawl, KERNEL);
        assert!(crawl.warnings.is_empty(), "{:?}", crawl.warnings);
        assert!(crawl.checksum.is_some() && crawl.bytes > 0);
    }
}

#[tokio::test]
async fn unsigned_suite_fails_with_a_hint() {
    let repo = bookworm().fault(RepoFault::Unsigned);
    assert_failed(
        &crawl(&repo).await,
        &["could not verify", "no signature", "--allow-unsigned"],
    );
    let accepted = crawl_with(&repo, &allow_unsigned()).await;
    assert_complete(&accepted, KERNEL);
    assert!(
        accepted.warnings[0].starts_with("NOT VERIFIED"),
        "{:?}",
        accepted.warnings
    );
}

#[tokio::test]
async fn signature_by_another_key_always_fails() {
    for repo in [bookworm(), bookworm().detached()] {
        let crawl = crawl_with(
            &repo.fault(RepoFault::SignedByAnotherKey),
            &allow_unsigned(),
        )
        .await;
        assert_failed(
            &crawl,
            &["keyring.gpg", "unknown key", "sqern-test-keyring"],
        );
    }
}

#[tokio::test]
async fn altered_release_always_fails() {
    for repo in [bookworm(), bookworm().detached()] {
        assert_failed(
            &crawl_with(&repo.fault(RepoFault::AlteredRelease), &allow_unsigned()).await,
            &["BAD signature"],
        );
    }
}

#[tokio::test]
async fn text_outside_the_signed_block_always_fails() {
    let crawl = crawl_with(&bookworm().fault(RepoFault::TextOutside), &allow_unsigned()).await;
    assert_failed(&crawl, &["line 23: unsigned text", "Suite: evil"]);
}

#[tokio::test]
async fn missing_keyring_is_reported_with_its_package() {
    let folder = folder();
    let written = bookworm().write(folder.path()).expect("a repository");
    std::fs::remove_file(&written.keyring).expect("removed");
    let distro = distro(&[(&written, &written.file_url())]);
    assert_failed(
        &crawl_all(&distro, &options()).await[0],
        &["keyring.gpg", "apt-get install sqern-test-keyring"],
    );
    let accepted = crawl_all(&distro, &allow_unsigned()).await.remove(0);
    assert_complete(&accepted, KERNEL);
    assert!(
        accepted.warnings[0].starts_with("NOT VERIFIED"),
        "{:?}",
        accepted.warnings
    );
}

#[tokio::test]
async fn armored_keyrings_are_supported() {
    let folder = folder();
    let written = bookworm().write(folder.path()).expect("a repository");
    write(
        &written.keyring,
        &SigningKey::shared().armored_keyring().expect("armoured"),
    );
    assert_complete(
        &crawl_all(&distro(&[(&written, &written.file_url())]), &options()).await[0],
        KERNEL,
    );
}

#[tokio::test]
async fn expired_key_fails_unless_unsigned_is_allowed() {
    let key = SigningKey::expiring(Duration::from_secs(86_400 * 366 * 7)).expect("a key");
    let repo = bookworm()
        .signed_by(&key)
        .date(time("2026-01-01T00:00:00Z"));
    assert_complete(&crawl(&repo).await, KERNEL);
    let later = CrawlOptions {
        now: time("2028-01-01T00:00:00Z"),
        ..options()
    };
    assert_failed(
        &crawl_with(&repo, &later).await,
        &[
            "the local copy of key ",
            "expired on 2027-01-06",
            "apt-get install --only-upgrade sqern-test-keyring",
        ],
    );
    assert_complete(
        &crawl_with(
            &repo,
            &CrawlOptions {
                allow_unsigned: true,
                ..later
            },
        )
        .await,
        KERNEL,
    );
}

/// A key was prolonged after the repository was signed, or the repository was signed after the local
/// copy of the key expired.
#[tokio::test]
async fn prolonged_keys_verify_earlier_and_later_signatures() {
    let year = Duration::from_secs(86_400 * 366);
    let old = SigningKey::expiring(Duration::from_secs(86_400 * 2_176)).expect("a key");
    let new = old
        .prolonged(time("2026-01-05T00:00:00Z"), year * 20)
        .expect("a key");
    for repo in [bookworm(), bookworm().detached()] {
        let folder = folder();
        let repo = repo.date(time("2025-12-01T00:00:00Z")).signed_by(&old);
        let written = repo.write(folder.path()).expect("a repository");
        let distro = distro(&[(&written, &written.file_url())]);
        write(&written.keyring, &new.keyring().expect("a keyring"));
        assert_complete(&crawl_all(&distro, &options()).await[0], KERNEL);
    }
    let folder = folder();
    let signed = bookworm()
        .date(time("2026-01-06T00:00:00Z"))
        .signed_by(&new);
    let written = signed.write(folder.path()).expect("a repository");
    let distro = distro(&[(&written, &written.file_url())]);
    write(&written.keyring, &old.keyring().expect("a keyring"));
    assert_failed(
        &crawl_all(&distro, &options()).await[0],
        &["the local copy of key", "expired on 2025-12-"],
    );
    let accepted = crawl_all(&distro, &allow_unsigned()).await.remove(0);
    assert_complete(&accepted, KERNEL);
    assert!(accepted.warnings[0].starts_with("NOT VERIFIED"));
}

#[tokio::test]
async fn signature_policies_are_enforced() {
    for (policy, fault, state, warned) in [
        (
            SignaturePolicy::IfPresent,
            None,
            CrawlState::Complete,
            false,
        ),
        (
            SignaturePolicy::IfPresent,
            Some(RepoFault::Unsigned),
            CrawlState::Complete,
            true,
        ),
        (
            SignaturePolicy::IfPresent,
            Some(RepoFault::AlteredRelease),
            CrawlState::Failed,
            false,
        ),
        (SignaturePolicy::Off, None, CrawlState::Complete, true),
        (
            SignaturePolicy::Off,
            Some(RepoFault::AlteredRelease),
            CrawlState::Complete,
            true,
        ),
    ] {
        let folder = folder();
        let repo = fault.into_iter().fold(bookworm(), FakeRepo::fault);
        let written = repo.write(folder.path()).expect("a repository");
        let mut distro = distro(&[(&written, &written.file_url())]);
        for source in apt_sources(&mut distro) {
            source.signature = policy;
        }
        let crawl = crawl_all(&distro, &options()).await.remove(0);
        assert_eq!(
            (crawl.state, !crawl.warnings.is_empty()),
            (state, warned),
            "{policy:?} {fault:?} {crawl:?}"
        );
    }
}

#[tokio::test]
async fn expired_release_fails() {
    let crawl = crawl(&bookworm().valid_until(time("2026-01-08T00:00:00Z"))).await;
    assert_failed(
        &crawl,
        &["3 days ago (2026-01-08T00:00:00Z)", "2026-01-11T00:00:00Z"],
    );
    let valid = bookworm().valid_until(time("2026-01-12T00:00:00Z"));
    assert_complete(&crate::support::crawl(&valid).await, KERNEL);
}

#[tokio::test]
async fn release_from_the_future_fails() {
    let date = now()
        .checked_add(SignedDuration::from_hours(48))
        .expect("a time");
    // The suite is unsigned, so that the time of the signature is not the problem.
    let repo = bookworm().date(date).fault(RepoFault::Unsigned);
    assert_failed(
        &crawl_with(&repo, &allow_unsigned()).await,
        &["is in the future"],
    );
}

#[tokio::test]
async fn release_of_another_suite_fails_or_is_a_warning() {
    assert_failed(
        &crawl(&bookworm().calls_itself("stable", "trixie")).await,
        &["suite bookworm", "Codename trixie"],
    );
    let snapshot = FakeRepo::new("20261128T000000Z")
        .calls_itself("stable", "bookworm")
        .package(headers());
    assert_failed(
        &crawl(&snapshot).await,
        &["Codename bookworm", "release-suite = \"bookworm\""],
    );
    let folder = folder();
    let written = snapshot.write(folder.path()).expect("a repository");
    let mut snapshot = distro(&[(&written, &written.file_url())]);
    for (name, is_accepted) in [("bookworm", true), ("trixie", false)] {
        for source in apt_sources(&mut snapshot) {
            source.release_suite = Some(name.to_owned());
        }
        let crawl = crawl_all(&snapshot, &options()).await.remove(0);
        assert_eq!(
            crawl.state == CrawlState::Complete,
            is_accepted,
            "{crawl:?}"
        );
    }
    // A server could change the suite of a Release that is not signed.
    let unsigned = bookworm()
        .calls_itself("stable", "trixie")
        .fault(RepoFault::Unsigned);
    let unsigned = crawl_with(&unsigned, &allow_unsigned()).await;
    assert_complete(&unsigned, KERNEL);
    assert!(
        unsigned
            .warnings
            .iter()
            .any(|warning| warning.contains("contains Suite stable, Codename trixie")),
        "{unsigned:?}"
    );
    let family = FakeRepo::new("jammy-updates")
        .calls_itself("jammy", "jammy")
        .package(deb("linux-headers-5.15.0-25-amd64"));
    let crawl = crawl(&family).await;
    assert_complete(&crawl, &["5.15.0-25-amd64"]);
    assert!(
        crawl.warnings[0].contains("contains Suite jammy"),
        "{:?}",
        crawl.warnings
    );
}

#[tokio::test]
async fn other_encodings_and_invalid_dates_of_a_release_are_accepted() {
    let key = SigningKey::shared();
    let at = "2025-12-31T00:00:00Z".parse().expect("a time");
    let folder = folder();
    let written = bookworm()
        .detached()
        .write(folder.path())
        .expect("a repository");
    let suite = folder.path().join("dists/bookworm");
    let text = std::fs::read_to_string(suite.join("Release")).expect("a release");
    let date = text
        .lines()
        .find(|line| line.starts_with("Date: "))
        .expect("a date");
    let latin1 = |text: &str| -> Vec<u8> {
        text.chars()
            .map(|c| u8::try_from(u32::from(c)).expect("Latin-1"))
            .collect()
    };
    let changed = text.replace(date, "Date: Thu., 09 May 2024 06:03:43 GMT");
    let changed = latin1(&format!("{changed}Origin: K\u{f6}ln\n"));
    std::fs::write(suite.join("Release"), &changed).expect("written");
    let signature = key.sign_bytes(&changed, at).expect("signed");
    std::fs::write(suite.join("Release.gpg"), signature).expect("written");
    let crawl = crawl_all(&distro(&[(&written, &written.file_url())]), &options())
        .await
        .remove(0);
    assert_complete(&crawl, KERNEL);
    assert_eq!(
        (crawl.verified_by, crawl.dated_at),
        (Some(key.fingerprint()), None)
    );
    assert!(
        crawl.warnings[0].contains("invalid Date, which is ignored: \"Thu., 09 May"),
        "{:?}",
        crawl.warnings
    );
}

#[tokio::test]
async fn missing_suite_is_reported_with_the_requested_files() {
    let folder = folder();
    let written = bookworm().write(folder.path()).expect("a repository");
    let mut distro = distro(&[(&written, &written.file_url())]);
    for source in apt_sources(&mut distro) {
        "sid".clone_into(&mut source.suite);
    }
    assert_failed(
        &crawl_all(&distro, &options()).await[0],
        &["InRelease does not exist either", "dists/sid/Release"],
    );
}

/// Returns an apt list of this machine with a suffix, of any mirror.
fn local_list(suffix: &str) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir("/var/lib/apt/lists").ok()?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().ends_with(suffix))
}

/// Verifies the signed files of Debian in the apt lists of this machine, or those of a fake
/// repository.
#[tokio::test]
async fn real_signatures_are_verified() {
    let folder = folder();
    let real = local_list("_debian_dists_bookworm_InRelease");
    let keyring = std::path::Path::new("/usr/share/keyrings/debian-archive-keyring.gpg");
    let written = bookworm().write(folder.path()).expect("a repository");
    let top = folder.path().join("dists/bookworm/InRelease");
    let mut at: Timestamp = now();
    if let Some(real) = real.filter(|_| keyring.exists()) {
        std::fs::copy(&real, &top).expect("copied");
        std::fs::copy(keyring, &written.keyring).expect("copied");
        let text = std::fs::read_to_string(real).expect("text");
        let date = text
            .lines()
            .find_map(|line| line.strip_prefix("Date: "))
            .expect("a Date");
        let date = jiff::fmt::rfc2822::parse(&date.replace("UTC", "+0000"))
            .expect("a time")
            .timestamp();
        // The signature is created some minutes after the Date.
        at = date
            .checked_add(SignedDuration::from_hours(12))
            .expect("a time");
    }
    let options = CrawlOptions {
        now: at,
        ..options()
    };
    let distro = distro(&[(&written, &written.file_url())]);
    // After the signature, the index is read. It is missing for the real Release, and available for
    // the fake one.
    let verified = crawl_all(&distro, &options).await.remove(0);
    let past_the_signature = verified
        .reason
        .as_deref()
        .is_none_or(|reason| reason.contains("/main/binary-amd64/"));
    assert!(past_the_signature, "{:?}", verified.reason);
    let mut bytes = std::fs::read(&top).expect("bytes");
    let offset = bytes
        .windows(7)
        .position(|window| window == b"SHA256:")
        .expect("a section")
        + 20;
    bytes[offset] = if bytes[offset] == b'0' { b'1' } else { b'0' };
    write(&top, &bytes);
    assert_failed(&crawl_all(&distro, &options).await[0], &["BAD signature"]);
}

/// A source that was verified once must remain signed, also if its policy makes the signature optional.
#[tokio::test]
async fn a_source_that_was_signed_must_stay_signed() {
    let folder = folder();
    let written = bookworm().write(folder.path()).expect("a repository");
    let mut distro = distro(&[(&written, &written.file_url())]);
    for source in apt_sources(&mut distro) {
        source.signature = SignaturePolicy::IfPresent;
    }
    let keyring = std::fs::read(&written.keyring).expect("a keyring");
    let first = crawl_all(&distro, &options()).await;
    assert_complete(&first[0], KERNEL);
    assert_eq!(
        first[0].verified_by,
        Some(SigningKey::shared().fingerprint())
    );

    std::fs::remove_file(&written.keyring).expect("removed");
    let without_keyring = crawl_again(&distro, &first, &options()).await;
    assert_failed(
        &without_keyring[0],
        &[
            "keyring.gpg does not exist",
            "earlier crawls of this source were verified",
        ],
    );
    write(&written.keyring, &keyring);

    let unsigned = bookworm().fault(RepoFault::Unsigned);
    std::fs::remove_dir_all(folder.path().join("dists")).expect("removed");
    unsigned.write(folder.path()).expect("a repository");
    assert_complete(&crawl_all(&distro, &options()).await[0], KERNEL);
    assert_failed(
        &crawl_again(&distro, &first, &options()).await[0],
        &[
            "no signature",
            "earlier crawls of this source were verified",
            "--allow-unsigned",
        ],
    );
    let accepted = crawl_again(&distro, &first, &allow_unsigned()).await;
    assert_eq!(
        (accepted[0].state, accepted[0].verified_by.as_deref()),
        (CrawlState::Unchanged, None)
    );
    assert!(
        accepted[0].warnings[0].starts_with("NOT VERIFIED"),
        "{accepted:?}"
    );
}
