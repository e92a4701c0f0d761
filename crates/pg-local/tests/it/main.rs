//! The life of a private server, from its creation to its removal.

mod trouble;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pg_local::{Destroyed, LocalEnv, LocalServer, OsUser, Program, State};
use tempfile::TempDir;

const SERVICE: &str = "example-local";

const PROGRAM: Program = Program {
    name: "example",
    role: "admin",
    database: "app",
    service: SERVICE,
    up_command: "example up",
    status_command: "example status",
    destroy_command: "example destroy",
    directory_option: "--dir",
    binaries_variable: "EXAMPLE_PG_BIN",
};

/// The variable that selects the server binaries of the tests.
const BINARIES_VARIABLE: &str = "SQERN_PG_BIN";

/// A temporary directory with a service file and a default directory `local`.
struct Home {
    dir: TempDir,
    env: LocalEnv,
}

impl Home {
    fn new() -> Self {
        let dir = open_tempdir();
        let user = OsUser::current().expect("a user with a name");
        let mut env = LocalEnv::new(PROGRAM, user, dir.path().join("local"));
        env.pg_bin = std::env::var_os(BINARIES_VARIABLE).map(PathBuf::from);
        env.path = std::env::var_os("PATH");
        env.service_file = Some(dir.path().join("services"));
        Self { dir, env }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Returns the server in the default directory, without durability.
    fn server(&self) -> LocalServer {
        self.durable_server().throwaway()
    }

    fn durable_server(&self) -> LocalServer {
        LocalServer::at(&self.env.default_dir, &self.env).expect("a server")
    }

    fn services(&self) -> String {
        fs::read_to_string(self.path("services")).unwrap_or_default()
    }

    /// Runs the `psql` of the system on a service of this home.
    fn psql(&self, service: &str, sql: &str) -> Output {
        let mut psql = clean_command("psql");
        // The service record must win over a port of the environment.
        psql.env("PGSERVICEFILE", self.path("services"))
            .env("PGPORT", "1");
        psql.args(["-XAtc", sql, &format!("service={service}")])
            .output()
            .expect("psql runs")
    }
}

impl Drop for Home {
    /// Removes the servers that the test did not remove.
    fn drop(&mut self) {
        let entries = fs::read_dir(self.dir.path())
            .into_iter()
            .flatten()
            .flatten();
        for dir in entries
            .map(|entry| entry.path())
            .filter(|path| path.join(".example-local").exists())
        {
            _ = LocalServer::at(&dir, &self.env).map(|server| server.destroy());
        }
    }
}

fn printed(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Returns a command without the variables of the user who runs the tests, except `PATH`.
fn clean_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC");
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

/// Returns a directory that the user of the server can search, also if root runs the tests, and
/// with any umask.
fn open_tempdir() -> TempDir {
    let dir = tempfile::Builder::new()
        .prefix("pg-local-test-")
        .tempdir()
        .expect("a directory");
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("mode");
    dir
}

fn is_root() -> bool {
    OsUser::current().is_some_and(|user| user.is_root())
}

#[test]
fn a_server_lives_from_up_to_destroy() {
    let home = Home::new();
    fs::write(home.path("services"), "# mine\n[prod]\nhost=db1\n").expect("write");
    let server = home.durable_server();
    assert_eq!(server.status().expect("status").state, State::Absent);
    let up = server.up().expect("up");
    assert_eq!(
        (up.created, up.started, up.service.as_deref()),
        (true, true, Some(SERVICE))
    );
    let again = server.up().expect("up again");
    assert_eq!(
        (again.created, again.started, &again.endpoint),
        (false, false, &up.endpoint)
    );
    let status = server.status().expect("status");
    assert_eq!((status.state, status.version), (State::Running, up.version));
    assert!(status.pid.is_some() && status.size_bytes > 1 << 20);
    assert!(server.down().expect("down").stopped);
    assert!(!server.down().expect("down again").stopped);
    assert_eq!(server.status().expect("status").state, State::Stopped);
    let restarted = server.up().expect("up after down");
    assert_eq!((restarted.created, restarted.started), (false, true));
    let destroyed = server.destroy().expect("destroy");
    assert_eq!(
        destroyed,
        Destroyed {
            dir: home.path("local"),
            existed: true,
            left: vec![]
        }
    );
    assert!(!home.path("local").exists());
    assert_eq!(home.services(), "# mine\n[prod]\nhost=db1\n");
    assert!(!server.destroy().expect("destroy again").existed);
}

#[test]
fn settings_are_private_durable_and_equal_on_all_systems() {
    let home = Home::new();
    home.durable_server().up().expect("up");
    let cases = [
        ("listen_addresses", ""),
        ("fsync", "on"),
        ("data_checksums", "on"),
        ("timezone", "UTC"),
        ("server_encoding", "UTF8"),
        ("is_superuser", "on"),
    ];
    for (name, expected) in cases {
        assert_eq!(
            printed(&home.psql(SERVICE, &format!("select current_setting('{name}')"))),
            expected,
            "{name}"
        );
    }
    assert_eq!(
        printed(&home.psql(SERVICE, "select current_user || ' ' || current_database()")),
        "admin app"
    );
    assert_eq!(
        printed(&home.psql(SERVICE, "select 'Z' < 'a'")),
        "t",
        "names are sorted by code point"
    );
    let run = fs::metadata(home.path("local/run")).expect("socket directory");
    assert_eq!(run.mode() & 0o777, 0o700);
}

#[test]
fn psql_finds_the_server_by_service_and_by_variables() {
    let home = Home::new();
    let server = home.server();
    server.up().expect("up");
    printed(&home.psql(SERVICE, "create table seen as select 'by service' as text"));
    let mut psql = server.client_program("psql").expect("psql");
    assert_eq!(
        printed(
            &psql
                .args(["-XAtc", "select text from seen"])
                .output()
                .expect("psql runs")
        ),
        "by service"
    );
    let mut psql = clean_command("psql");
    psql.args([
        "-XAtc",
        "select text from seen",
        &server.dsn().expect("dsn"),
    ]);
    assert_eq!(printed(&psql.output().expect("psql runs")), "by service");
}

#[test]
fn concurrent_calls_of_up_create_one_server() {
    let home = Home::new();
    let server = home.server();
    let ups: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| server.up().expect("up")))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("joins"))
            .collect()
    });
    assert_eq!(ups.iter().filter(|up| up.created).count(), 1);
    assert_eq!(ups.iter().filter(|up| up.started).count(), 1);
    assert_eq!(home.services().matches("[example-local]").count(), 1);
}

#[test]
fn a_server_in_another_directory_has_a_separate_record() {
    let home = Home::new();
    home.server().up().expect("up");
    let other = LocalServer::at(&home.path("other"), &home.env)
        .expect("a server")
        .throwaway();
    let up = other.up().expect("up");
    let name = up.service.expect("a record");
    assert!(
        name.starts_with("example-local-") && name.len() == SERVICE.len() + 9,
        "{name}"
    );
    let data = printed(&home.psql(&name, "show data_directory"));
    assert_eq!(Path::new(&data), home.path("other/data"));
    other.destroy().expect("destroy");
    assert!(!home.services().contains(&name) && home.services().contains("[example-local]\n"));
}

#[test]
fn a_long_path_gets_a_short_socket_directory() {
    let home = Home::new();
    let dir = home.path(&"long".repeat(30));
    let server = LocalServer::at(&dir, &home.env)
        .expect("a server")
        .throwaway();
    let up = server.up().expect("up");
    assert!(
        up.endpoint.socket_dir.starts_with("/tmp") && up.endpoint.socket().exists(),
        "{:?}",
        up.endpoint
    );
    assert_eq!(printed(&home.psql(&server.service(), "select 1")), "1");
    server.destroy().expect("destroy");
    assert!(!up.endpoint.socket_dir.exists());
}

/// As root, repeats tests as an unprivileged user, so that they do not depend on the permissions of
/// root.
#[test]
fn an_unprivileged_user_can_create_a_server() {
    if !is_root() {
        // The other tests already run as an unprivileged user.
        return;
    }
    let nobody = OsUser::from_name("nobody").expect("the user nobody");
    let dir = open_tempdir();
    let program = dir.path().join("it");
    fs::copy(std::env::current_exe().expect("a program"), &program).expect("copy");
    let mut command = clean_command(&program);
    command
        .uid(nobody.uid)
        .gid(nobody.gid)
        .current_dir("/")
        .envs(std::env::var_os(BINARIES_VARIABLE).map(|dir| (BINARIES_VARIABLE, dir)));
    command.args(["--exact", "a_server_lives_from_up_to_destroy"]);
    command.arg("psql_finds_the_server_by_service_and_by_variables");
    let output = command.output().expect("runs");
    assert!(
        printed(&output).contains("2 passed"),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
#[cfg(target_os = "linux")]
fn the_server_does_not_inherit_the_environment() {
    // cargo sets this variable in the environment of tests.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let home = Home::new();
    let server = home.server();
    server.up().expect("up");
    let pid = server.status().expect("status").pid.expect("a process");
    let environment = fs::read(format!("/proc/{pid}/environ")).expect("the environment");
    let environment = String::from_utf8_lossy(&environment).into_owned();
    let mut names: Vec<&str> = environment
        .split('\0')
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .collect();
    // pg_ctl and the shell that starts the server add their own variables.
    names.retain(|name| !name.starts_with("PG") && !name.starts_with("LC_"));
    names.sort_unstable();
    assert_eq!(names, ["PATH", "PWD", "TZ"]);
}
