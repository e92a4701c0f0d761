//! `sqern local`: the commands for a private server, from its creation to its removal.

use std::path::Path;
use std::process::{Command, Output};

use sqern_testkit::server::open_tempdir;

use crate::json_schemas::require_valid;
use crate::program::{environment_at, program_at};

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn a_private_server_is_started_used_stopped_and_removed() {
    let home = open_tempdir().unwrap();
    let service_file = home.path().join("services");
    let data_dir = home.path().join("server");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        environment_at(&mut command, home.path()).env("PGSERVICEFILE", &service_file);
        let output = command
            .env("PATH", "/usr/bin:/bin:/usr/local/bin")
            .args(arguments)
            .output()
            .unwrap();
        require_valid(&String::from_utf8_lossy(&output.stdout));
        output
    };
    let local = |verb: &str, more: &[&str]| {
        let option = format!("--data-dir={}", data_dir.display());
        run(
            env!("CARGO_BIN_EXE_sqern"),
            &[&["local", verb, &option], more].concat(),
        )
    };

    assert_eq!(
        local("status", &[]).status.code(),
        Some(1),
        "the server does not exist yet"
    );
    let up = local("up", &["--json"]);
    assert!(up.status.success(), "{}", text(&up));
    let up: serde_json::Value = serde_json::from_slice(&up.stdout).unwrap();
    assert_eq!(up["schema"], "sqern.local.up/1");
    let service = up["item"]["service"].as_str().unwrap().to_owned();
    assert!(
        local("up", &[]).status.success(),
        "a second up finds it running"
    );
    assert!(local("status", &["--json"]).status.success());

    let psql = run(
        "psql",
        &[
            &format!("service={service}"),
            "-XAtc",
            "SELECT current_user, current_database()",
        ],
    );
    assert_eq!(text(&psql).trim(), "sqern|sqern");
    let local_psql = local("psql", &["--", "-XAtc", "SELECT 1 + 1"]);
    assert_eq!(text(&local_psql).trim(), "2");
    let substituted = run(
        "sh",
        &[
            "-c",
            "exec 9<<EOF\nSELECT 2 + 3\nEOF\nexec \"$0\" local psql --data-dir \"$1\" -- -XAtf /dev/fd/9",
            env!("CARGO_BIN_EXE_sqern"),
            &data_dir.display().to_string(),
        ],
    );
    assert_eq!(text(&substituted).trim(), "5");
    assert!(local("dsn", &["--json"]).status.success());
    let dsn = String::from_utf8(local("dsn", &[]).stdout).unwrap();
    let by_dsn = run(
        env!("CARGO_BIN_EXE_sqern"),
        &["db", "migrate", "--dsn", dsn.trim()],
    );
    assert!(by_dsn.status.success(), "{}", text(&by_dsn));
    let by_service = run(
        env!("CARGO_BIN_EXE_sqern"),
        &["db", "status", "--service", &service],
    );
    assert!(by_service.status.success(), "{}", text(&by_service));

    assert!(local("down", &["--json"]).status.success());
    assert_eq!(local("status", &[]).status.code(), Some(1));
    let unconfirmed = local("destroy", &[]);
    assert_eq!(
        unconfirmed.status.code(),
        Some(1),
        "there is no terminal for the confirmation"
    );
    assert!(
        text(&unconfirmed).contains("--yes") && data_dir.is_dir(),
        "{}",
        text(&unconfirmed)
    );
    let destroyed = local("destroy", &["--yes", "--json"]);
    assert!(destroyed.status.success(), "{}", text(&destroyed));
    assert!(!data_dir.exists());
    assert!(
        !std::fs::read_to_string(&service_file)
            .unwrap_or_default()
            .contains(&service),
        "its service record is removed"
    );
}

/// Runs the program with a private server in `data_dir`.
fn run_with_data_dir(home: &Path, data_dir: &Path, arguments: &[&str]) -> Output {
    program_at(home, arguments)
        .env("SQERN_DATA_DIR", data_dir)
        .output()
        .unwrap()
}

#[test]
fn a_private_server_in_sqern_data_dir_is_found_without_options() {
    let home = open_tempdir().unwrap();
    let data_dir = home.path().join("server");
    let run = |arguments: &[&str]| run_with_data_dir(home.path(), &data_dir, arguments);

    let absent = run(&["db", "status"]);
    assert_eq!(absent.status.code(), Some(1), "{}", text(&absent));
    assert!(
        text(&absent).contains("the private server is not running"),
        "{}",
        text(&absent)
    );

    let up = run(&["local", "up", "--json"]);
    assert!(up.status.success(), "{}", text(&up));
    let up: serde_json::Value = serde_json::from_slice(&up.stdout).unwrap();
    assert_eq!(up["item"]["dir"], data_dir.to_str().unwrap());
    let service = up["item"]["service"].as_str().unwrap();
    assert!(
        service.starts_with("sqern-local-"),
        "the record of the default directory is not replaced: {service}"
    );
    for arguments in [
        &["db", "migrate"][..],
        &["db", "status"],
        &["kver", "list"],
        &["local", "status"],
    ] {
        let output = run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    }

    let unsuffixed = run(&["kver", "list", "--service", "sqern-local"]);
    assert_eq!(unsuffixed.status.code(), Some(1), "{}", text(&unsuffixed));
    assert!(
        text(&unsuffixed).contains(&format!("hint: Did you mean --service {service}?")),
        "the hint names the existing service: {}",
        text(&unsuffixed)
    );

    let elsewhere = program_at(home.path(), &["db", "status"]).output().unwrap();
    assert_eq!(
        elsewhere.status.code(),
        Some(1),
        "another directory has no server: {}",
        text(&elsewhere)
    );
    let other = home.path().join("other").display().to_string();
    let named = run(&["local", "status", "--data-dir", &other]);
    assert_eq!(
        named.status.code(),
        Some(1),
        "--data-dir takes precedence: {}",
        text(&named)
    );
    assert!(run(&["local", "destroy", "--yes"]).status.success());
    assert!(!data_dir.exists());
}
