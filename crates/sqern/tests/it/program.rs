//! Runs the program against a database of the test's own.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use sqern_testkit::{TestDatabase, TestServer};
use tokio_postgres::Client;

/// A folder without distro files.
const NO_SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// A database and a home of the test's own, with the program to work on them.
pub struct Program {
    pub database: TestDatabase,
    pub home: tempfile::TempDir,
}

/// What one run of the program came to.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The program in the environment of a user whose home is `home` and whose machine has no configuration, sources, private server,
/// headers or logs. For a test without a home of its own, `home` may be a directory that does not exist.
pub fn program_at(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sqern"));
    environment_at(&mut command, home).args(arguments);
    command
}

/// Replaces the environment of a command by that of [`program_at`]. Every folder that the program uses by default is named, because
/// the defaults of root do not depend on `HOME`.
pub fn environment_at<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
    command.env("SQERN_DATA_DIR", home.join(".default/local")).env("SQERN_SOURCES_DIR", NO_SOURCES);
    command.env("SQERN_STORE", home.join(".default/store")).env("SQERN_LOGS", home.join(".default/logs"));
    let pg_bin = std::env::var_os("SQERN_PG_BIN").map(|folder| ("SQERN_PG_BIN", folder));
    command.envs(pg_bin)
}

impl Program {
    /// With a migrated database that knows the distributions of `sqern distro import`.
    pub async fn new() -> Self {
        let setup = async |client: &mut Client| {
            sqern_db::migrate::migrate(client, None, false).await.expect("migrations apply");
            client
                .batch_execute("INSERT INTO distro VALUES ('debian12', 'DEBIAN12', true), ('debian13', 'DEBIAN13', false)")
                .await
                .expect("distros are recorded");
        };
        Self::on(TestServer::shared().await.database_from("program", "program", setup).await)
    }

    /// On this database, as it is.
    pub fn on(database: TestDatabase) -> Self {
        Self { database, home: tempfile::tempdir().expect("a folder for temporary files") }
    }

    /// The program with nothing of the user's environment, on the test's database.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare_command(arguments);
        command.arg("--dsn").arg(self.database.dsn());
        command
    }

    /// The program with nothing of the user's environment, and no word on the database.
    pub fn bare_command(&self, arguments: &[&str]) -> Command {
        program_at(self.home.path(), arguments)
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::from(self.command(arguments).output().expect("the program runs"))
    }

    /// Runs it; it must do what was asked.
    pub fn done(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.status, 0, "{arguments:?}\n{ran:?}");
        ran
    }

    /// Runs it with `--json`; it must do what was asked.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.done(&[arguments, &["--json"]].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{ran:?}"))
    }

    /// The single value of a query, as text.
    pub async fn value(&self, sql: &str) -> String {
        let row = self.database.client().await.query_one(&format!("SELECT ({sql})::text"), &[]).await.expect(sql);
        row.get::<_, Option<String>>(0).unwrap_or_default()
    }

    /// How many events and generations there are.
    pub async fn journal(&self) -> String {
        self.value("SELECT (SELECT count(*) FROM event) || ' events, ' || (SELECT count(*) FROM generation) || ' generations'")
            .await
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The field `name` of each item of a list.
pub fn field(list: &Value, name: &str) -> Vec<String> {
    let items = list["items"].as_array().expect("a list has items");
    items.iter().map(|item| item[name].as_str().map_or_else(|| item[name].to_string(), str::to_owned)).collect()
}
