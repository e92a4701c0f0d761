//! A private PostgreSQL of one's own, made from the server binaries that are installed.
//!
//! One directory holds all of it, and nothing outside is touched but the service file and, for long paths, a socket
//! directory under `/tmp`:
//!
//! ```text
//! DIR/.sqern-local   says whose directory it is, and is the lock of everything that changes it
//! DIR/data/          PostgreSQL's own directory, made aside as data.new and renamed when it is whole
//! DIR/log/           the server's log
//! DIR/run/           the Unix socket
//! ```
//!
//! The server listens on the Unix socket alone, in a directory that only its owner and root may enter, and lets in by
//! *peer* authentication the operating system's user who made it, root, and the user it runs as: each becomes the role
//! [`ROLE`]. Started by root it runs as `postgres`, since PostgreSQL refuses root. It is durable: fsync is on.
//!
//! The functions block, for as long as a server takes to start or stop; call them on a thread that may
//! (`tokio::task::spawn_blocking`).

mod binaries;
mod claim;
mod command;
mod config;
mod create;
mod destroy;
mod error;
mod interrupt;
mod layout;
mod os_user;
mod pid_file;
mod server;
mod service_file;
mod socket;
mod start;
mod status;
mod stop;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use binaries::{Binaries, MIN_VERSION, USUAL_FOLDERS};
pub use destroy::Destroyed;
pub use error::LocalError;
pub use interrupt::Interrupt;
pub use os_user::OsUser;
pub use server::{LocalServer, Up};
pub use status::{State, Status};
pub use stop::Down;

/// The superuser role, which the owner and root become.
pub const ROLE: &str = "sqern";
/// The database that is made along with the server.
pub const DATABASE: &str = "sqern";
/// The service record's name for the server in the default directory.
pub const SERVICE: &str = "sqern-local";
/// The number in the socket's name; no TCP port is opened.
pub const PORT: u16 = 5432;

/// What the private server is told from outside; the library reads no environment of its own.
#[derive(Debug, Clone)]
pub struct LocalEnv {
    /// Who runs this process: [`OsUser::current`].
    pub user: OsUser,
    /// The directory that is used when none is named: [`default_dir`].
    pub default_dir: PathBuf,
    /// The folder of the server binaries, when the user names one (`SQERN_PG_BIN`); then no other is looked at.
    pub pg_bin: Option<PathBuf>,
    /// The variable `PATH`.
    pub path: Option<OsString>,
    /// Where packages put the binaries, a `*` for the version: [`USUAL_FOLDERS`].
    pub pg_folders: Vec<String>,
    /// The user's service file (`PGSERVICEFILE`, else `~/.pg_service.conf`); without one no record is written.
    pub service_file: Option<PathBuf>,
    /// Where a socket's directory goes when its path would be too long: `/tmp`.
    pub short_dir: PathBuf,
}

impl LocalEnv {
    /// The usual surroundings of `user`: the packages' folders and `/tmp`; no `PATH`, no service file.
    #[must_use]
    pub fn new(user: OsUser, default_dir: PathBuf) -> Self {
        let pg_folders = USUAL_FOLDERS.iter().map(|folder| (*folder).to_owned()).collect();
        Self { user, default_dir, pg_bin: None, path: None, pg_folders, service_file: None, short_dir: "/tmp".into() }
    }
}

/// The directory for a private server when none is named.
///
/// `$XDG_DATA_HOME/sqern/local`, else `~/.local/share/sqern/local`; for root `/var/lib/sqern/local`, because the user that
/// root's server runs as may not enter `/root`. `None` when the user has neither variable nor home.
#[must_use]
pub fn default_dir(user: &OsUser, home: Option<&Path>, xdg_data_home: Option<&Path>) -> Option<PathBuf> {
    if user.is_root() {
        return Some("/var/lib/sqern/local".into());
    }
    // The XDG specification: a relative path is to be ignored.
    let data = xdg_data_home.filter(|dir| dir.is_absolute()).map(Path::to_owned);
    data.or_else(|| home.map(|home| home.join(".local/share"))).map(|dir| dir.join("sqern/local"))
}

/// Where a running server is reached.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Endpoint {
    /// The socket's directory.
    pub socket_dir: PathBuf,
    /// The number in the socket's name.
    pub port: u16,
}

impl Endpoint {
    /// The socket itself.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.socket_dir.join(format!(".s.PGSQL.{}", self.port))
    }
}

/// Where the private server in `dir` is reached, if it runs. Cheap: reads one file, opens no connection.
#[must_use]
pub fn running_endpoint(dir: &Path) -> Option<Endpoint> {
    let data = layout::Layout::new(dir).data();
    let found = pid_file::PidFile::read(&data).ok()??;
    (found.is_alive(&data) && found.is_ready()).then(|| found.endpoint())
}
