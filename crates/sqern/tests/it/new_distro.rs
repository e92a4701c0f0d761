//! Distribution files: the guide docs/guides/sources.md is correct, and each distribution of
//! sp-variant has a built-in file.

use std::path::Path;

use serde_json::json;
use sqern_testkit::repo::{Deb, FakeRepo, deb};
use sqern_upstream::sources::{builtin, parse};

use crate::program::{Program, field};

const GUIDE: &str = include_str!("../../../../docs/guides/sources.md");

/// Returns the text of a section of the guide.
fn section(heading: &str) -> &'static str {
    let (_, rest) = GUIDE
        .split_once(&format!("\n## {heading}"))
        .unwrap_or_else(|| panic!("a section {heading}"));
    rest.split_once("\n## ")
        .map_or(rest, |(section, _)| section)
}

/// Returns the complete distribution file in the guide.
fn shown_file() -> &'static str {
    let (_, rest) = section("A new distribution")
        .split_once("```toml\n")
        .expect("a block of TOML");
    rest.split_once("```").expect("the block ends").0
}

/// Returns the headers package of a flavor, and the package that all flavors share.
fn kernel(version: &str) -> [Deb; 2] {
    let common = format!("linux-headers-{version}-common");
    [
        deb(&format!("linux-headers-{version}-server-amd64"))
            .version("1")
            .depends(&common),
        deb(&common).version("1").architecture("all"),
    ]
}

#[tokio::test]
async fn the_example_file_finds_kernels_of_a_new_distribution() {
    assert!(
        shown_file().lines().count() <= 25,
        "a distribution takes {} lines",
        shown_file().lines().count()
    );
    let program = Program::new().await;
    let home = program.home.path();
    let archive = home.join("mirror/archive.harbour.example/harbour");
    let suite = |name: &str, versions: &[&str]| {
        let packages = versions.iter().flat_map(|version| kernel(version));
        packages
            .fold(FakeRepo::new(name), FakeRepo::package)
            .write(&archive)
            .unwrap()
    };
    suite("breakwater", &["6.12.9-3"]);
    let meta = deb("linux-headers-server-amd64")
        .version("1")
        .depends("linux-headers-6.12.11-1-server-amd64");
    let updates = kernel("6.12.11-1").into_iter().fold(
        FakeRepo::new("breakwater-updates").package(meta),
        FakeRepo::package,
    );
    let keyring = updates.write(&archive).unwrap().keyring;

    let directory = home.join("sources");
    let (sources, mirror) = (
        directory.display().to_string(),
        format!("file://{}/mirror", home.display()),
    );
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("harbour1.toml"), shown_file()).unwrap();
    let imported = program.done(&["distro", "import", "--sources", &sources]);
    assert!(
        imported
            .stdout
            .contains("harbour1 (HARBOUR1), not supported"),
        "{imported:?}"
    );

    let check = [
        "check",
        "--distro",
        "harbour1",
        "--sources",
        &sources,
        "--mirror-base",
        &mirror,
    ];
    let unverified = program.run(&check);
    assert_eq!(
        unverified.status, 1,
        "an unverified source is rejected: {unverified:?}"
    );
    assert!(
        unverified
            .stderr
            .contains("/usr/share/keyrings/harbour-archive-keyring.gpg"),
        "{unverified:?}"
    );
    assert_eq!(program.value("SELECT count(*) FROM kver_seen").await, "0");

    install_keyring(&directory.join("harbour1.toml"), &keyring);
    let report = program.json(&check);
    assert_eq!(
        report["item"]["distros"][0]["new"],
        json!(["6.12.11-1-server-amd64", "6.12.9-3-server-amd64"])
    );
    for (index, name) in [(0, "breakwater"), (1, "breakwater-updates")] {
        let source = &report["item"]["sources"][index];
        assert_eq!(
            (&source["source"], &source["state"]),
            (&json!(name), &json!("complete"))
        );
    }
    assert_eq!(
        program
            .value("SELECT count(*) FROM kver_package WHERE role = 'support'")
            .await,
        "2",
        "the shared packages"
    );
    assert_eq!(
        field(
            &program.json(&["kver", "list", "--distro", "harbour1"]),
            "version"
        )
        .len(),
        2
    );
}

/// Replaces the keyring of a distribution file, because this machine has no keyring of Harbour
/// Linux.
fn install_keyring(file: &Path, keyring: &Path) {
    let text = std::fs::read_to_string(file).unwrap();
    let installed = text.replace(
        "/usr/share/keyrings/harbour-archive-keyring.gpg",
        &keyring.display().to_string(),
    );
    assert_ne!(installed, text, "the file contains a keyring");
    std::fs::write(file, installed).unwrap();
}

/// Returns the valid fields of a part of a distribution file. The error for an unknown field lists
/// them.
fn fields(part: &str) -> Vec<String> {
    let text = format!("name = \"x\"\nvariant = \"X\"\ntitle = \"X\"\n{part}unheard-of = 1\n");
    let error = parse("x.toml", &text)
        .expect_err("an unknown field")
        .to_string();
    let (_, expected) = error
        .split_once("expected one of ")
        .unwrap_or_else(|| panic!("a list of fields in: {error}"));
    expected
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_guide_describes_each_field_and_no_other() {
    for (heading, part) in [
        ("The file", ""),
        ("A rule", "[[rule]]\n"),
        ("A Debian-style archive", "[[source]]\nkind = \"apt\"\n"),
        ("An rpm-md repository", "[[source]]\nkind = \"rpm-md\"\n"),
    ] {
        let rows = section(heading)
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
        let mut described: Vec<&str> = rows.map(|(name, _)| name).collect();
        let mut known = fields(part);
        described.sort_unstable();
        known.sort_unstable();
        assert_eq!(described, known, "{heading}");
    }
}

#[test]
fn every_distribution_of_sp_variant_has_sources() {
    let known = builtin().expect("the built-in sources are valid");
    for variant in sp_variant::get_all_variants_in_order() {
        let alias = &variant.builder.alias;
        let def = known
            .get(&alias.parse().expect("a name"))
            .unwrap_or_else(|| panic!("{alias} has a file"));
        assert!(!def.sources.is_empty(), "{alias} has a source");
    }
}
