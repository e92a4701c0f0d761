//! The address of a server.

use std::path::PathBuf;

use super::program::Program;

/// The number in the name of the socket. No TCP port is opened.
pub(super) const PORT: u16 = 5432;

/// The address of a server: a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Endpoint {
    /// The directory of the socket.
    pub socket_dir: PathBuf,
    /// The number in the name of the socket.
    pub port: u16,
}

impl Endpoint {
    /// Returns the path of the socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.socket_dir.join(format!(".s.PGSQL.{}", self.port))
    }

    /// Returns the conninfo string for the database and role of the program.
    #[must_use]
    pub fn dsn(&self, program: &Program) -> String {
        let host = self.socket_dir.display().to_string();
        let host = if host.contains(' ') {
            format!("'{host}'")
        } else {
            host
        };
        format!(
            "host={host} port={} dbname={} user={}",
            self.port, program.database, program.role
        )
    }
}
