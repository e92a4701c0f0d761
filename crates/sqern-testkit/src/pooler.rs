//! PgBouncer in transaction mode, in front of the database of a test.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use pg_local::OsUser;

use crate::server::{TestDatabase, clean_command, open_tempdir};

/// The number of server connections. It is less than the number of clients of a test.
pub const POOL_SIZE: usize = 2;
/// The port in the name of the socket.
const PORT: u16 = 6432;
/// The time until PgBouncer accepts connections.
const START_LIMIT: Duration = Duration::from_secs(10);
/// Runs PgBouncer until the end of the standard input, which the kernel closes when the test process
/// ends for any reason.
const RUN: &str = r#""$1" -q "$2/pgbouncer.ini" & cat > /dev/null; kill "$!"; wait"#;

/// A running PgBouncer, which is stopped on drop.
#[derive(Debug)]
pub struct Pooler {
    directory: tempfile::TempDir,
    child: Child,
}

impl Pooler {
    /// Starts PgBouncer for a database, with [`POOL_SIZE`] server connections as the superuser.
    ///
    /// # Panics
    ///
    /// Panics if PgBouncer cannot be started. A test must not pass without it.
    #[must_use]
    pub fn start(database: &TestDatabase) -> Self {
        start(database).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Returns the conninfo string of the database behind the pooler.
    #[must_use]
    pub fn dsn(&self) -> String {
        format!(
            "host={} port={PORT} dbname=pooled user=any",
            self.directory.path().display()
        )
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        _ = self.child.wait();
    }
}

fn start(database: &TestDatabase) -> anyhow::Result<Pooler> {
    let program = find()?;
    let directory = open_tempdir()?;
    let path = directory.path();
    let server = fs::metadata(&database.endpoint().socket_dir)?;
    let runs_as = OsUser::from_uid(server.uid()).context("the user of the server")?;
    fs::write(
        path.join("pgbouncer.ini"),
        config(database, path, &runs_as.name),
    )?;
    chown(path, Some(server.uid()), Some(server.gid()))?;
    let mut command: Command = clean_command("/bin/sh");
    command.args(["-c", RUN, "pooler"]).arg(program).arg(path);
    command
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let pooler = Pooler {
        child: command.spawn()?,
        directory,
    };
    let socket = pooler.directory.path().join(format!(".s.PGSQL.{PORT}"));
    let started = Instant::now();
    while UnixStream::connect(&socket).is_err() {
        ensure!(
            started.elapsed() < START_LIMIT,
            "PgBouncer did not start:\n{}",
            fs::read_to_string(pooler.directory.path().join("log")).unwrap_or_default()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(pooler)
}

/// Returns the path of PgBouncer, which is often installed in a directory that is not in `PATH`.
fn find() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|directory| directory.join("pgbouncer"))
        .find(|program| program.is_file())
        .context("could not find pgbouncer\nhint: scripts/setup  # or: apt-get install pgbouncer")
}

fn config(database: &TestDatabase, directory: &Path, runs_as: &str) -> String {
    let (endpoint, directory) = (database.endpoint(), directory.display());
    let user = if OsUser::current().is_some_and(|user| user.is_root()) {
        format!("user = {runs_as}\n")
    } else {
        String::new()
    };
    format!(
        "[databases]
pooled = host={} port={} dbname={} user={}
[pgbouncer]
listen_addr =
listen_port = {PORT}
unix_socket_dir = {directory}
auth_type = any
pool_mode = transaction
default_pool_size = {POOL_SIZE}
logfile = {directory}/log
pidfile = {directory}/pid
{user}",
        endpoint.socket_dir.display(),
        endpoint.port,
        database.name(),
        crate::server::ROLE,
    )
}
