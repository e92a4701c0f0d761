//! The environment of private servers.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::os_user::OsUser;
use super::program::Program;

/// The directories of server binaries in packages. `*` matches the version; the newest is used
/// first.
const PACKAGE_DIRS: &[&str] = &[
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Library/PostgreSQL/*/bin",
];

/// The environment of private servers. The program fills it in: this crate does not read the
/// environment of the process.
#[derive(Debug, Clone)]
pub struct LocalEnv {
    /// The program that manages the servers.
    pub program: Program,
    /// The user of this process: [`OsUser::current`].
    pub user: OsUser,
    /// The default directory, whose server has the service record [`Program::service`]:
    /// [`Program::default_dir`].
    pub default_dir: PathBuf,
    /// The directory of the server binaries. If it is set, no other directory is searched.
    pub pg_bin: Option<PathBuf>,
    /// The value of `PATH`, which is searched for server binaries, and which the server inherits.
    pub path: Option<OsString>,
    /// The value of `LD_LIBRARY_PATH`, which the server inherits. It inherits no other variables.
    pub library_path: Option<OsString>,
    /// The directories that are searched after `PATH`. `*` matches the version; the newest is used
    /// first.
    pub pg_dirs: Vec<String>,
    /// The service file of the user; `None` if no service record is written.
    pub service_file: Option<PathBuf>,
    /// The parent of the socket directory if its path would otherwise be too long: `/tmp`.
    pub short_dir: PathBuf,
}

impl LocalEnv {
    /// Returns an environment with the directories of common packages and `/tmp`, and without
    /// variables and service file.
    #[must_use]
    pub fn new(program: Program, user: OsUser, default_dir: PathBuf) -> Self {
        let pg_dirs = PACKAGE_DIRS.iter().map(|dir| (*dir).to_owned()).collect();
        Self {
            program,
            user,
            default_dir,
            pg_bin: None,
            path: None,
            library_path: None,
            pg_dirs,
            service_file: None,
            short_dir: "/tmp".into(),
        }
    }
}

impl Program {
    /// Returns the default directory of a private server.
    ///
    /// This is `$XDG_DATA_HOME/NAME/local`, else `~/.local/share/NAME/local`. For root it is
    /// `/var/lib/NAME/local`, because the user that runs the server cannot search `/root`. `None`
    /// if the user has neither the variable nor a home directory.
    #[must_use]
    pub fn default_dir(
        &self,
        user: &OsUser,
        home: Option<&Path>,
        xdg_data_home: Option<&Path>,
    ) -> Option<PathBuf> {
        let name = self.name;
        if user.is_root() {
            return Some(format!("/var/lib/{name}/local").into());
        }
        // The XDG Base Directory Specification requires that a relative path is ignored.
        let data = xdg_data_home
            .filter(|dir| dir.is_absolute())
            .map(Path::to_owned);
        data.or_else(|| home.map(|home| home.join(".local/share")))
            .map(|dir| dir.join(name).join("local"))
    }
}
