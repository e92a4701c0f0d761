//! What connecting is told from outside: the user's words and the process's surroundings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::secret::hide_passwords;

/// What the user named: at most one of the two.
#[derive(Clone, Default)]
pub struct ConnectRequest {
    /// A section of a service file: `--service NAME`.
    pub service: Option<String>,
    /// A conninfo string (`host=db1 dbname=sqern`) or a URI (`postgresql://db1/sqern`): `--dsn TEXT`.
    pub dsn: Option<String>,
}

impl ConnectRequest {
    /// Asks for the section `name` of a service file.
    pub fn service(name: impl Into<String>) -> Self {
        Self { service: Some(name.into()), dsn: None }
    }

    /// Asks for the server that a conninfo string or URI names.
    pub fn dsn(text: impl Into<String>) -> Self {
        Self { service: None, dsn: Some(text.into()) }
    }
}

impl std::fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text may hold a password, and where it stands in it is the parser's business.
        let dsn = self.dsn.as_ref().map(|_| "[hidden]");
        f.debug_struct("ConnectRequest").field("service", &self.service).field("dsn", &dsn).finish()
    }
}

/// The process's surroundings as far as libpq looks at them; the program's edge fills it in, the library reads none of it.
#[derive(Clone)]
pub struct ConnectEnv {
    /// The variables whose names begin with `PG` (libpq's manual, 34.15 *Environment Variables*); others are not looked at.
    pub vars: BTreeMap<String, String>,
    /// The home directory: `.pg_service.conf`, `.pgpass` and `.postgresql/` are looked for there.
    pub home: Option<PathBuf>,
    /// The operating system's user name: the default of `user`.
    pub user_name: Option<String>,
    /// Where the system's `pg_service.conf` may be, in this order; `PGSYSCONFDIR` replaces the list.
    pub system_dirs: Vec<PathBuf>,
    /// Where a server's socket may be when no host is named: the first that exists.
    pub socket_dirs: Vec<PathBuf>,
    /// The private local server's directory, which is used when nothing at all is named.
    pub local_dir: Option<PathBuf>,
}

impl Default for ConnectEnv {
    /// No variable, no home, no user; the folders of the packages of Debian, Fedora and PostgreSQL's own builds.
    fn default() -> Self {
        Self {
            vars: BTreeMap::new(),
            home: None,
            user_name: None,
            system_dirs: vec!["/etc/postgresql-common".into(), "/etc".into()],
            socket_dirs: vec!["/var/run/postgresql".into(), "/tmp".into()],
            local_dir: None,
        }
    }
}

impl ConnectEnv {
    /// A variable's value; one that is set and empty counts as not set.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A file in the home directory's folder for TLS, `~/.postgresql/`.
    pub(super) fn tls_file(&self, name: &str) -> Option<PathBuf> {
        self.home.as_ref().map(|home| home.join(".postgresql").join(name))
    }

    /// The directory of the server's socket when no host is named.
    pub(super) fn default_socket_dir(&self) -> PathBuf {
        let existing = self.socket_dirs.iter().find(|dir| dir.is_dir());
        existing.or(self.socket_dirs.last()).cloned().unwrap_or_else(|| "/tmp".into())
    }
}

impl std::fmt::Debug for ConnectEnv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectEnv")
            .field("vars", &hide_passwords(&self.vars))
            .field("home", &self.home)
            .field("user_name", &self.user_name)
            .field("system_dirs", &self.system_dirs)
            .field("socket_dirs", &self.socket_dirs)
            .field("local_dir", &self.local_dir)
            .finish()
    }
}
