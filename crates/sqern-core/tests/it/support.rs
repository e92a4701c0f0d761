//! A database with fetched kernels, a store and a directory of logs.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use pg_connect::{ConnectEnv, ConnectRequest};
use sqern_core::runs::{ExecutorConfig, Lease, RetryPolicy, RunSelection};
use sqern_core::sandbox::{Launcher, Mode, SandboxRequest};
use sqern_core::{Clock, Database};
use sqern_model::KernelName;
use sqern_store::Store;
use sqern_testkit::{TestDatabase, TestServer};
use tokio_postgres::Client;

pub struct Fixture {
    pub test_database: TestDatabase,
    pub client: Client,
    pub directory: tempfile::TempDir,
    pub store: Store,
}

impl Fixture {
    /// Returns a database in which these kernels of debian12 are fetched, and a store with an empty
    /// tree for each.
    pub async fn new(versions: &[&str]) -> Self {
        let setup = async |client: &mut Client| {
            sqern_db::migrate::migrate(client, None, false)
                .await
                .unwrap();
            client
                .batch_execute("INSERT INTO distro VALUES ('debian12', 'DEBIAN12', true)")
                .await
                .unwrap();
        };
        let test_database = TestServer::shared()
            .await
            .database_from("core", "core", setup)
            .await;
        let client = test_database.client().await;
        for table in ["kver", "kver_seen", "kver_fetched"] {
            let insert = format!(
                "INSERT INTO {table} (distro, version) SELECT 'debian12', unnest($1::text[])"
            );
            client.execute(&insert, &[&versions]).await.unwrap();
        }
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("store")).unwrap();
        for version in versions {
            std::fs::create_dir_all(directory.path().join("store/debian12").join(version)).unwrap();
        }
        Self {
            test_database,
            client,
            directory,
            store,
        }
    }

    pub fn database(&self) -> Database {
        let request = ConnectRequest {
            service: None,
            dsn: Some(self.test_database.dsn()),
        };
        Database {
            request,
            env: ConnectEnv::default(),
        }
    }

    /// Returns a configuration that runs `command` for one kernel at a time.
    pub fn config(&self, command: &str) -> ExecutorConfig {
        ExecutorConfig {
            database: self.database(),
            command: command.to_owned(),
            jobs: 1,
            time_limit: Duration::from_secs(60),
            max_failures: None,
            lease: Lease {
                lasts: Duration::from_secs(60),
                owner: "a test".to_owned(),
            },
            logs: self.directory.path().join("logs"),
            environment: environment(),
            sandbox: no_sandbox(),
            writable: vec![],
            network: false,
            store: self.store.clone(),
            comment: "a test".to_owned(),
            clock: Clock::Fixed("2026-01-31T12:00:00Z".parse().unwrap()),
            retry: RetryPolicy {
                attempts: 20,
                pause: Duration::from_millis(50),
            },
        }
    }

    /// Returns the first column of the first row as text.
    pub async fn value(&self, query: &str) -> String {
        let row = self
            .client
            .query_one(&format!("SELECT coalesce(({query})::text, '-')"), &[])
            .await
            .unwrap();
        row.get(0)
    }

    /// Waits until a file exists in the temporary directory.
    pub async fn wait_for_file(&self, name: &str) {
        let started_at = Instant::now();
        while !self.directory.path().join(name).exists() {
            assert!(
                started_at.elapsed() < Duration::from_secs(30),
                "{name} was not created"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn create_file(&self, name: &str) {
        std::fs::write(self.directory.path().join(name), "").unwrap();
    }
}

/// Returns the environment of commands.
pub fn environment() -> Vec<(OsString, OsString)> {
    vec![("PATH".into(), "/usr/bin:/bin".into())]
}

/// Returns a request for no sandbox.
pub fn no_sandbox() -> SandboxRequest {
    SandboxRequest {
        mode: Mode::Off,
        launcher: Launcher {
            program: "/nonexistent".into(),
            user: "nobody".to_owned(),
        },
    }
}

/// Selects all kernels of one revision and target.
pub fn selection() -> RunSelection {
    RunSelection {
        revision: Some("21.0".to_owned()),
        target: Some("lab".to_owned()),
        ..RunSelection::default()
    }
}

/// Returns the names of kernels without a distribution.
pub fn kernel_names(versions: &[&str]) -> Vec<KernelName> {
    versions.iter().map(|text| text.parse().unwrap()).collect()
}
