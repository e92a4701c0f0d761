//! The private server: making, starting, finding, stopping, removing.

mod trouble;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use pg_connect::{ConnectEnv, ConnectRequest, connect};
use pg_local::{Destroyed, LocalEnv, LocalServer, OsUser, SERVICE, State};
use sqern_testkit::clean_command;
use sqern_testkit::server::{open_tempdir, test_env};
use tempfile::TempDir;

/// A directory of the test's own with a service file in it; the default directory is `here/local`. Removed at the end.
pub struct Home {
    dir: TempDir,
    pub env: LocalEnv,
}

impl Home {
    pub fn new() -> Self {
        let dir = open_tempdir().expect("a directory");
        let mut env = test_env(&dir.path().join("local")).expect("a user with a name");
        env.service_file = Some(dir.path().join("services"));
        Self { dir, env }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The server in the default directory, without durability.
    pub fn server(&self) -> LocalServer {
        LocalServer::in_default_dir(&self.env).expect("a server").throwaway()
    }

    pub fn services(&self) -> String {
        fs::read_to_string(self.path("services")).unwrap_or_default()
    }

    /// Runs the `psql` of the system on a service of this home.
    pub fn psql(&self, service: &str, sql: &str) -> Output {
        let mut psql = clean_command("psql");
        // The service record must win over a port of the environment.
        psql.env("PGSERVICEFILE", self.path("services")).env("PGPORT", "1");
        psql.args(["-XAtc", sql, &format!("service={service}")]).output().expect("psql runs")
    }
}

impl Drop for Home {
    /// Whatever the test left running goes.
    fn drop(&mut self) {
        let entries = fs::read_dir(self.dir.path()).into_iter().flatten().flatten();
        for dir in entries.map(|entry| entry.path()).filter(|path| path.join(".sqern-local").exists()) {
            _ = LocalServer::at(&dir, &self.env).map(|server| server.destroy());
        }
    }
}

pub fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn is_root() -> bool {
    OsUser::current().is_some_and(|user| user.is_root())
}

#[test]
fn a_server_lives_from_up_to_destroy() {
    let home = Home::new();
    fs::write(home.path("services"), "# mine\n[prod]\nhost=db1\n").expect("write");
    // The durable one, as users get it.
    let server = LocalServer::in_default_dir(&home.env).expect("a server");
    assert_eq!(server.status().expect("status").state, State::Absent);
    let up = server.up().expect("up");
    assert_eq!((up.created, up.started, up.service.as_deref()), (true, true, Some(SERVICE)));
    let again = server.up().expect("up again");
    assert_eq!((again.created, again.started, &again.endpoint), (false, false, &up.endpoint));
    let status = server.status().expect("status");
    assert_eq!((status.state, status.version), (State::Running, up.version));
    assert!(status.pid.is_some() && status.size_bytes > 1 << 20);
    assert!(server.down().expect("down").stopped);
    assert!(!server.down().expect("down again").stopped);
    assert_eq!(server.status().expect("status").state, State::Stopped);
    let restarted = server.up().expect("up after down");
    assert_eq!((restarted.created, restarted.started), (false, true));
    let destroyed = server.destroy().expect("destroy");
    assert_eq!(destroyed, Destroyed { dir: home.path("local"), existed: true, left: vec![] });
    assert!(!home.path("local").exists());
    assert_eq!(home.services(), "# mine\n[prod]\nhost=db1\n");
    assert!(!server.destroy().expect("destroy again").existed);
}

#[test]
fn the_server_is_private_durable_and_the_same_everywhere() {
    let home = Home::new();
    LocalServer::in_default_dir(&home.env).and_then(|server| server.up()).expect("up");
    let cases = [
        ("listen_addresses", ""),
        ("fsync", "on"),
        ("data_checksums", "on"),
        ("timezone", "UTC"),
        ("server_encoding", "UTF8"),
        ("is_superuser", "on"),
    ];
    for (name, expected) in cases {
        assert_eq!(printed(&home.psql(SERVICE, &format!("select current_setting('{name}')"))), expected, "{name}");
    }
    assert_eq!(printed(&home.psql(SERVICE, "select current_user || ' ' || current_database()")), "sqern sqern");
    assert_eq!(printed(&home.psql(SERVICE, "select 'Z' < 'a'")), "t", "names are sorted by code point");
    let run = fs::metadata(home.path("local/run")).expect("socket directory");
    assert_eq!(run.mode() & 0o777, 0o700);
}

#[tokio::test]
async fn sqern_and_psql_reach_the_same_server_by_the_service_name() {
    let home = Home::new();
    let server = home.server();
    tokio::task::spawn_blocking({
        let server = server.clone();
        move || server.up().expect("up")
    })
    .await
    .expect("joins");
    printed(&home.psql(SERVICE, "create table seen (by text)"));
    let mut env = ConnectEnv::default();
    env.vars.insert("PGSERVICEFILE".into(), home.path("services").display().to_string());
    let by_service = connect(&ConnectRequest::service(SERVICE), &env).await.expect("by service");
    by_service.client.batch_execute("insert into seen values ('sqern')").await.expect("inserts");
    let by_dsn = connect(&ConnectRequest::dsn(server.dsn().expect("dsn")), &env).await.expect("by dsn");
    assert_eq!(by_dsn.client.query("select by from seen", &[]).await.expect("asks").len(), 1);
    let mut psql = server.psql().expect("psql");
    assert_eq!(printed(&psql.args(["-XAtc", "select by from seen"]).output().expect("psql runs")), "sqern");
}

#[test]
fn many_ups_at_once_give_one_server() {
    let home = Home::new();
    let server = home.server();
    let ups: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| server.up().expect("up"))).collect();
        threads.into_iter().map(|thread| thread.join().expect("joins")).collect()
    });
    assert_eq!(ups.iter().filter(|up| up.created).count(), 1);
    assert_eq!(ups.iter().filter(|up| up.started).count(), 1);
    assert_eq!(home.services().matches("[sqern-local]").count(), 1);
}

#[test]
fn another_directory_has_a_record_of_its_own() {
    let home = Home::new();
    home.server().up().expect("up");
    let other = LocalServer::at(&home.path("other"), &home.env).expect("a server").throwaway();
    let up = other.up().expect("up");
    let name = up.service.expect("a record");
    assert!(name.starts_with("sqern-local-") && name.len() == SERVICE.len() + 9, "{name}");
    let data = printed(&home.psql(&name, "show data_directory"));
    assert_eq!(Path::new(&data), home.path("other/data"));
    other.destroy().expect("destroy");
    assert!(!home.services().contains(&name) && home.services().contains("[sqern-local]\n"));
}

#[test]
fn a_long_path_gets_a_short_socket_directory() {
    let home = Home::new();
    let dir = home.path(&"long".repeat(30));
    let server = LocalServer::at(&dir, &home.env).expect("a server").throwaway();
    let up = server.up().expect("up");
    assert!(up.endpoint.socket_dir.starts_with("/tmp") && up.endpoint.socket().exists(), "{:?}", up.endpoint);
    assert_eq!(printed(&home.psql(&server.service(), "select 1")), "1");
    server.destroy().expect("destroy");
    assert!(!up.endpoint.socket_dir.exists());
}

/// Root starts the tests above once more as somebody who has no rights: what root may do must not be what makes them pass.
#[test]
fn an_ordinary_user_has_the_same() {
    if !is_root() {
        // Then every other test is this test.
        return;
    }
    let nobody = OsUser::named("nobody").expect("the user nobody");
    let dir = open_tempdir().expect("a directory");
    let program = dir.path().join("it");
    fs::copy(std::env::current_exe().expect("a program"), &program).expect("copy");
    let mut command = clean_command(&program);
    command
        .uid(nobody.uid)
        .gid(nobody.gid)
        .current_dir("/")
        .envs(std::env::var_os("SQERN_PG_BIN").map(|dir| ("SQERN_PG_BIN", dir)));
    command.args(["--exact", "a_server_lives_from_up_to_destroy"]);
    command.arg("sqern_and_psql_reach_the_same_server_by_the_service_name");
    let output = command.output().expect("runs");
    assert!(printed(&output).contains("2 passed"), "{}", String::from_utf8_lossy(&output.stdout));
}
