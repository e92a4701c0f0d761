//! One PostgreSQL server for each test process, and one database for each test.
//!
//! The server is started on first use. A watchdog process removes it when the test process ends for
//! any reason: the watchdog reads from a pipe whose other end the test process holds, and the
//! kernel closes that end even after SIGKILL.

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

/// The script of the watchdog: waits for the end of its standard input, then stops the server and
/// removes its directory.
///
/// The loop covers a server or an initdb that was still running when the test process ended.
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

/// The PostgreSQL server of a test process.
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
    role: ROLE,
    database: DATABASE,
    service: "sqern-local",
    up_command: "sqern local up",
    status_command: "sqern local status",
    destroy_command: "sqern local destroy",
    directory_option: "--data-dir",
    binaries_variable: "SQERN_PG_BIN",
};

/// The superuser of the server.
pub(crate) const ROLE: &str = "sqern";

/// The database that exists in a new server, without a schema.
pub const DATABASE: &str = "sqern";

static SHARED: OnceCell<TestServer> = OnceCell::const_new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

impl TestServer {
    /// Returns the server of this test process. The first call starts it (about a second).
    ///
    /// # Panics
    ///
    /// Panics if no server can be started. The message states the reason and the command that fixes
    /// it. A test must not pass without its server.
    pub async fn shared() -> &'static Self {
        SHARED.get_or_init(|| Self::with_settings(&[])).await
    }

    /// Starts a server for one test with additional PostgreSQL settings. The server is stopped and
    /// removed on drop.
    ///
    /// # Panics
    ///
    /// Panics if no server can be started, like [`TestServer::shared`].
    pub async fn with_settings(settings: &[(&str, &str)]) -> Self {
        let settings: Vec<_> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let started = tokio::task::spawn_blocking(move || start(&settings)).await;
        started
            .unwrap_or_else(|error| Err(error.into()))
            .unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Returns the conninfo string of a database of this server.
    #[must_use]
    pub fn dsn(&self, database: &str) -> String {
        let Endpoint { socket_dir, port } = &self.endpoint;
        format!(
            "host={} port={port} dbname={database} user={}",
            socket_dir.display(),
            PROGRAM.role
        )
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the private server that this value wraps.
    #[must_use]
    pub fn server(&self) -> &LocalServer {
        &self.server
    }

    /// Connects to a database as the superuser.
    ///
    /// # Panics
    ///
    /// Panics if the connection fails.
    pub async fn connect(&self, database: &str) -> Client {
        let error = match self.try_connect(database).await {
            Ok(client) => return client,
            Err(error) => error,
        };
        panic!("the test server's database {database}: {error:#}")
    }

    async fn try_connect(&self, database: &str) -> anyhow::Result<Client> {
        let mut config = Config::new();
        config
            .host_path(&self.endpoint.socket_dir)
            .port(self.endpoint.port)
            .user(PROGRAM.role)
            .dbname(database);
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Creates an empty database for one test. `hint` becomes part of its name.
    pub async fn database(&'static self, hint: &str) -> TestDatabase {
        self.copy_of("template0", hint).await
    }

    /// Creates a database for one test as a copy of the template `name`. The first caller for a
    /// name creates the template with `setup`.
    ///
    /// # Panics
    ///
    /// Panics if the database cannot be created.
    pub async fn database_from<F>(&'static self, name: &str, hint: &str, setup: F) -> TestDatabase
    where
        F: AsyncFnOnce(&mut Client),
    {
        let cell = self
            .templates
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(name.to_owned())
            .or_default()
            .clone();
        let template = cell
            .get_or_init(async || self.make_template(name, setup).await)
            .await;
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
                Ok(()) => break,
                // The session that created the template ends shortly after its client is dropped.
                Err(error) if error.code() == Some(&SqlState::OBJECT_IN_USE) && attempt < 200 => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => panic!("{statement}: {error:?}"),
            }
        }
        let privileges = copied_privileges(template, name);
        if let Err(error) = client.batch_execute(&privileges).await {
            panic!("{privileges}: {error:?}");
        }
    }
}

/// Returns the statement that grants the privileges on a database to the same roles on its copy.
/// `CREATE DATABASE` does not copy them.
fn copied_privileges(template: &str, copy: &str) -> String {
    format!(
        "DO $$
         DECLARE
             command text;
         BEGIN
             FOR command IN
                 SELECT 'REVOKE ALL ON DATABASE {copy} FROM PUBLIC' FROM pg_database WHERE datname = '{template}' AND datacl IS NOT NULL
                 UNION ALL
                 SELECT format('GRANT %s ON DATABASE {copy} TO %s', privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
                 FROM pg_database, aclexplode(datacl) WHERE datname = '{template}'
             LOOP
                 EXECUTE command;
             END LOOP;
         END
         $$"
    )
}

/// A database for one test, which is dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    server: &'static TestServer,
    name: String,
}

impl TestDatabase {
    /// Returns the name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the conninfo string of the database.
    #[must_use]
    pub fn dsn(&self) -> String {
        self.server.dsn(&self.name)
    }

    /// Returns the address of its server.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        self.server.endpoint()
    }

    /// Opens another connection to the database as the superuser.
    pub async fn client(&self) -> Client {
        self.server.connect(&self.name).await
    }

    /// Returns a command that runs a client program of PostgreSQL (`psql`, `pg_dump`) on this
    /// database, without the environment of the test process.
    ///
    /// # Panics
    ///
    /// Panics if the server has stopped.
    #[must_use]
    pub fn tool(&self, program: &str) -> Command {
        let mut command = self
            .server
            .server
            .client_program(program)
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let connection: Vec<_> = command
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        clean_environment(&mut command);
        command.envs(connection).env("PGDATABASE", &self.name);
        command
    }
}

impl Drop for TestDatabase {
    /// Errors are ignored because the server is removed with the test process. A separate thread is
    /// used because `drop` cannot wait for a future.
    fn drop(&mut self) {
        let (server, name) = (self.server, self.name.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let client = server.try_connect(DATABASE).await?;
                client
                    .batch_execute(&format!("drop database if exists {name} with (force)"))
                    .await?;
                anyhow::Ok(())
            })
        });
        _ = thread.join();
    }
}

/// Returns an environment for a private server: the binaries that `sqern local` finds, and nothing
/// from the user's environment.
///
/// `dir` is the parent of the default directory.
///
/// # Errors
///
/// Returns an error if the user of this process has no name.
pub fn test_env(dir: &Path) -> anyhow::Result<LocalEnv> {
    let user =
        OsUser::current().context("the operating system knows no name for this process's user")?;
    let mut env = LocalEnv::new(PROGRAM, user, dir.to_owned());
    env.pg_bin = std::env::var_os("SQERN_PG_BIN").map(PathBuf::from);
    env.path = std::env::var_os("PATH");
    Ok(env)
}

/// Returns a command that runs an external program in the environment of [`clean_environment`].
#[must_use]
pub fn clean_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    clean_environment(&mut command);
    command
}

/// Replaces the environment of a command: `PATH` is kept, the locale and the time zone are fixed,
/// and there is no home directory.
///
/// Other variables that programs read (`PG*`, `XDG_*`, proxies, `MAKEFLAGS`) depend on the user who
/// runs the tests.
pub fn clean_environment(command: &mut Command) -> &mut Command {
    command
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC");
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
}

/// Creates a temporary directory that the server's user can enter, even if root runs the tests and
/// with any umask.
///
/// # Errors
///
/// Returns an error if the directory cannot be created.
pub fn open_tempdir() -> io::Result<tempfile::TempDir> {
    let dir = tempfile::Builder::new().prefix("sqern-test-").tempdir()?;
    std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755))?;
    Ok(dir)
}

fn start(settings: &[(String, String)]) -> anyhow::Result<TestServer> {
    let dir = open_tempdir()
        .context("a directory for the test server")?
        .keep();
    let watchdog = watch(&dir)?;
    let server = LocalServer::at(&dir.join("local"), &test_env(&dir)?)?
        .throwaway()
        .with_setting("max_connections", "200");
    let server = settings.iter().fold(server, |server, (name, value)| {
        server.with_setting(name, value)
    });
    let up = server.up().map_err(|error| {
        let hint = error.hint(&PROGRAM).unwrap_or_default();
        anyhow::anyhow!("tests need a PostgreSQL server of their own: {error}\nhint: {hint}")
    })?;
    Ok(TestServer {
        server,
        endpoint: up.endpoint,
        templates: Mutex::default(),
        _watchdog: watchdog,
    })
}

/// Starts the watchdog in a separate process group, so that Ctrl-C does not end it.
fn watch(dir: &Path) -> anyhow::Result<ChildStdin> {
    let mut command = clean_command("/bin/sh");
    command.args([
        OsStr::new("-c"),
        OsStr::new(WATCHDOG),
        OsStr::new("watchdog"),
        dir.as_os_str(),
    ]);
    command
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn()?.stdin.context("the watchdog's pipe")
}

/// Returns `text` as a name that needs no quotes, with at most 40 letters.
fn plain(text: &str) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let name: String = text.chars().take(40).map(letter).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        format!("t{name}")
    } else {
        name
    }
}
