//! Failures of a private server, and their errors and hints.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Child;

use pg_local::{LocalError, LocalServer, State};

use super::{BINARIES_VARIABLE, Home, PROGRAM, SERVICE, clean_command, is_root, printed};

/// Kills the server, as a crash would.
fn kill(server: &LocalServer) {
    let pid = server
        .status()
        .expect("status")
        .pid
        .expect("running")
        .to_string();
    assert!(
        clean_command("kill")
            .args(["-KILL", &pid])
            .status()
            .expect("kill runs")
            .success()
    );
    while server.status().expect("status").pid.is_some() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// Returns the message and the hint.
fn report(error: &LocalError) -> String {
    format!(
        "{error}\nhint: {}",
        error.hint(&PROGRAM).unwrap_or_default()
    )
}

/// Starts a process of the user of the server that is not a server.
fn bystander(home: &Home) -> Child {
    let owner = fs::metadata(home.path("local/data")).expect("data");
    let mut sleep = clean_command("sleep");
    if is_root() {
        sleep.uid(owner.uid()).gid(owner.gid());
    }
    sleep.arg("600").spawn().expect("sleep runs")
}

#[test]
fn a_killed_server_restarts_with_its_data() {
    let home = Home::new();
    let server = home.server();
    server.up().expect("up");
    printed(&home.psql(SERVICE, "create table kept as select 1"));
    kill(&server);
    assert_eq!(server.status().expect("status").state, State::Stopped);
    assert!(server.up().expect("up after a kill").started);
    assert_eq!(
        printed(&home.psql(SERVICE, "select count(*) from kept")),
        "1"
    );
}

#[test]
fn a_server_starts_although_another_process_has_its_old_id() {
    let home = Home::new();
    let server = home.server();
    server.up().expect("up");
    kill(&server);
    let mut bystander = bystander(&home);
    for file in ["local/data/postmaster.pid", "local/run/.s.PGSQL.5432.lock"] {
        let text = fs::read_to_string(home.path(file)).expect("left behind");
        let rest = text.split_once('\n').expect("lines").1;
        fs::write(home.path(file), format!("{}\n{rest}", bystander.id())).expect("write");
    }
    assert_eq!(server.status().expect("status").state, State::Stopped);
    assert!(!server.down().expect("down").stopped);
    assert!(
        bystander.try_wait().expect("asks").is_none(),
        "the bystander was stopped"
    );
    assert!(server.up().expect("up").started);
    bystander
        .kill()
        .and_then(|()| bystander.wait())
        .expect("ends");
}

#[test]
fn the_files_of_a_killed_initdb_are_replaced() {
    let home = Home::new();
    fs::create_dir_all(home.path("local/data.new/base")).expect("dir");
    fs::write(home.path("local/.example-local"), "").expect("write");
    assert!(home.server().up().expect("up").created);
    assert!(!home.path("local/data.new").exists());
}

#[test]
fn up_and_destroy_reject_a_directory_with_other_content() {
    let home = Home::new();
    fs::create_dir(home.path("local")).expect("dir");
    fs::write(home.path("local/thesis.tex"), "years of work").expect("write");
    let server = home.server();
    for error in [
        server.up().expect_err("foreign"),
        server.destroy().expect_err("foreign"),
    ] {
        assert!(
            report(&error).contains("not created by example") && report(&error).contains("--dir"),
            "{error}"
        );
    }
    assert_eq!(fs::read_dir(home.path("local")).expect("dir").count(), 1);
}

#[test]
fn destroy_keeps_other_files() {
    let home = Home::new();
    let server = home.server();
    server.up().expect("up");
    fs::write(home.path("local/notes.txt"), "mine").expect("write");
    assert_eq!(
        server.destroy().expect("destroy").left,
        [home.path("local/notes.txt")]
    );
    assert!(home.path("local/notes.txt").exists() && !home.path("local/data").exists());
}

#[test]
fn the_error_of_a_busy_socket_names_the_process() {
    let home = Home::new();
    let server = home.server();
    server.up().expect("up");
    server.down().expect("down");
    let socket = server.endpoint().socket();
    let _other = UnixListener::bind(&socket).expect("listens");
    fs::write(socket.with_file_name(".s.PGSQL.5432.lock"), "4242\n").expect("write");
    let error = server.up().expect_err("busy");
    assert!(
        matches!(
            &error,
            LocalError::Busy {
                pid: Some(4242),
                ..
            }
        ),
        "{error}"
    );
    assert!(
        report(&error).contains("another server listens on") && report(&error).contains("lsof"),
        "{error}"
    );
    assert!(socket.exists(), "the other's socket was removed");
}

#[test]
fn data_of_a_missing_version_are_not_changed() {
    let home = Home::new();
    let server = home.server();
    server.up().expect("up");
    server.down().expect("down");
    fs::write(home.path("local/data/PG_VERSION"), "13\n").expect("write");
    let error = server.up().expect_err("other version");
    assert!(
        matches!(&error, LocalError::OtherVersion { expected: 13, .. }),
        "{error}"
    );
    assert!(
        report(&error).contains("nothing was changed") && report(&error).contains("pg_upgrade"),
        "{}",
        report(&error)
    );
    assert_eq!(
        fs::read_to_string(home.path("local/data/PG_VERSION")).expect("read"),
        "13\n"
    );
}

#[test]
fn the_error_of_missing_binaries_names_the_packages() {
    let mut home = Home::new();
    (home.env.path, home.env.pg_bin, home.env.pg_dirs) =
        (None, None, vec!["/nowhere/*/bin".into()]);
    let error = home.server().up().expect_err("no binaries");
    assert!(
        report(&error).contains("apt install postgresql"),
        "{}",
        report(&error)
    );
    home.env.pg_bin = Some(home.path("nowhere"));
    let error = home.server().up().expect_err("no such directory");
    assert!(
        report(&error).contains("postgres does not exist"),
        "{}",
        report(&error)
    );
}

/// Limits the file size of `program` to `kib` KiB, which simulates a full disk.
fn limited(home: &mut Home, program: &str, kib: u32) {
    let real = ["postgres", "initdb", "pg_ctl"].map(|name| (name, which(name)));
    let dir = home.path("bin");
    fs::create_dir(&dir).expect("dir");
    fs::set_permissions(&dir, Permissions::from_mode(0o755)).expect("mode");
    for (name, path) in real {
        let limit = if name == program {
            format!("ulimit -f {}\n", kib * 2)
        } else {
            String::new()
        };
        let script = dir.join(name);
        fs::write(
            &script,
            format!("#!/bin/sh\n{limit}exec '{}' \"$@\"\n", path.display()),
        )
        .expect("write");
        fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("mode");
    }
    home.env.pg_bin = Some(dir);
}

/// Returns the path of a server program.
fn which(name: &str) -> std::path::PathBuf {
    let script =
        "for dir in \"$PG_BIN\" $(echo \"$PATH\" | tr : ' ') $(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | sort -rV); do
        [ -n \"$dir\" ] && [ -x \"$dir/$0\" ] && exec readlink -f \"$dir/$0\"; done";
    let pg_bin = std::env::var_os(BINARIES_VARIABLE).map(|dir| ("PG_BIN", dir));
    let output = clean_command("sh")
        .args(["-c", script, name])
        .envs(pg_bin)
        .output()
        .expect("sh runs");
    Path::new(&printed(&output)).to_owned()
}

#[test]
fn a_full_disk_leaves_no_incomplete_data_directory() {
    let mut home = Home::new();
    let pg_bin = home.env.pg_bin.clone();
    limited(&mut home, "initdb", 200);
    let error = home.server().up().expect_err("full");
    assert!(
        matches!(&error, LocalError::Tool { tool: "initdb", .. }),
        "{error}"
    );
    assert!(
        report(&error).contains("File too large") && report(&error).contains("ulimit"),
        "{}",
        report(&error)
    );
    assert!(!home.path("local/data").exists() && !home.path("local/data.new").exists());
    home.env.pg_bin = pg_bin;
    assert!(home.server().up().expect("up with free disk space").created);
}

#[test]
fn the_error_of_a_failed_start_contains_the_log() {
    let mut home = Home::new();
    let pg_bin = home.env.pg_bin.clone();
    home.server().up().expect("up");
    home.server().down().expect("down");
    let error = home
        .server()
        .with_setting("shared_buffers", "nonsense")
        .up()
        .expect_err("bad setting");
    assert!(matches!(&error, LocalError::Start { .. }), "{error}");
    assert!(
        report(&error).contains("invalid value for parameter \"shared_buffers\""),
        "{}",
        report(&error)
    );
    limited(&mut home, "pg_ctl", 4);
    let error = home.server().up().expect_err("full");
    assert!(
        report(&error).contains("File too large") || report(&error).contains("did not start"),
        "{}",
        report(&error)
    );
    home.env.pg_bin = pg_bin;
    assert!(home.server().up().expect("up with free disk space").started);
}

#[test]
fn a_socket_directory_with_an_unsafe_mode_is_rejected() {
    let mut home = Home::new();
    home.env.short_dir = home.path("short");
    fs::create_dir(home.path("short")).expect("dir");
    let dir = home.path(&"long".repeat(30));
    let server = LocalServer::at(&dir, &home.env)
        .expect("a server")
        .throwaway();
    let socket_dir = server.endpoint().socket_dir;
    fs::create_dir(&socket_dir).expect("dir");
    fs::set_permissions(&socket_dir, Permissions::from_mode(0o777)).expect("mode");
    let error = server.up().expect_err("unsafe");
    assert!(
        matches!(&error, LocalError::UnsafeSocketDir { .. }),
        "{error}"
    );
    assert!(report(&error).contains("mode 0777"), "{}", report(&error));
}

#[test]
fn the_error_names_a_directory_that_the_server_cannot_search() {
    let mut home = Home::new();
    fs::create_dir(home.path("closed")).expect("dir");
    fs::set_permissions(home.path("closed"), Permissions::from_mode(0o700)).expect("mode");
    home.env.default_dir = home.path("closed/local");
    let result = home.server().up();
    if is_root() {
        let error = result.expect_err("closed");
        assert!(
            report(&error).contains(&format!("chmod o+x {}", home.path("closed").display())),
            "{}",
            report(&error)
        );
    } else {
        assert!(result.expect("an accessible directory").created);
        home.server().destroy().expect("destroy");
    }
}
