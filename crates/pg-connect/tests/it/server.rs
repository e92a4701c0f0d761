//! The server of the tests: private, with a Unix socket, TCP and TLS.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use pg_connect::{ConnectEnv, ConnectRequest, Session, connect};
use pg_local::{Endpoint, LocalEnv, LocalServer, OsUser, Program};
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::tls::{self, Files};

/// The password of the role `app`.
pub const PASSWORD: &str = "tulip mania";

pub const PROGRAM: Program = Program {
    name: "example",
    role: "admin",
    database: "app",
    service: "example-local",
    up_command: "example up",
    status_command: "example status",
    destroy_command: "example destroy",
    directory_option: "--dir",
    binaries_variable: "EXAMPLE_PG_BIN",
};

pub struct TestServer {
    pub local: LocalServer,
    pub endpoint: Endpoint,
    pub port: u16,
    pub tls: Files,
    _dir: TempDir,
}

impl TestServer {
    /// Returns the server that concurrent tests share. The last test removes it.
    pub async fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<TestServer>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&server);
        server
    }

    async fn start() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("pg-connect-test-")
            .tempdir()
            .expect("a directory");
        // If root runs the tests, another user runs the server and must be able to search the
        // directory.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).expect("mode");
        let port = unused_port();
        let mut env = LocalEnv::new(
            PROGRAM,
            OsUser::current().expect("a user with a name"),
            dir.path().join("local"),
        );
        env.pg_bin = std::env::var_os("SQERN_PG_BIN").map(PathBuf::from);
        env.path = std::env::var_os("PATH");
        let local = LocalServer::at(&env.default_dir, &env)
            .expect("a server")
            .throwaway();
        let local = local
            .with_setting("listen_addresses", "127.0.0.1")
            .with_setting("port", &port.to_string());
        let starting = local.clone();
        let up = tokio::task::spawn_blocking(move || starting.up())
            .await
            .expect("joins");
        let endpoint = up
            .unwrap_or_else(|error| {
                panic!(
                    "{error}\nhint: {}",
                    error.hint(&PROGRAM).unwrap_or_default()
                )
            })
            .endpoint;
        let server = Self {
            local,
            endpoint,
            port,
            tls: Files::create(),
            _dir: dir,
        };
        tls::configure(&server).await;
        server
    }

    pub fn dsn(&self) -> String {
        self.endpoint.dsn(&PROGRAM)
    }

    /// Connects as the superuser.
    pub async fn connect(&self) -> Session {
        connect(&ConnectRequest::dsn(self.dsn()), &ConnectEnv::default())
            .await
            .expect("connects")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        _ = self.local.destroy();
    }
}

/// Returns a TCP port on which no process listens.
pub fn unused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("an unused port")
        .port()
}
