//! What goes wrong around a private server, and what it says.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Child;

use pg_local::{LocalError, LocalServer, SERVICE, State};
use sqern_testkit::clean_command;

use super::{Home, is_root, printed};

/// Kills the server as a crash does.
fn kill(server: &LocalServer) {
    let pid = server.status().expect("status").pid.expect("running").to_string();
    assert!(clean_command("kill").args(["-KILL", &pid]).status().expect("kill runs").success());
    while server.status().expect("status").pid.is_some() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// The message and the hint.
fn shown(error: &LocalError) -> String {
    format!("{error}\nhint: {}", error.hint().unwrap_or_default())
}

/// A process of the server's user that is no server.
fn bystander(home: &Home) -> Child {
    let owner = fs::metadata(home.path("local/data")).expect("data");
    let mut sleep = clean_command("sleep");
    if is_root() {
        sleep.uid(owner.uid()).gid(owner.gid());
    }
    sleep.arg("600").spawn().expect("sleep runs")
}

#[test]
fn a_killed_server_comes_up_again_with_its_data() {
    let home = Home::new();
    let server = home.server();
    server.up().expect("up");
    printed(&home.psql(SERVICE, "create table kept as select 1"));
    kill(&server);
    assert_eq!(server.status().expect("status").state, State::Stopped);
    assert!(server.up().expect("up after a kill").started);
    assert_eq!(printed(&home.psql(SERVICE, "select count(*) from kept")), "1");
}

#[test]
fn a_dead_servers_number_that_another_process_has_now_is_no_obstacle() {
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
    assert!(bystander.try_wait().expect("asks").is_none(), "the bystander was stopped");
    assert!(server.up().expect("up").started);
    bystander.kill().and_then(|()| bystander.wait()).expect("ends");
}

#[test]
fn what_a_killed_initdb_left_is_made_anew() {
    let home = Home::new();
    fs::create_dir_all(home.path("local/data.new/base")).expect("dir");
    fs::write(home.path("local/.sqern-local"), "").expect("write");
    assert!(home.server().up().expect("up").created);
    assert!(!home.path("local/data.new").exists());
}

#[test]
fn a_directory_of_someone_elses_is_refused_by_up_and_destroy() {
    let home = Home::new();
    fs::create_dir(home.path("local")).expect("dir");
    fs::write(home.path("local/thesis.tex"), "years of work").expect("write");
    let server = home.server();
    for error in [server.up().expect_err("foreign"), server.destroy().expect_err("foreign")] {
        assert!(shown(&error).contains("not created by sqern") && shown(&error).contains("--data-dir"), "{error}");
    }
    assert_eq!(fs::read_dir(home.path("local")).expect("dir").count(), 1);
}

#[test]
fn destroy_leaves_what_is_not_sqerns() {
    let home = Home::new();
    let server = home.server();
    server.up().expect("up");
    fs::write(home.path("local/notes.txt"), "mine").expect("write");
    assert_eq!(server.destroy().expect("destroy").left, [home.path("local/notes.txt")]);
    assert!(home.path("local/notes.txt").exists() && !home.path("local/data").exists());
}

#[test]
fn a_busy_socket_names_who_holds_it() {
    let home = Home::new();
    let server = home.server();
    server.up().expect("up");
    server.down().expect("down");
    let socket = server.endpoint().socket();
    let _other = UnixListener::bind(&socket).expect("listens");
    fs::write(socket.with_file_name(".s.PGSQL.5432.lock"), "4242\n").expect("write");
    let error = server.up().expect_err("busy");
    assert!(matches!(&error, LocalError::Busy { pid: Some(4242), .. }), "{error}");
    assert!(shown(&error).contains("another server listens on") && shown(&error).contains("lsof"), "{error}");
    assert!(socket.exists(), "the other's socket was removed");
}

#[test]
fn data_of_a_version_that_is_not_installed_is_left_alone() {
    let home = Home::new();
    let server = home.server();
    server.up().expect("up");
    server.down().expect("down");
    fs::write(home.path("local/data/PG_VERSION"), "13\n").expect("write");
    let error = server.up().expect_err("other version");
    assert!(matches!(&error, LocalError::OtherVersion { expected: 13, .. }), "{error}");
    assert!(shown(&error).contains("nothing was changed") && shown(&error).contains("pg_upgrade"), "{}", shown(&error));
    assert_eq!(fs::read_to_string(home.path("local/data/PG_VERSION")).expect("read"), "13\n");
}

#[test]
fn without_binaries_it_says_what_to_install() {
    let mut home = Home::new();
    (home.env.path, home.env.pg_bin, home.env.pg_folders) = (None, None, vec!["/nowhere/*/bin".into()]);
    let error = home.server().up().expect_err("no binaries");
    assert!(shown(&error).contains("apt install postgresql"), "{}", shown(&error));
    home.env.pg_bin = Some(home.path("nowhere"));
    let error = home.server().up().expect_err("no such folder");
    assert!(shown(&error).contains("postgres does not exist"), "{}", shown(&error));
}

/// A folder of binaries in which `program` is run under a limit on the size of files, as on a disk that is full.
fn limited(home: &mut Home, program: &str, kib: u32) {
    let real = ["postgres", "initdb", "pg_ctl"].map(|name| (name, which(name)));
    let folder = home.path("bin");
    fs::create_dir(&folder).expect("dir");
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).expect("mode");
    for (name, path) in real {
        let limit = if name == program { format!("ulimit -f {}\n", kib * 2) } else { String::new() };
        let script = folder.join(name);
        fs::write(&script, format!("#!/bin/sh\n{limit}exec '{}' \"$@\"\n", path.display())).expect("write");
        fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("mode");
    }
    home.env.pg_bin = Some(folder);
}

/// Where a server program really is.
fn which(name: &str) -> std::path::PathBuf {
    let script =
        "for dir in \"$SQERN_PG_BIN\" $(echo \"$PATH\" | tr : ' ') $(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | sort -rV); do
        [ -n \"$dir\" ] && [ -x \"$dir/$0\" ] && exec readlink -f \"$dir/$0\"; done";
    let pg_bin = std::env::var_os("SQERN_PG_BIN").map(|folder| ("SQERN_PG_BIN", folder));
    let output = clean_command("sh").args(["-c", script, name]).envs(pg_bin).output().expect("sh runs");
    Path::new(&printed(&output)).to_owned()
}

#[test]
fn a_full_disk_while_making_leaves_nothing_half_made() {
    let mut home = Home::new();
    let pg_bin = home.env.pg_bin.clone();
    limited(&mut home, "initdb", 200);
    let error = home.server().up().expect_err("full");
    assert!(matches!(&error, LocalError::Tool { tool: "initdb", .. }), "{error}");
    assert!(shown(&error).contains("File too large") && shown(&error).contains("ulimit"), "{}", shown(&error));
    assert!(!home.path("local/data").exists() && !home.path("local/data.new").exists());
    home.env.pg_bin = pg_bin;
    assert!(home.server().up().expect("up when there is room").created);
}

#[test]
fn a_failing_start_shows_the_servers_own_words() {
    let mut home = Home::new();
    let pg_bin = home.env.pg_bin.clone();
    home.server().up().expect("up");
    home.server().down().expect("down");
    let error = home.server().with_setting("shared_buffers", "nonsense").up().expect_err("bad setting");
    assert!(matches!(&error, LocalError::Start { .. }), "{error}");
    assert!(shown(&error).contains("invalid value for parameter \"shared_buffers\""), "{}", shown(&error));
    limited(&mut home, "pg_ctl", 4);
    let error = home.server().up().expect_err("full");
    assert!(shown(&error).contains("File too large") || shown(&error).contains("did not start"), "{}", shown(&error));
    home.env.pg_bin = pg_bin;
    assert!(home.server().up().expect("up when there is room").started);
}

#[test]
fn a_socket_directory_of_someone_elses_is_not_used() {
    let mut home = Home::new();
    home.env.short_dir = home.path("short");
    fs::create_dir(home.path("short")).expect("dir");
    let dir = home.path(&"long".repeat(30));
    let server = LocalServer::at(&dir, &home.env).expect("a server").throwaway();
    let socket_dir = server.endpoint().socket_dir;
    fs::create_dir(&socket_dir).expect("dir");
    fs::set_permissions(&socket_dir, Permissions::from_mode(0o777)).expect("mode");
    let error = server.up().expect_err("unsafe");
    assert!(matches!(&error, LocalError::UnsafeSocketDir { .. }), "{error}");
    assert!(shown(&error).contains("mode 0777"), "{}", shown(&error));
}

#[test]
fn a_directory_that_the_servers_user_can_not_enter_is_named() {
    let mut home = Home::new();
    fs::create_dir(home.path("closed")).expect("dir");
    fs::set_permissions(home.path("closed"), Permissions::from_mode(0o700)).expect("mode");
    home.env.default_dir = home.path("closed/local");
    let result = home.server().up();
    if is_root() {
        let error = result.expect_err("closed");
        assert!(shown(&error).contains(&format!("chmod o+x {}", home.path("closed").display())), "{}", shown(&error));
    } else {
        assert!(result.expect("one's own directory").created);
        home.server().destroy().expect("destroy");
    }
}
