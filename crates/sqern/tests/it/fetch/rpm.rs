//! `kernel-devel` packages of rpmbuild from a signed rpm-md repository.

use std::path::{Path, PathBuf};

use sqern_testkit::clean_command;
use sqern_testkit::package::Headers;
use sqern_testkit::repo::{EL_RULE, FakeRpmRepo, FileServer, Rpm, rpm, rpm_distro_toml};

use super::{Fixture, module_of};
use crate::program::{Program, field};

/// Checks the distribution alma8, whose source is the repository of a server.
pub fn alma8(
    program: Program,
    server: FileServer,
    archive: PathBuf,
    keyring: &Path,
    signature: &str,
) -> Fixture {
    let lines = format!(
        "base = [{:?}]\nkeyring = [{:?}]\nsignature = {signature:?}\n",
        server.url(),
        keyring.display().to_string()
    );
    std::fs::write(
        program.home.path().join("alma8.toml"),
        rpm_distro_toml("alma8", EL_RULE, &[("baseos", &lines)]),
    )
    .unwrap();
    program.done(&["distro", "add", "alma8", "ALMA8"]);
    Fixture::of("alma8", program, server, archive)
}

/// Returns the package of [`rpmbuild`] as an entry of a repository.
fn built(directory: &Path, release: &str, payload: &str) -> Rpm {
    rpm("kernel-devel", "4.18.0", release)
        .provides("kernel-devel-uname-r", &format!("4.18.0-{release}.x86_64"))
        .content(rpmbuild(directory, release, payload))
}

/// Builds a `kernel-devel` package with rpmbuild, and returns its content. `payload` is the value of
/// the macro `_binary_payload`, such as `w6.xzdio`.
pub fn rpmbuild(directory: &Path, release: &str, payload: &str) -> Vec<u8> {
    let uname = format!("4.18.0-{release}.x86_64");
    let headers = Headers::new(&uname).kernel_devel().symlink(
        format!("lib/modules/{uname}/build"),
        format!("/usr/src/kernels/{uname}"),
    );
    let tar = directory.join(format!("{release}.tar"));
    std::fs::write(&tar, headers.tar().unwrap()).unwrap();
    let spec = directory.join(format!("{release}.spec"));
    let text = format!(
        "Name: kernel-devel\nVersion: 4.18.0\nRelease: {release}\nSummary: Headers\nLicense: GPL\n\
         Provides: kernel-devel-uname-r = {uname}\n%description\nHeaders.\n\
         %install\ntar -xf {} -C %{{buildroot}}\n%files\n/usr/src/kernels\n/lib/modules\n",
        tar.display()
    );
    std::fs::write(&spec, text).unwrap();
    let made = clean_command("rpmbuild")
        .args([
            "-bb",
            "--quiet",
            "--nodeps",
            "--target",
            "x86_64-linux",
            "--define",
            &format!("_binary_payload {payload}"),
        ])
        .args([
            "--define",
            "debug_package %{nil}",
            "--define",
            "__os_install_post %{nil}",
        ])
        .args(["--define", &format!("_topdir {}", directory.display())])
        .arg(&spec)
        .env("HOME", directory)
        .output()
        .expect("rpmbuild, which scripts/setup installs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let file = directory.join(format!(
        "RPMS/x86_64/kernel-devel-4.18.0-{release}.x86_64.rpm"
    ));
    std::fs::read(file).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn kernel_devel_of_each_compression_becomes_a_tree_that_make_uses() {
    let program = Program::new().await;
    let home = program.home.path();
    let build = tempfile::tempdir().unwrap();
    let payloads = [
        ("1.el8", "w6.gzdio"),
        ("2.el8", "w2.xzdio"),
        ("3.el8", "w3.zstdio"),
    ];
    let repo = payloads
        .iter()
        .fold(FakeRpmRepo::new().signed(), |repo, (release, payload)| {
            repo.package(built(build.path(), release, payload))
        });
    let archive = home.join("archive");
    let keyring = repo.write(&archive).unwrap();
    let server = FileServer::start(&archive).await.unwrap();
    let fixture = alma8(program, server, archive, &keyring, "require");

    let fetched = fixture.program.json(&fixture.arguments(&[]));
    assert_eq!(
        field(&fetched, "version"),
        [
            "4.18.0-3.el8.x86_64",
            "4.18.0-2.el8.x86_64",
            "4.18.0-1.el8.x86_64"
        ]
    );
    assert_eq!(field(&fetched, "outcome"), ["fetched"; 3]);
    assert_eq!(
        fixture.fetched().await,
        "4.18.0-1.el8.x86_64 4.18.0-2.el8.x86_64 4.18.0-3.el8.x86_64"
    );
    for (release, _) in payloads {
        let uname = format!("4.18.0-{release}.x86_64");
        let tree = fixture.tree_of("alma8", &uname);
        assert_eq!(module_of(&tree), format!("{uname} SMP mod_unload "));
        assert!(
            tree.join(format!("lib/modules/{uname}/build/Makefile"))
                .exists(),
            "links lead into the tree"
        );
    }
    let manifest = std::fs::read(
        fixture
            .tree_of("alma8", "4.18.0-1.el8.x86_64")
            .join("manifest.json"),
    )
    .unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(
        manifest["packages"][0]["top_url"],
        format!("{}/repodata/repomd.xml", fixture.server.url())
    );
}
