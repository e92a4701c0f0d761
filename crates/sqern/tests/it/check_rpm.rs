//! `sqern check` of rpm-md repositories.

use sqern_testkit::repo::{EL_RULE, FakeRpmRepo, rpm, rpm_distro_toml};

use crate::program::{Program, field};

/// Returns a repository with the headers of `5.14.0-RELEASE.x86_64`.
fn repo(releases: &[&str]) -> FakeRpmRepo {
    let devel = |release: &&str| {
        rpm("kernel-devel", "5.14.0", release)
            .provides("kernel-devel-uname-r", &format!("5.14.0-{release}.x86_64"))
    };
    releases
        .iter()
        .map(devel)
        .fold(FakeRpmRepo::new(), FakeRpmRepo::package)
}

#[tokio::test]
async fn rpm_kernels_are_recorded_once() {
    let program = Program::new().await;
    let home = program.home.path();
    let sha512 = rpm("kernel-devel", "5.14.0", "9.el9_1").checksum("sha512", &"a".repeat(128));
    repo(&["70.el9_0"]).write(&home.join("9.0")).unwrap();
    repo(&["70.el9_0", "162.el9_1"])
        .package(sha512)
        .write(&home.join("9.1"))
        .unwrap();
    let lines = |minor: &str| {
        format!(
            "base = [\"file://{}/{minor}\"]\nsignature = \"off\"",
            home.display()
        )
    };
    let text = rpm_distro_toml(
        "alma9",
        EL_RULE,
        &[("9.0", &lines("9.0")), ("9.1", &lines("9.1"))],
    );
    std::fs::write(home.join("alma9.toml"), text).unwrap();
    program.done(&["distro", "add", "alma9", "ALMA9"]);
    let check = [
        "check",
        "--distro",
        "alma9",
        "--sources",
        home.to_str().unwrap(),
    ];

    let found = program.done(&check);
    assert!(
        found.stdout.contains("3 new kernels in alma9:"),
        "{found:?}"
    );
    assert!(
        found.stderr.contains("NOT VERIFIED"),
        "an unsigned source is reported: {found:?}"
    );
    assert_eq!(
        field(
            &program.json(&["kver", "list", "--distro", "alma9"]),
            "version"
        ),
        [
            "5.14.0-162.el9_1.x86_64",
            "5.14.0-70.el9_0.x86_64",
            "5.14.0-9.el9_1.x86_64"
        ]
    );
    assert_eq!(
        program
            .value("SELECT count(*) FROM kver_package WHERE checksum LIKE 'sha512:%'")
            .await,
        "1"
    );

    let again = program.done(&check);
    assert!(again.stderr.contains("no changes"), "{again:?}");
    assert_eq!(
        program
            .value("SELECT string_agg(state, ' ' ORDER BY id) FROM crawl")
            .await,
        "complete complete unchanged unchanged"
    );
}
