//! The private server of a directory: its paths, names and client programs.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::binaries::Binaries;
use super::endpoint::{Endpoint, PORT};
use super::env::LocalEnv;
use super::error::LocalError;
use super::interrupt::Interrupt;
use super::layout::Layout;
use super::os_user::OsUser;
use super::pid_file::running_endpoint;
use super::{service_file, socket};

/// The variables of libpq that select and configure a connection (libpq's manual, 34.15 *Environment Variables*). A variable for
/// another server can make a connection to the private server fail. Variables of the session, such as `PGTZ`, are kept.
const CONNECTION_VARIABLES: [&str; 34] = [
    "PGCHANNELBINDING",
    "PGCONNECT_TIMEOUT",
    "PGGSSDELEGATION",
    "PGGSSENCMODE",
    "PGGSSLIB",
    "PGHOST",
    "PGHOSTADDR",
    "PGKRBSRVNAME",
    "PGLOADBALANCEHOSTS",
    "PGMAXPROTOCOLVERSION",
    "PGMINPROTOCOLVERSION",
    "PGOPTIONS",
    "PGPASSFILE",
    "PGPASSWORD",
    "PGPORT",
    "PGREQUIREAUTH",
    "PGREQUIREPEER",
    "PGREQUIRESSL",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGSSLCERT",
    "PGSSLCERTMODE",
    "PGSSLCOMPRESSION",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLKEY",
    "PGSSLMAXPROTOCOLVERSION",
    "PGSSLMINPROTOCOLVERSION",
    "PGSSLMODE",
    "PGSSLNEGOTIATION",
    "PGSSLROOTCERT",
    "PGSSLSNI",
    "PGTARGETSESSIONATTRS",
    "PGUSER",
];

/// The private server of a directory. The directory and the server might not exist yet.
#[derive(Debug, Clone)]
pub struct LocalServer {
    pub(super) layout: Layout,
    pub(super) env: LocalEnv,
    pub(super) runs_as: OsUser,
    pub(super) socket_dir: PathBuf,
    pub(super) settings: Vec<(String, String)>,
    pub(super) durable: bool,
    pub(super) interrupt: Interrupt,
}

impl LocalServer {
    /// Returns the server in `dir`, without changes to the file system. A relative path refers to
    /// the working directory.
    ///
    /// # Errors
    ///
    /// Returns [`LocalError::BadPath`] or [`LocalError::NoServerUser`].
    pub fn at(dir: &Path, env: &LocalEnv) -> Result<Self, LocalError> {
        let dir = std::path::absolute(dir).map_err(|source| LocalError::Io {
            action: "resolve",
            path: dir.to_owned(),
            source,
        })?;
        // `pg_ctl` passes paths to a shell in double quotes.
        if dir.to_str().is_none_or(|text| {
            text.contains(['"', '\'', '$', '`', '\\']) || text.contains(char::is_control)
        }) {
            return Err(LocalError::BadPath { dir });
        }
        let runs_as = env.user.server_user()?;
        let layout = Layout::new(dir, env.program);
        let socket_dir = socket::dir(&layout, &env.short_dir, &runs_as);
        Ok(Self {
            layout,
            env: env.clone(),
            runs_as,
            socket_dir,
            settings: Vec::new(),
            durable: true,
            interrupt: Interrupt::default(),
        })
    }

    /// Adds a setting of PostgreSQL for the next start, which overrides the settings of this crate.
    #[must_use]
    pub fn with_setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Disables durability for speed. Only for tests: after a power failure, the data are lost.
    #[must_use]
    pub fn throwaway(mut self) -> Self {
        self.durable = false;
        self.with_setting("fsync", "off")
            .with_setting("full_page_writes", "off")
    }

    /// Returns the handle that stops [`Self::up`] in another thread.
    #[must_use]
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Returns the directory of the server.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.layout.dir
    }

    /// Returns the name of the service record: [`Program::service`](crate::Program::service), with
    /// a suffix of 8 digits if the directory is not the default.
    #[must_use]
    pub fn service(&self) -> String {
        let service = self.env.program.service;
        let is_default = std::path::absolute(&self.env.default_dir)
            .is_ok_and(|default| default == self.layout.dir);
        if is_default {
            service.to_owned()
        } else {
            format!("{service}-{}", socket::short_hash(&self.layout.dir))
        }
    }

    /// Returns the address of the server, also if it is not running.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        let port = self
            .settings
            .iter()
            .rev()
            .find(|(name, _)| name == "port")
            .and_then(|(_, value)| value.parse().ok());
        Endpoint {
            socket_dir: self.socket_dir.clone(),
            port: port.unwrap_or(PORT),
        }
    }

    /// Returns the conninfo string of the server for psql, psycopg and other clients.
    ///
    /// # Errors
    ///
    /// Returns [`LocalError::Absent`] if the data directory does not exist.
    pub fn dsn(&self) -> Result<String, LocalError> {
        if self.layout.data_version()?.is_none() {
            return Err(LocalError::Absent {
                dir: self.layout.dir.clone(),
            });
        }
        let endpoint = running_endpoint(&self.layout.dir).unwrap_or_else(|| self.endpoint());
        Ok(endpoint.dsn(&self.env.program))
    }

    /// Replaces this process with `psql`, connected to the server, with the arguments `args`.
    /// Returns only an error.
    ///
    /// # Errors
    ///
    /// Returns [`LocalError::NotRunning`] if the server is not running, and
    /// [`LocalError::NoClient`] if the program cannot be executed.
    pub fn exec_psql(
        &self,
        args: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Infallible, LocalError> {
        let mut command = self.client_program("psql")?;
        let source = command.args(args).exec();
        Err(LocalError::NoClient {
            program: command.get_program().into(),
            source,
        })
    }

    /// Returns a command that runs a client program (`psql`, `pg_dump`) with a connection to the
    /// server.
    ///
    /// The program is in the directory of the server binaries, else in `PATH`.
    ///
    /// # Errors
    ///
    /// Returns [`LocalError::NotRunning`] if the server is not running.
    pub fn client_program(&self, name: &str) -> Result<Command, LocalError> {
        let not_running = || LocalError::NotRunning {
            dir: self.layout.dir.clone(),
        };
        let endpoint = running_endpoint(&self.layout.dir).ok_or_else(not_running)?;
        let installed = Binaries::find(&self.env, None)
            .map(|binaries| binaries.program(name))
            .ok();
        let program = installed
            .filter(|program| program.is_file())
            .unwrap_or_else(|| name.into());
        let mut command = Command::new(program);
        for name in CONNECTION_VARIABLES {
            command.env_remove(name);
        }
        // Variables, unlike options, can be overridden by a database among the arguments.
        command
            .env("PGHOST", &endpoint.socket_dir)
            .env("PGPORT", endpoint.port.to_string());
        command
            .env("PGDATABASE", self.env.program.database)
            .env("PGUSER", self.env.program.role);
        Ok(command)
    }

    /// Writes the service record and returns its name; `None` if there is no service file.
    pub(super) fn put_record(&self, endpoint: &Endpoint) -> Result<Option<String>, LocalError> {
        let Some(path) = &self.env.service_file else {
            return Ok(None);
        };
        // Without a port in the record, PGPORT would apply.
        let pairs = [
            ("host", endpoint.socket_dir.display().to_string()),
            ("port", endpoint.port.to_string()),
            ("dbname", self.env.program.database.to_owned()),
            ("user", self.env.program.role.to_owned()),
        ];
        service_file::put(path, &self.service(), &pairs, &self.env.user)?;
        Ok(Some(self.service()))
    }

    pub(super) fn remove_record(&self) -> Result<(), LocalError> {
        self.env.service_file.as_ref().map_or(Ok(()), |path| {
            service_file::remove(path, &self.service(), &self.env.user)
        })
    }
}

/// Returns the milliseconds since `start`.
pub(super) fn millis_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}
