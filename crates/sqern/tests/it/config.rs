//! The configuration file.

use std::process::Output;

use serde_json::Value;
use sqern_testkit::server::open_tempdir;

use crate::program::program_at;

/// Runs the program without a database. `config` is the text of its configuration file.
fn run(config: Option<&str>, arguments: &[&str]) -> Output {
    let home = open_tempdir().unwrap();
    let mut command = program_at(home.path(), arguments);
    if let Some(text) = config {
        let path = home.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        command.env("SQERN_CONFIG", path);
    }
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn configured_distributions_do_not_select_the_distribution_of_apt_lists() {
    let arguments = ["check", "--apt-lists", "/nonexistent", "--dry-run"];
    let expected = run(None, &arguments);
    let configured = run(Some("distros = [\"debian12\", \"debian13\"]"), &arguments);
    assert_eq!(configured.status.code(), Some(1), "{configured:?}");
    assert_eq!(stderr(&configured), stderr(&expected));
}

#[test]
fn the_command_line_of_available_specifies_the_target() {
    let ran = run(
        Some("target = \"production\""),
        &["available", "add", "--built", "--revision", "1"],
    );
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    assert!(stderr(&ran).contains("--target"), "{ran:?}");
}

#[test]
fn an_invalid_file_is_an_error_in_the_requested_format() {
    let text = run(Some("targets = \"x\""), &["kver", "list"]);
    assert_eq!(text.status.code(), Some(1), "{text:?}");
    assert!(
        stderr(&text).starts_with("error: invalid configuration file /")
            && stderr(&text).contains("config.toml:1: unknown field `targets`"),
        "{text:?}"
    );
    let json = run(Some("targets = \"x\""), &["kver", "list", "--json"]);
    let error: Value = serde_json::from_slice(&json.stderr).unwrap();
    assert_eq!(error["schema"], "sqern.error/1");
}

#[test]
fn an_invalid_age_is_an_error_of_the_file() {
    for key in ["keep-crawls", "keep-logs"] {
        let ran = run(
            Some(&format!("store = \"/s\"\n{key} = \"200 years\"")),
            &["db", "prune"],
        );
        let expected =
            format!("config.toml:2: {key}: expected an age of at most 100 years such as");
        assert_eq!(ran.status.code(), Some(1), "{ran:?}");
        assert!(stderr(&ran).contains(&expected), "{ran:?}");
    }
}
