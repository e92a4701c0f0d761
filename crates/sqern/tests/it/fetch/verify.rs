//! The verification of packages before their Makefiles run.

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use sqern_testkit::clean_command;
use sqern_testkit::package::{Headers, RpmFile};
use sqern_testkit::repo::{
    Deb, FakeRepo, FakeRpmRepo, FileServer, RepoFault, SigningKey, deb, rpm,
};

use super::rpm::{alma8, rpmbuild};
use super::{Fixture, kernel};
use crate::check::sources;
use crate::program::Program;

const KERNEL: &str = "6.1.0-1-amd64";
const EL_KERNEL: &str = "4.18.0-1.el8.x86_64";

/// Returns the field `verified` of each package in the manifest of a tree.
fn verified(tree: &Path) -> Vec<Value> {
    let manifest = std::fs::read(tree.join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    let packages = manifest["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| package["verified"].clone())
        .collect()
}

fn timestamp(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// Returns an apt repository whose source accepts a missing signature.
async fn unsigned(packages: impl IntoIterator<Item = Deb>) -> Fixture {
    let program = Program::new().await;
    let home = program.home.path();
    let archive = home.join("archive");
    let written = packages
        .into_iter()
        .fold(FakeRepo::new("bookworm"), FakeRepo::package)
        .fault(RepoFault::Unsigned)
        .write(&archive)
        .unwrap();
    let server = FileServer::start(&archive).await.unwrap();
    sources(home, &[(&written, &server.url())]);
    let file = home.join("debian12.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replace("suite = ", "signature = \"if-present\"\nsuite = ");
    std::fs::write(&file, text).unwrap();
    Fixture::of("debian12", program, server, archive)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_of_an_unsigned_source_requires_an_option() {
    let fixture = unsigned(kernel("6.1.0-1")).await;
    let requests = fixture.server.requests().len();
    for arguments in [&[][..], &["--kernel", KERNEL]] {
        let refused = fixture.program.run(&fixture.arguments(arguments));
        assert_eq!(refused.status, 1, "{refused:?}");
        for text in [
            "is not verified: no signature authenticates source",
            "sqern fetch --allow-unverified",
        ] {
            assert!(refused.stderr.contains(text), "{refused:?}");
        }
    }
    assert_eq!(fixture.server.requests().len(), requests, "no download");
    assert_eq!(fixture.fetched().await, "");

    fixture
        .program
        .done(&fixture.arguments(&["--allow-unverified"]));
    assert_eq!(fixture.fetched().await, KERNEL);
    assert_eq!(verified(&fixture.tree(KERNEL)), [Value::Null, Value::Null]);

    // The tree is not used as that of a verified package.
    fixture
        .program
        .database
        .client()
        .await
        .batch_execute("DELETE FROM kver_fetched")
        .await
        .unwrap();
    let refused = fixture.program.run(&fixture.arguments(&[]));
    assert_eq!((refused.status, &*fixture.fetched().await), (1, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_of_an_earlier_unsigned_crawl_requires_an_option() {
    let fixture = unsigned(kernel("6.1.0-1")).await;
    // The source is signed now, and does not contain the kernel.
    kernel("6.1.0-2")
        .into_iter()
        .fold(FakeRepo::new("bookworm"), FakeRepo::package)
        .write(&fixture.archive)
        .unwrap();
    fixture.program.done(&[
        "check",
        "--distro",
        "debian12",
        "--sources",
        &fixture.sources,
        "--accept-shrink",
    ]);
    let refused = fixture.program.run(&fixture.arguments(&[]));
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("is not verified: no signature authenticates source"),
        "{refused:?}"
    );
    assert_eq!(fixture.fetched().await, "6.1.0-2-amd64");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_contains_the_key_of_a_signed_source() {
    let fixture = Fixture::new(kernel("6.1.0-1")).await;
    fixture.program.done(&fixture.arguments(&[]));
    let key = SigningKey::shared().fingerprint();
    let crawled = timestamp(
        &fixture
            .program
            .value("SELECT to_json(max(finished_at)) #>> '{}' FROM crawl")
            .await,
    );
    for package in verified(&fixture.tree(KERNEL)) {
        assert_eq!(
            (&package["method"], &package["key"]),
            (&json!("index-signature"), &json!(key))
        );
        let at = timestamp(package["at"].as_str().expect("a time"));
        assert!((crawled..=Timestamp::now()).contains(&at), "{package}");
    }
    assert_eq!(
        fixture
            .program
            .value("SELECT DISTINCT verified_by FROM crawl")
            .await,
        key
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_does_not_belong_to_the_source_is_not_requested() {
    let fixture = Fixture::new(kernel("6.1.0-1")).await;
    let other = FileServer::start(&fixture.archive).await.unwrap();
    let client = fixture.program.database.client().await;
    for url in [other.url(), format!("file://{}", fixture.archive.display())] {
        let update = format!(
            "UPDATE kver_package SET url = regexp_replace(url, '^(http://[^/]+|file://.*?)/(?=pool/)', '{url}/') WHERE role = 'headers'"
        );
        client.batch_execute(&update).await.unwrap();
        let refused = fixture.program.run(&fixture.arguments(&[]));
        assert!(
            refused.status == 1 && refused.stderr.contains("does not belong to source"),
            "{refused:?}"
        );
    }
    assert_eq!(other.requests(), [""; 0]);
    assert_eq!(fixture.fetched().await, "");
}

/// Returns the headers of [`EL_KERNEL`], without a signature.
fn kernel_devel() -> RpmFile {
    let payload = Headers::new(EL_KERNEL).kernel_devel().symlink(
        format!("lib/modules/{EL_KERNEL}/build"),
        format!("/usr/src/kernels/{EL_KERNEL}"),
    );
    RpmFile::new("kernel-devel", "4.18.0", "1.el8", "x86_64").payload(&payload)
}

/// Returns an unsigned rpm-md repository with [`EL_KERNEL`], whose source has a keyring with the
/// shared key, or a keyring that does not exist.
async fn rpm_source(file: Vec<u8>, has_keyring: bool) -> Fixture {
    let program = Program::new().await;
    let home = program.home.path();
    let archive = home.join("archive");
    let package = rpm("kernel-devel", "4.18.0", "1.el8")
        .provides("kernel-devel-uname-r", EL_KERNEL)
        .content(file);
    FakeRpmRepo::new().package(package).write(&archive).unwrap();
    let keyring = home.join("keyring.gpg");
    if has_keyring {
        std::fs::write(&keyring, SigningKey::shared().keyring().unwrap()).unwrap();
    }
    let server = FileServer::start(&archive).await.unwrap();
    alma8(program, server, archive, &keyring, "if-present")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signature_of_an_rpm_verifies_a_package_of_an_unsigned_source() {
    let key = SigningKey::shared();
    for file in [
        kernel_devel().signed(&key),
        kernel_devel().signed_in_base64(&key),
        kernel_devel().signed(&key).without_payload_digest(),
    ] {
        let fixture = rpm_source(file.bytes().unwrap(), true).await;
        fixture.program.done(&fixture.arguments(&[]));
        let verified = verified(&fixture.tree_of("alma8", EL_KERNEL));
        assert_eq!(verified.len(), 1);
        assert_eq!(
            (&verified[0]["method"], &verified[0]["key"]),
            (&json!("package-signature"), &json!(key.fingerprint()))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rpm_without_a_verifiable_signature_requires_an_option() {
    let key = SigningKey::shared();
    let signed = || kernel_devel().signed(&key);
    for (file, has_keyring, reason) in [
        (kernel_devel(), true, "the package is not signed"),
        (signed(), false, "keyring.gpg does not exist"),
        (
            signed().without_sha256(),
            true,
            "the signed header contains no SHA-256 of the payload",
        ),
    ] {
        let fixture = rpm_source(file.bytes().unwrap(), has_keyring).await;
        let refused = fixture.program.run(&fixture.arguments(&[]));
        assert!(
            refused.status == 1
                && refused.stderr.contains(reason)
                && refused.stderr.contains("--allow-unverified"),
            "{refused:?}"
        );
        assert_eq!(fixture.fetched().await, "");
        fixture
            .program
            .done(&fixture.arguments(&["--allow-unverified"]));
        assert_eq!(
            verified(&fixture.tree_of("alma8", EL_KERNEL)),
            [Value::Null]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rpm_with_an_invalid_signature_is_never_used() {
    let (key, other) = (SigningKey::shared(), SigningKey::generate().unwrap());
    let altered = kernel_devel().signed(&key).altered().bytes().unwrap();
    let foreign = kernel_devel().signed(&other).bytes().unwrap();
    for (file, reason) in [(altered, "key "), (foreign, "unknown key ")] {
        let fixture = rpm_source(file, true).await;
        for more in [&[][..], &["--allow-unverified"]] {
            let refused = fixture.program.run(&fixture.arguments(more));
            let expected =
                format!("could not verify the signature of package kernel-devel: {reason}");
            assert!(
                refused.status == 1 && refused.stderr.contains(&expected),
                "{refused:?}"
            );
        }
        assert_eq!(fixture.fetched().await, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_package_with_a_valid_signature_is_never_used() {
    let key = SigningKey::shared();
    let of = |name: &str, version: &str, release: &str, architecture: &str| {
        let payload = Headers::new(EL_KERNEL).kernel_devel();
        RpmFile::new(name, version, release, architecture)
            .payload(&payload)
            .signed(&key)
    };
    let listed =
        "source baseos lists package kernel-devel 4.18.0-1.el8 x86_64, but its file is package ";
    for (file, found) in [
        (
            of("kernel-debug-devel", "4.18.0", "1.el8", "x86_64"),
            "kernel-debug-devel 4.18.0-1.el8 x86_64",
        ),
        (
            of("kernel-devel", "4.17.9", "1.el8", "x86_64"),
            "kernel-devel 4.17.9-1.el8 x86_64",
        ),
        (
            of("kernel-devel", "4.18.0", "0.el8", "x86_64"),
            "kernel-devel 4.18.0-0.el8 x86_64",
        ),
        (
            of("kernel-devel", "4.18.0", "1.el8", "aarch64"),
            "kernel-devel 4.18.0-1.el8 aarch64",
        ),
        (
            kernel_devel().epoch(1).signed(&key),
            "kernel-devel 1:4.18.0-1.el8 x86_64",
        ),
    ] {
        let fixture = rpm_source(file.bytes().unwrap(), true).await;
        for more in [&[][..], &["--allow-unverified"]] {
            let refused = fixture.program.run(&fixture.arguments(more));
            let expected = format!("{listed}{found}");
            assert!(
                refused.status == 1 && refused.stderr.contains(&expected),
                "{refused:?}"
            );
            assert!(
                !refused.stderr.contains("--allow-unverified"),
                "{refused:?}"
            );
        }
        assert_eq!(fixture.fetched().await, "");
    }
    let source = kernel_devel().source_package().signed(&key);
    let fixture = rpm_source(source.bytes().unwrap(), true).await;
    let refused = fixture
        .program
        .run(&fixture.arguments(&["--allow-unverified"]));
    assert!(
        refused.stderr.contains("found a source package"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deb_of_another_package_is_never_used() {
    let planned = "linux-headers-6.1.0-1-amd64";
    for (name, version, architecture) in [
        ("linux-headers-6.1.0-0-amd64", "6.1.1", "amd64"),
        (planned, "6.1.0", "amd64"),
        (planned, "1:6.1.1", "amd64"),
        (planned, "6.1.1", "i386"),
    ] {
        let [_, common] = kernel("6.1.0-1");
        let payload = Headers::new(KERNEL).debian("linux-headers-6.1.0-1-common");
        let headers = deb(name)
            .version(version)
            .architecture(architecture)
            .payload(&payload)
            .depends("linux-headers-6.1.0-1-common")
            // The index contains other fields than the file.
            .field("Package", planned)
            .field("Version", "6.1.1")
            .field("Architecture", "amd64");
        let fixture = unsigned([headers, common]).await;
        let refused = fixture
            .program
            .run(&fixture.arguments(&["--allow-unverified"]));
        let expected = format!(
            "lists package {planned} 6.1.1 amd64, but its file is package {name} {version} {architecture}"
        );
        assert!(
            refused.status == 1 && refused.stderr.contains(&expected),
            "{refused:?}"
        );
        assert_eq!(fixture.fetched().await, "");
    }
}

/// Signs a package of rpmbuild with rpmsign and gpg.
#[tokio::test(flavor = "multi_thread")]
async fn a_signature_of_rpmsign_is_verified() {
    if clean_command("rpmsign").arg("--version").output().is_err() {
        eprintln!("SKIPPED: rpmsign is not installed");
        return;
    }
    let build = tempfile::tempdir().unwrap();
    let gpg = |arguments: &[&str]| {
        let output = clean_command("gpg")
            .args(["--batch", "--yes", "--homedir"])
            .arg(build.path())
            .args(arguments)
            .output()
            .expect("gpg");
        assert!(output.status.success(), "{output:?}");
        output.stdout
    };
    gpg(&[
        "--passphrase",
        "",
        "--quick-gen-key",
        "packages@example.test",
        "rsa3072",
        "sign",
        "never",
    ]);
    let package = rpmbuild(build.path(), "1.el8", "w2.xzdio");
    let file = build.path().join("signed.rpm");
    std::fs::write(&file, package).unwrap();
    let signed = clean_command("rpmsign")
        .args(["--define", "__gpg /usr/bin/gpg"])
        .args(["--define", "_gpg_name packages@example.test", "--define"])
        .arg(format!("_gpg_path {}", build.path().display()))
        .arg("--addsign")
        .arg(&file)
        .output()
        .unwrap();
    assert!(signed.status.success(), "{signed:?}");
    let fixture = rpm_source(std::fs::read(&file).unwrap(), true).await;
    let unknown = fixture.program.run(&fixture.arguments(&[]));
    assert!(unknown.stderr.contains("unknown key"), "{unknown:?}");
    let keyring = fixture.program.home.path().join("keyring.gpg");
    std::fs::write(keyring, gpg(&["--export"])).unwrap();
    fixture.program.done(&fixture.arguments(&[]));
    let verified = verified(&fixture.tree_of("alma8", EL_KERNEL));
    assert_eq!(verified[0]["method"], "package-signature", "{verified:?}");
}
