//! A PostgreSQL server for a test run, a database for a test.
//!
//! Each test process has one server of its own, started when it is first asked for and gone when the process is, however
//! that ends: a watchdog outside holds the other end of a pipe, and a pipe closes on a kill too.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use pg_local::{Endpoint, LocalEnv, LocalServer, OsUser, Program};
use tokio::sync::OnceCell;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

/// Waits for its standard input to end, then stops the server at once and removes its directory.
///
/// The loop covers a server or an initdb that was still at work when the test process died.
const WATCHDOG: &str = r#"
cat > /dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do
    pid=$(head -n 1 "$1/local/data/postmaster.pid" 2> /dev/null) && kill -QUIT "$pid" 2> /dev/null
    sleep 0.1
    [ -e "$1/local/data/postmaster.pid" ] || rm -rf "$1" 2> /dev/null
    [ -e "$1" ] || exit 0
done
rm -rf "$1"
"#;

/// The server of this test process.
#[derive(Debug)]
pub struct TestServer {
    server: LocalServer,
    endpoint: Endpoint,
    templates: Mutex<HashMap<String, Arc<OnceCell<String>>>>,
    _watchdog: ChildStdin,
}

/// The names of the server, which are those of `sqern local`.
const PROGRAM: Program = Program {
    name: "sqern",
    role: "sqern",
    database: DATABASE,
    service: "sqern-local",
    up_command: "sqern local up",
    status_command: "sqern local status",
    destroy_command: "sqern local destroy",
    directory_option: "--data-dir",
    binaries_variable: "SQERN_PG_BIN",
};

/// The database that exists in a new server, without a schema.
pub const DATABASE: &str = "sqern";

static SHARED: OnceCell<TestServer> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

impl TestServer {
    /// The server of this test process, started on the first call (about a second).
    ///
    /// # Panics
    /// Where no server can be had: the message says why and what to type. A test must not pass without its server.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(|| Self::with_settings(&[])).await
    }

    /// A server of the test's own with more of PostgreSQL's settings; stopped and removed when it is dropped.
    ///
    /// # Panics
    /// As [`TestServer::shared`].
    pub async fn with_settings(settings: &[(&str, &str)]) -> Self {
        let settings: Vec<_> = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let started = tokio::task::spawn_blocking(move || start(&settings)).await;
        started.unwrap_or_else(|error| Err(error.into())).unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// The conninfo string of a database of this server.
    #[must_use]
    pub fn dsn(&self, database: &str) -> String {
        let Endpoint { socket_dir, port } = &self.endpoint;
        format!("host={} port={port} dbname={database} user={}", socket_dir.display(), PROGRAM.role)
    }

    /// Where the server listens.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The private server itself.
    #[must_use]
    pub fn server(&self) -> &LocalServer {
        &self.server
    }

    /// Connects to a database as the superuser.
    ///
    /// # Panics
    /// When the server does not let us in.
    pub async fn connect(&self, database: &str) -> Client {
        let error = match self.try_connect(database).await {
            Ok(client) => return client,
            Err(error) => error,
        };
        panic!("the test server's database {database}: {error:#}")
    }

    async fn try_connect(&self, database: &str) -> anyhow::Result<Client> {
        let mut config = Config::new();
        config.host_path(&self.endpoint.socket_dir).port(self.endpoint.port).user(PROGRAM.role).dbname(database);
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// An empty database for one test; `hint` becomes part of its name.
    pub async fn database(&'static self, hint: &str) -> TestDatabase {
        self.copy_of("template0", hint).await
    }

    /// A database for one test, a copy of the template `name`; the first who asks for that name makes it with `setup`.
    ///
    /// # Panics
    /// When the database can't be made.
    pub async fn database_from<F>(&'static self, name: &str, hint: &str, setup: F) -> TestDatabase
    where
        F: AsyncFnOnce(&mut Client),
    {
        let cell = self.templates.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone();
        let template = cell.get_or_init(async || self.make_template(name, setup).await).await;
        self.copy_of(template, hint).await
    }

    async fn make_template<F: AsyncFnOnce(&mut Client)>(&self, name: &str, setup: F) -> String {
        let template = format!("template_{}", plain(name));
        self.create(&template, "template0").await;
        let mut client = self.connect(&template).await;
        setup(&mut client).await;
        template
    }

    async fn copy_of(&'static self, template: &str, hint: &str) -> TestDatabase {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}_{number}", plain(hint));
        self.create(&name, template).await;
        TestDatabase { server: self, name }
    }

    async fn create(&self, name: &str, template: &str) {
        let client = self.connect(DATABASE).await;
        let statement = format!("create database {name} template {template}");
        for attempt in 0.. {
            match client.batch_execute(&statement).await {
                Ok(()) => return,
                // The session that made the template ends a moment after its client is dropped.
                Err(error) if error.code() == Some(&SqlState::OBJECT_IN_USE) && attempt < 200 => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => panic!("{statement}: {error:?}"),
            }
        }
    }
}

/// A database of one test; dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    server: &'static TestServer,
    name: String,
}

impl TestDatabase {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its conninfo string.
    #[must_use]
    pub fn dsn(&self) -> String {
        self.server.dsn(&self.name)
    }

    /// One more connection to it, as the superuser.
    pub async fn client(&self) -> Client {
        self.server.connect(&self.name).await
    }

    /// A client program of PostgreSQL (`psql`, `pg_dump`) that works on it, without the environment of the test process.
    ///
    /// # Panics
    /// When the server is gone.
    #[must_use]
    pub fn tool(&self, program: &str) -> Command {
        let mut command = self.server.server.client_program(program).unwrap_or_else(|error| panic!("{program}: {error}"));
        let connection: Vec<_> =
            command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
        clean_environment(&mut command);
        command.envs(connection).env("PGDATABASE", &self.name);
        command
    }
}

impl Drop for TestDatabase {
    /// Best effort: the server goes with the test process anyway. On a thread of its own, since `drop` can't wait.
    fn drop(&mut self) {
        let (server, name) = (self.server, self.name.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let client = server.try_connect(DATABASE).await?;
                client.batch_execute(&format!("drop database if exists {name} with (force)")).await?;
                anyhow::Ok(())
            })
        });
        _ = thread.join();
    }
}

/// The surroundings of a private server of the tests: the binaries as `sqern local` finds them, nothing of the user's.
///
/// `dir` is where the default directory would be. Errors: a process whose user has no name.
pub fn test_env(dir: &Path) -> anyhow::Result<LocalEnv> {
    let user = OsUser::current().context("the operating system knows no name for this process's user")?;
    let mut env = LocalEnv::new(PROGRAM, user, dir.to_owned());
    env.pg_bin = std::env::var_os("SQERN_PG_BIN").map(PathBuf::from);
    env.path = std::env::var_os("PATH");
    Ok(env)
}

/// A command that runs an external program in the environment of [`clean_environment`].
#[must_use]
pub fn clean_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    clean_environment(&mut command);
    command
}

/// Replaces the environment of a command: `PATH` is kept, the locale and the time zone are fixed, and there is no home.
///
/// Everything else that programs read (`PG*`, `XDG_*`, proxies, `MAKEFLAGS`) belongs to the user who runs the tests.
pub fn clean_environment(command: &mut Command) -> &mut Command {
    command.env_clear().env("HOME", "/nonexistent").env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
}

/// A directory that the server's user can get through to, also when root runs the tests and with any umask.
pub fn open_tempdir() -> io::Result<tempfile::TempDir> {
    let dir = tempfile::Builder::new().prefix("sqern-test-").tempdir()?;
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755))?;
    Ok(dir)
}

fn start(settings: &[(String, String)]) -> anyhow::Result<TestServer> {
    let dir = open_tempdir().context("a directory for the test server")?.keep();
    let watchdog = watch(&dir)?;
    let server = LocalServer::at(&dir.join("local"), &test_env(&dir)?)?.throwaway().with_setting("max_connections", "200");
    let server = settings.iter().fold(server, |server, (name, value)| server.with_setting(name, value));
    let up = server.up().map_err(|error| {
        let hint = error.hint(&PROGRAM).unwrap_or_default();
        anyhow::anyhow!("tests need a PostgreSQL server of their own: {error}\nhint: {hint}")
    })?;
    Ok(TestServer { server, endpoint: up.endpoint, templates: Mutex::default(), _watchdog: watchdog })
}

/// Starts the watchdog, in a process group of its own so that Ctrl-C does not reach it.
fn watch(dir: &Path) -> anyhow::Result<ChildStdin> {
    let mut command = clean_command("/bin/sh");
    command.args([OsStr::new("-c"), OsStr::new(WATCHDOG), OsStr::new("watchdog"), dir.as_os_str()]);
    command.current_dir("/").process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn()?.stdin.context("the watchdog's pipe")
}

/// `text` as a name that needs no quotes, at most 40 letters.
fn plain(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let name: String = text.chars().take(40).map(letter).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() { format!("t{name}") } else { name }
}
