//! The input of a connection: the request of the user, and the environment.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::secret::redact;

/// The server that the user requests: a service, a connection string or neither. Both are an error.
#[derive(Clone, Default)]
pub struct ConnectRequest {
    /// The name of a section of a service file.
    pub service: Option<String>,
    /// A conninfo string (`host=db1 dbname=app`) or a URI (`postgresql://db1/app`).
    pub dsn: Option<String>,
}

impl ConnectRequest {
    /// Requests the service `name`.
    #[must_use]
    pub fn service(name: impl Into<String>) -> Self {
        Self {
            service: Some(name.into()),
            dsn: None,
        }
    }

    /// Requests the server of a conninfo string or URI.
    #[must_use]
    pub fn dsn(text: impl Into<String>) -> Self {
        Self {
            service: None,
            dsn: Some(text.into()),
        }
    }
}

impl std::fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The text can contain a password, whose position only the parser knows.
        let dsn = self.dsn.as_ref().map(|_| "[hidden]");
        f.debug_struct("ConnectRequest")
            .field("service", &self.service)
            .field("dsn", &dsn)
            .finish()
    }
}

/// The environment of a connection. The program fills it in: this crate does not read the
/// environment of the process.
#[derive(Clone)]
pub struct ConnectEnv {
    /// The environment variables by name. Only those of libpq's manual, 34.15 *Environment
    /// Variables*, have an effect.
    pub vars: BTreeMap<String, String>,
    /// The home directory with `.pg_service.conf`, `.pgpass` and `.postgresql/`.
    pub home: Option<PathBuf>,
    /// The name of the operating system user: the default of `user`.
    pub user_name: Option<String>,
    /// The directories that can contain the `pg_service.conf` of the system, in order.
    /// `PGSYSCONFDIR` replaces the list.
    pub system_dirs: Vec<PathBuf>,
    /// The socket directories if no host is specified. The first one that exists is used.
    pub socket_dirs: Vec<PathBuf>,
    /// The default of `application_name`; libpq calls it `fallback_application_name`.
    pub application_name: String,
    /// The server that is used if the request and the variables name none; `None` selects the
    /// defaults of libpq.
    pub default_server: Option<DefaultServer>,
}

impl Default for ConnectEnv {
    /// Returns an environment without variables, home directory and user, and with the directories
    /// of Debian, Fedora and PostgreSQL.
    fn default() -> Self {
        Self {
            vars: BTreeMap::new(),
            home: None,
            user_name: None,
            system_dirs: vec!["/etc/postgresql-common".into(), "/etc".into()],
            socket_dirs: vec!["/var/run/postgresql".into(), "/tmp".into()],
            application_name: String::new(),
            default_server: None,
        }
    }
}

impl ConnectEnv {
    /// Returns the value of a variable. As in libpq, an empty value counts as not set.
    pub(super) fn var(&self, name: &str) -> Option<&str> {
        self.vars
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns the path of a file in `~/.postgresql/`, the directory of certificates and keys.
    pub(super) fn tls_file(&self, name: &str) -> Option<PathBuf> {
        self.home
            .as_ref()
            .map(|home| home.join(".postgresql").join(name))
    }

    /// Returns the socket directory that is used if no host is specified.
    pub(super) fn default_socket_dir(&self) -> PathBuf {
        let existing = self.socket_dirs.iter().find(|dir| dir.is_dir());
        existing
            .or(self.socket_dirs.last())
            .cloned()
            .unwrap_or_else(|| "/tmp".into())
    }
}

impl std::fmt::Debug for ConnectEnv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectEnv")
            .field("vars", &redact(&self.vars))
            .field("home", &self.home)
            .field("user_name", &self.user_name)
            .field("system_dirs", &self.system_dirs)
            .field("socket_dirs", &self.socket_dirs)
            .field("application_name", &self.application_name)
            .field("default_server", &self.default_server)
            .finish()
    }
}

type Locate = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// A server that is used if neither the request nor the environment names one, such as a private
/// server of the program.
#[derive(Clone)]
pub struct DefaultServer {
    description: String,
    locate: Locate,
}

impl DefaultServer {
    /// Returns a default server that messages call `description`, a noun phrase such as "the
    /// private server".
    ///
    /// `locate` returns the connection string while the server is running. Each attempt to resolve
    /// a request calls it again.
    pub fn new(
        description: impl Into<String>,
        locate: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            description: description.into(),
            locate: Arc::new(locate),
        }
    }

    pub(super) fn description(&self) -> &str {
        &self.description
    }

    /// Returns the connection string of the server, or `None` if the server is not running.
    pub(super) fn locate(&self) -> Option<String> {
        (self.locate)()
    }
}

impl std::fmt::Debug for DefaultServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DefaultServer")
            .field("description", &self.description)
            .finish_non_exhaustive()
    }
}
