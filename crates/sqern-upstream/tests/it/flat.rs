//! Flat apt repositories, which have one index and no components (sources.list(5)).

use std::path::Path;

use sqern_model::{CrawlState, DistroDef};
use sqern_testkit::repo::{DEBIAN_RULE, FileServer, SigningKey, deb};

use crate::support::*;

const KERNEL: &[&str] = &["6.1.0-25-amd64"];

/// Writes a signed flat repository in a directory, as `dpkg-scanpackages` and `apt-ftparchive` do.
fn write(directory: &Path, fields: &str) {
    std::fs::create_dir_all(directory).expect("created");
    let stanzas = [
        headers().field("Filename", "./linux-headers-6.1.0-25-amd64.deb"),
        deb("linux-headers-6.1.0-26-arm64")
            .architecture("arm64")
            .field("Filename", "./linux-headers-6.1.0-26-arm64.deb"),
    ];
    let index: String = stanzas.iter().map(|deb| deb.stanza() + "\n").collect();
    std::fs::write(directory.join("Packages"), &index).expect("written");
    let mut hasher = sqern_archive::Hasher::new(sqern_archive::Algorithm::Sha256);
    hasher.update(index.as_bytes());
    let release = format!(
        "{fields}Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n {} {} ./Packages\n",
        hasher.finish(),
        index.len()
    );
    let at = "2026-01-01T00:00:00Z".parse().expect("a time");
    let signed = SigningKey::shared().clearsign(&release, at);
    std::fs::write(directory.join("InRelease"), signed.expect("signed")).expect("written");
    let keyring = SigningKey::shared().keyring().expect("a keyring");
    std::fs::write(directory.join("keyring.gpg"), keyring).expect("written");
}

/// Returns a distribution whose source is a flat repository.
fn distro(base: &str, directory: &Path, fields: &str) -> DistroDef {
    let keyring = directory.join("keyring.gpg");
    let text = format!(
        "name = \"fake\"\nvariant = \"FAKE\"\ntitle = \"fake\"\n{DEBIAN_RULE}\n[[source]]\nkind = \"apt\"\nname = \"flat\"\n\
         base = [\"{base}\"]\ncomponents = []\narchitectures = [\"amd64\"]\nkeyring = [\"{}\"]\n{fields}\n",
        keyring.display()
    );
    sqern_upstream::sources::parse("fake.toml", &text).expect("a distribution")
}

#[tokio::test]
async fn flat_repository_is_read() {
    for (suite, directory) in [("./", ""), ("/", ""), ("stable/deb/", "stable/deb")] {
        let folder = folder();
        let directory = folder.path().join(directory);
        write(&directory, "Origin: vendor\n");
        let server = FileServer::start(folder.path()).await.expect("a server");
        let distro = distro(&server.url(), &directory, &format!("suite = \"{suite}\""));
        let crawl = crawl_all(&distro, &options()).await.remove(0);
        assert_complete(&crawl, KERNEL);
        assert_eq!(crawl.warnings, Vec::<String>::new());
        assert!(crawl.verified_by.is_some());
        // Paths of packages are relative to the base.
        assert_eq!(
            crawl.packages[0].url,
            format!("{}/linux-headers-6.1.0-25-amd64.deb", server.url())
        );
    }
}

#[tokio::test]
async fn release_suite_of_a_flat_repository_is_checked_if_it_is_set() {
    let folder = folder();
    write(folder.path(), "Suite: stable\n");
    let base = format!("file://{}", folder.path().display());
    for (name, state) in [
        ("stable", CrawlState::Complete),
        ("testing", CrawlState::Failed),
    ] {
        let fields = format!("suite = \"./\"\nrelease-suite = \"{name}\"");
        let distro = distro(&base, folder.path(), &fields);
        let crawl = crawl_all(&distro, &options()).await.remove(0);
        assert_eq!(crawl.state, state, "{crawl:?}");
    }
}
