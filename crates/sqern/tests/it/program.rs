//! Runs the program with a separate database.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sqern_testkit::{TestDatabase, TestServer};
use tokio_postgres::Client;

use crate::json_schemas::require_valid;

/// A directory without distribution files.
const NO_SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// The program with a separate database and home directory.
pub struct Program {
    pub database: TestDatabase,
    pub home: tempfile::TempDir,
}

/// The output and exit status of a run.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Returns the command in an environment with this home directory, and without configuration,
/// sources, private server, headers and logs. The directory need not exist.
pub fn program_at(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sqern"));
    environment_at(&mut command, home).args(arguments);
    command
}

/// Returns a home directory. Other users can enter it, because commands in a sandbox of root run as
/// another user.
fn home() -> tempfile::TempDir {
    tempfile::Builder::new()
        .permissions(std::fs::Permissions::from_mode(0o711))
        .tempdir()
        .expect("a temporary directory is created")
}

/// Opens a file that child processes inherit, as for `sqern build run 9<file`.
pub fn open_inheritable(path: &Path) -> std::fs::File {
    let file = std::fs::File::open(path).expect("the file exists");
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).expect("the file is open");
    file
}

/// Replaces the environment of a command by that of [`program_at`]. The environment specifies each
/// default directory, because the defaults of root do not depend on `HOME`.
pub fn environment_at<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    command
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC");
    command
        .env("SQERN_DATA_DIR", home.join(".default/local"))
        .env("SQERN_SOURCES_DIR", NO_SOURCES);
    command
        .env("SQERN_STORE", home.join(".default/store"))
        .env("SQERN_LOGS", home.join(".default/logs"));
    let pg_bin = std::env::var_os("SQERN_PG_BIN").map(|directory| ("SQERN_PG_BIN", directory));
    command.envs(pg_bin)
}

impl Program {
    /// Returns the program with a migrated database that contains debian12 and debian13.
    pub async fn new() -> Self {
        let setup = async |client: &mut Client| {
            sqern_db::migrate::migrate(client, None, false)
                .await
                .expect("migrations apply");
            client
                .batch_execute("INSERT INTO distro VALUES ('debian12', 'DEBIAN12', true), ('debian13', 'DEBIAN13', false)")
                .await
                .expect("distros are recorded");
        };
        Self::on(
            TestServer::shared()
                .await
                .database_from("program", "program", setup)
                .await,
        )
    }

    /// Returns the program with this database.
    pub fn on(database: TestDatabase) -> Self {
        Self {
            database,
            home: home(),
        }
    }

    /// Returns a command with the option `--dsn` of the database.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare_command(arguments);
        command.arg("--dsn").arg(self.database.dsn());
        command
    }

    /// Returns a command without an option that specifies a database.
    pub fn bare_command(&self, arguments: &[&str]) -> Command {
        program_at(self.home.path(), arguments)
    }

    /// Runs the program.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().expect("the program runs"))
    }

    /// Runs the program, and requires exit status 0.
    pub fn done(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.status, 0, "{arguments:?}\n{ran:?}");
        ran
    }

    /// Runs the program with `--json`, requires exit status 0, and returns the document.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.done(&[arguments, &["--json"]].concat());
        serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{ran:?}"))
    }

    /// Returns the single value of a query as text.
    pub async fn value(&self, sql: &str) -> String {
        let row = self
            .database
            .client()
            .await
            .query_one(&format!("SELECT ({sql})::text"), &[])
            .await
            .expect(sql);
        row.get::<_, Option<String>>(0).unwrap_or_default()
    }

    /// Returns the numbers of events and generations.
    pub async fn journal(&self) -> String {
        self.value("SELECT (SELECT count(*) FROM event) || ' events, ' || (SELECT count(*) FROM generation) || ' generations'")
            .await
    }
}

impl From<Output> for Ran {
    /// Returns the output, whose JSON documents must be valid.
    fn from(output: Output) -> Self {
        let ran = Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        require_valid(&ran.stdout);
        require_valid(&ran.stderr);
        ran
    }
}

/// Returns the field `name` of each item of a list.
pub fn field(list: &Value, name: &str) -> Vec<String> {
    let items = list["items"].as_array().expect("a list has items");
    items
        .iter()
        .map(|item| {
            item[name]
                .as_str()
                .map_or_else(|| item[name].to_string(), str::to_owned)
        })
        .collect()
}
