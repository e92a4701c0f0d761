//! `sqern source`: lists, shows and tests sources.

use serde_json::json;
use sqern_testkit::repo::RepoFault;

use crate::check::{sources, suite};
use crate::program::{Program, Ran, field, program_at};

/// Runs the program without a database.
fn without_database(program: &Program, arguments: &[&str]) -> Ran {
    Ran::from(
        program
            .bare_command(arguments)
            .output()
            .expect("the program runs"),
    )
}

#[tokio::test]
async fn a_distro_file_is_tested_without_a_database_and_nothing_is_recorded() {
    let program = Program::new().await;
    let home = program.home.path();
    let main = suite("bookworm", &["6.1.0-1", "6.1.0-2"])
        .write(&home.join("main"))
        .unwrap();
    let updates = suite("bookworm-updates", &["6.1.0-3"])
        .write(&home.join("updates"))
        .unwrap();
    sources(
        home,
        &[(&main, &main.file_url()), (&updates, &updates.file_url())],
    );
    let file = home.join("debian12.toml").display().to_string();

    let tested = without_database(&program, &["source", "test", &file, "--kernels"]);
    assert_eq!(tested.status, 0, "{tested:?}");
    assert!(
        tested
            .stdout
            .ends_with("\n6.1.0-3-amd64\n6.1.0-2-amd64\n6.1.0-1-amd64\n"),
        "{tested:?}"
    );

    let selected = without_database(
        &program,
        &[
            "source",
            "test",
            &file,
            "--source",
            "bookworm-updates",
            "--json",
        ],
    );
    let again = without_database(
        &program,
        &[
            "source",
            "test",
            &file,
            "--source",
            "bookworm-updates",
            "--json",
        ],
    );
    assert_eq!(selected.stdout, again.stdout, "the output is deterministic");
    let selected: serde_json::Value = serde_json::from_str(&selected.stdout).unwrap();
    assert_eq!(field(&selected, "source"), ["bookworm-updates"]);
    assert_eq!(selected["items"][0]["kernels"], json!(["6.1.0-3-amd64"]));
    assert_eq!(program.value("SELECT count(*) FROM crawl").await, "0");
}

#[tokio::test]
async fn source_test_fails_for_an_unverified_source() {
    let program = Program::new().await;
    let home = program.home.path();
    let bad = suite("bookworm", &["6.1.0-1"])
        .fault(RepoFault::AlteredIndex)
        .write(&home.join("bad"))
        .unwrap();
    sources(home, &[(&bad, &bad.file_url())]);
    let directory = home.display().to_string();
    let tested = without_database(
        &program,
        &["source", "test", "debian12", "--sources", &directory],
    );
    assert_eq!(tested.status, 1, "{tested:?}");
    assert!(
        tested.stderr.contains("bookworm failed: expected"),
        "{tested:?}"
    );
    let arguments = [
        "source",
        "test",
        "debian12",
        "--sources",
        &directory,
        "--json",
    ];
    let tested = without_database(&program, &arguments);
    assert!(tested.stdout.contains("sqern.source.test/1"), "{tested:?}");

    let unknown = without_database(
        &program,
        &[
            "source",
            "test",
            "debian12",
            "--sources",
            &directory,
            "--source",
            "sid",
        ],
    );
    assert_eq!(unknown.status, 2, "{unknown:?}");
    assert!(
        unknown
            .stderr
            .contains("unknown source \"sid\" of debian12; its sources are bookworm"),
        "{unknown:?}"
    );
    let missing = without_database(&program, &["source", "test", "./none.toml"]);
    assert_eq!(missing.status, 1, "{missing:?}");
    assert!(
        missing
            .stderr
            .contains("could not read source file ./none.toml: No such file"),
        "{missing:?}"
    );
}

#[tokio::test]
async fn source_list_works_with_and_without_a_database() {
    let program = Program::new().await;
    let home = program.home.path();
    let main = suite("bookworm", &["6.1.0-1"])
        .write(&home.join("main"))
        .unwrap();
    sources(home, &[(&main, &main.file_url())]);
    let directory = home.display().to_string();
    let list = [
        "source",
        "list",
        "--sources",
        &directory,
        "--distro",
        "debian12",
    ];
    let bare = without_database(&program, &list);
    assert_eq!(
        (bare.status, bare.stdout.contains("bookworm")),
        (0, true),
        "{bare:?}"
    );
    assert!(
        bare.stderr
            .contains("results of the last check are omitted"),
        "{bare:?}"
    );

    program.done(&["check", "--sources", &directory]);
    let listed = program.json(&list);
    assert_eq!(
        (field(&listed, "source"), field(&listed, "state")),
        (vec!["bookworm".to_owned()], vec!["complete".to_owned()])
    );
    assert_eq!(listed["items"][0]["kernels"], json!(1));
    assert!(
        program.json(&["source", "list"])["items"]
            .as_array()
            .is_some_and(|all| all.len() > 100),
        "the built-in ones"
    );
}

#[tokio::test]
async fn a_copy_of_a_shown_distribution_file_is_an_override() {
    let program = Program::new().await;
    let text = without_database(&program, &["source", "show", "alma9", "--toml"]);
    assert_eq!(text.status, 0, "{text:?}");
    std::fs::write(
        program.home.path().join("alma9.toml"),
        text.stdout.replace("AlmaLinux 9\"", "Ours\""),
    )
    .unwrap();
    let directory = program.home.path().display().to_string();
    let shown = without_database(
        &program,
        &["source", "show", "alma9", "--sources", &directory],
    );
    assert!(
        shown.stdout.starts_with("alma9, ALMA9: Ours\nfrom /"),
        "{shown:?}"
    );
    assert!(
        shown
            .stdout
            .contains("uname-provides     kernel-devel-uname-r"),
        "{shown:?}"
    );
}

#[tokio::test]
async fn optional_sources_without_credentials_are_skipped() {
    let program = Program::new().await;
    let home = program.home.path();
    let main = suite("bookworm", &["6.1.0-1"])
        .write(&home.join("main"))
        .unwrap();
    let closed = suite("bookworm-esm", &["6.1.0-2"])
        .write(&home.join("closed"))
        .unwrap();
    sources(
        home,
        &[(&main, &main.file_url()), (&closed, &closed.file_url())],
    );
    let file = home.join("debian12.toml");
    let text = std::fs::read_to_string(&file).unwrap()
        + "credentials = \"/nonexistent/auth.conf\"\noptional = true\n";
    std::fs::write(&file, text).unwrap();
    let directory = home.display().to_string();
    let checked = program.done(&["check", "--sources", &directory]);
    assert!(
        checked.stderr.contains(
            "debian12: skipped source bookworm-esm: /nonexistent/auth.conf does not exist"
        ),
        "{checked:?}"
    );
    assert_eq!(
        program
            .value("SELECT string_agg(source, ' ') FROM crawl")
            .await,
        "bookworm"
    );
    let listed = program.json(&[
        "source",
        "list",
        "--sources",
        &directory,
        "--distro",
        "debian12",
    ]);
    assert_eq!(field(&listed, "lacks"), ["null", "/nonexistent/auth.conf"]);
}

#[test]
fn sources_in_sqern_sources_dir_replace_the_administrators() {
    let home = tempfile::tempdir().unwrap();
    let sources = home.path().join("sources");
    let run = |arguments: &[&str]| {
        Ran::from(
            program_at(home.path(), arguments)
                .env("SQERN_SOURCES_DIR", &sources)
                .output()
                .expect("the program runs"),
        )
    };
    let missing = run(&["source", "list"]);
    assert!(
        missing.status == 1 && missing.stderr.contains(sources.to_str().unwrap()),
        "{missing:?}"
    );
    std::fs::create_dir(&sources).unwrap();
    let built_in = run(&["source", "show", "alma9", "--toml"]);
    assert_eq!(built_in.status, 0, "{built_in:?}");
    std::fs::write(
        sources.join("alma9.toml"),
        built_in.stdout.replace("AlmaLinux 9\"", "Ours\""),
    )
    .unwrap();
    let shown = run(&["source", "show", "alma9"]);
    assert!(
        shown.stdout.starts_with("alma9, ALMA9: Ours\n"),
        "{shown:?}"
    );
}

#[tokio::test]
async fn keyrings_are_imported_downloaded_and_listed_without_a_database() {
    use sqern_testkit::repo::SigningKey;
    let program = Program::new().await;
    let home = program.home.path();
    let key = SigningKey::generate().unwrap();
    let keyring = home.join("keyrings/here.gpg").display().to_string();
    let text = format!(
        "name = \"here\"\nvariant = \"HERE\"\ntitle = \"Here\"\n[[source]]\nkind = \"apt\"\nname = \"main\"\nbase = [\"https://h.test\"]\n\
         suite = \"s\"\ncomponents = [\"main\"]\narchitectures = [\"amd64\"]\nkeyring = [{keyring:?}]\nkeys = [{:?}]\n\
         key-urls = [\"https://h.test/key.asc\"]\n",
        key.fingerprint()
    );
    let distros = home.join("distros");
    std::fs::create_dir_all(&distros).unwrap();
    std::fs::write(distros.join("here.toml"), text).unwrap();
    let directory = distros.display().to_string();
    let run = |arguments: &[&str]| {
        let common = ["--sources", &directory, "--distro", "here"];
        without_database(&program, &[arguments, &common].concat())
    };
    let state = || {
        let listed = run(&["keyring", "list", "--json"]);
        let listed: serde_json::Value = serde_json::from_str(&listed.stdout).unwrap();
        field(&listed, "state").join(" ")
    };
    assert_eq!(state(), "missing");
    let served = home.join("mirror/h.test/key.asc");
    std::fs::create_dir_all(served.parent().unwrap()).unwrap();
    let mirror = format!("file://{}", home.join("mirror").display());
    let fetch = ["keyring", "fetch", "--mirror-base", &mirror];
    std::fs::write(&served, SigningKey::generate().unwrap().keyring().unwrap()).unwrap();
    let refused = run(&fetch);
    assert_eq!(refused.status, 1);
    assert!(
        refused
            .stderr
            .contains("contains no key that a selected source accepts"),
        "{refused:?}"
    );
    std::fs::write(&served, key.armored_keyring().unwrap()).unwrap();
    let fetched = run(&fetch);
    assert_eq!(fetched.status, 0, "{fetched:?}");
    assert_eq!(state(), "present");
    let file = served.display().to_string();
    let again = run(&["keyring", "import", &file, "--json"]);
    let again: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(field(&again, "change"), ["unchanged"]);
    let invalid = run(&["keyring", "import", &file, "--fingerprint", "1234"]);
    assert_eq!(invalid.status, 2, "{invalid:?}");
}
