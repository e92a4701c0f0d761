//! The private server of one directory.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use nix::unistd::{AccessFlags, eaccess};

use super::binaries::Binaries;
use super::claim::{Claim, check_own};
use super::command::as_user;
use super::error::LocalError;
use super::interrupt::Interrupt;
use super::layout::Layout;
use super::os_user::OsUser;
use super::{DATABASE, Endpoint, LocalEnv, PORT, ROLE, SERVICE, create, service_file, socket, start};

/// libpq's variables that say where and how to connect (chapter "Environment Variables" of PostgreSQL's documentation). The private
/// server needs none of them, and one that is meant for another server can make a connection fail. Preferences of a session, such
/// as `PGTZ`, are left alone.
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

/// The private server of one directory, whether or not it was made yet.
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

/// What `up` did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Up {
    /// The directory.
    pub dir: PathBuf,
    /// Whether the data directory was made.
    pub created: bool,
    /// Whether the server was started; otherwise it ran already.
    pub started: bool,
    /// The data's major version.
    pub version: Option<u32>,
    /// Where the server is reached.
    pub endpoint: Endpoint,
    /// The service record's name, where one was written.
    pub service: Option<String>,
    /// The error that prevented the service record.
    #[serde(skip)]
    pub service_error: Option<String>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

impl LocalServer {
    /// The server in `dir`; touches nothing yet. A relative path is taken from the working directory.
    ///
    /// Errors: [`LocalError::BadPath`], [`LocalError::NoServerUser`].
    pub fn at(dir: &Path, env: &LocalEnv) -> Result<Self, LocalError> {
        let dir = std::path::absolute(dir).map_err(|source| LocalError::Io { what: "resolve", path: dir.to_owned(), source })?;
        // `pg_ctl` hands paths to a shell between double quotes.
        if dir.to_str().is_none_or(|text| text.contains(['"', '\'', '$', '`', '\\']) || text.contains(char::is_control)) {
            return Err(LocalError::BadPath { dir });
        }
        let runs_as = env.user.server_user()?;
        let layout = Layout::new(&dir);
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

    /// The server in the default directory.
    pub fn in_default_dir(env: &LocalEnv) -> Result<Self, LocalError> {
        Self::at(&env.default_dir, env)
    }

    /// Starts with one more of PostgreSQL's settings, which wins over sqern's. A running server does not change.
    #[must_use]
    pub fn with_setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Gives durability up for speed: for tests alone, since a power cut ruins the data.
    #[must_use]
    pub fn throwaway(mut self) -> Self {
        self.durable = false;
        self.with_setting("fsync", "off").with_setting("full_page_writes", "off")
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.layout.dir
    }

    /// The service record's name: [`SERVICE`] for the default directory, with eight letters more for any other.
    #[must_use]
    pub fn service(&self) -> String {
        let default = std::path::absolute(&self.env.default_dir).is_ok_and(|default| default == self.layout.dir);
        if default { SERVICE.to_owned() } else { format!("{SERVICE}-{}", socket::short_hash(&self.layout.dir)) }
    }

    /// Makes the server if need be, starts it if need be, and writes its service record. Two at once give one server.
    ///
    /// Errors: no or wrong binaries, a directory of someone else's, a failed start with the server's own words; each leaves
    /// things as they were or whole.
    pub fn up(&self) -> Result<Up, LocalError> {
        let begun = Instant::now();
        // Root's directory lets the server's user through to the folders that are its own.
        let _claim = Claim::make(&self.layout, if self.env.user.is_root() { 0o711 } else { 0o700 }, &self.interrupt)?;
        let running = start::wait_ready(&self.layout.data(), &self.interrupt)?;
        let (created, started) = if running.is_some() { (false, false) } else { (self.make_and_start()?, true) };
        let endpoint = running.unwrap_or_else(|| self.endpoint());
        // The server is usable without its record, for example if the home directory is read-only.
        let (service, service_error) = match self.put_record(&endpoint) {
            Ok(service) => (service, None),
            Err(error) => (None, Some(error.to_string())),
        };
        let version = self.layout.data_version()?;
        let dir = self.layout.dir.clone();
        Ok(Up { dir, created, started, version, endpoint, service, service_error, elapsed_ms: millis(begun) })
    }

    /// Returns the handle that stops [`Self::up`] in another thread.
    #[must_use]
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Checks whether [`Self::up`] can create and start the server, and changes nothing.
    ///
    /// # Errors
    ///
    /// Returns the error that `up` would return: another owner of the directory, missing binaries, or missing permissions.
    pub fn check_up(&self) -> Result<(), LocalError> {
        check_own(&self.layout)?;
        let dir = &self.layout.dir;
        let existing = dir.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
        let what = if existing == dir { "write to" } else { "create directory" };
        eaccess(existing, AccessFlags::W_OK | AccessFlags::X_OK).map_err(|error| {
            let path = if existing == dir { existing.to_owned() } else { dir.clone() };
            LocalError::Io { what, path, source: error.into() }
        })?;
        let version = self.layout.data_version()?;
        let data = self.layout.data();
        Binaries::find(&self.env, version.map(|version| (version, data.as_path())))?;
        self.check_way()
    }

    /// Tells whether the data was made.
    fn make_and_start(&self) -> Result<bool, LocalError> {
        let version = self.layout.data_version()?;
        let data = self.layout.data();
        let binaries = Binaries::find(&self.env, version.map(|version| (version, data.as_path())))?;
        self.check_way()?;
        if version.is_none() {
            create::create(self, &binaries)?;
        }
        start::start(self, &binaries)?;
        Ok(version.is_none())
    }

    /// Makes sure that the server's user can get to the directory.
    fn check_way(&self) -> Result<(), LocalError> {
        if self.env.user.uid == self.runs_as.uid {
            return Ok(());
        }
        let mut way: Vec<_> = self.layout.dir.ancestors().collect();
        way.reverse();
        for dir in way.into_iter().filter(|dir| dir.exists()) {
            let mut test = as_user(Path::new("/bin/sh"), &self.env.user, &self.runs_as);
            let tested = test.args(["-c", "cd \"$1\"", "sh"]).arg(dir).output();
            let tested = tested.map_err(|source| LocalError::SwitchUser { user: self.runs_as.name.clone(), source })?;
            if !tested.status.success() {
                return Err(LocalError::NotTraversable { blocked: dir.to_owned(), user: self.runs_as.name.clone() });
            }
        }
        Ok(())
    }

    /// Where the server is reached, or will be.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        let port = self.settings.iter().rev().find(|(name, _)| name == "port").and_then(|(_, value)| value.parse().ok());
        Endpoint { socket_dir: self.socket_dir.clone(), port: port.unwrap_or(PORT) }
    }

    /// The conninfo string that psql, psycopg and `sqern --dsn` take. Errors: [`LocalError::Absent`].
    pub fn dsn(&self) -> Result<String, LocalError> {
        if self.layout.data_version()?.is_none() {
            return Err(LocalError::Absent { dir: self.layout.dir.clone() });
        }
        let endpoint = super::running_endpoint(&self.layout.dir).unwrap_or_else(|| self.endpoint());
        let host = endpoint.socket_dir.display().to_string();
        let host = if host.contains(' ') { format!("'{host}'") } else { host };
        Ok(format!("host={host} port={} dbname={DATABASE} user={ROLE}", endpoint.port))
    }

    /// A command that runs `psql` on the running server; the caller adds arguments and runs it.
    ///
    /// Errors: [`LocalError::NotRunning`].
    pub fn psql(&self) -> Result<Command, LocalError> {
        self.client_program("psql")
    }

    /// A command that runs one of PostgreSQL's client programs (`psql`, `pg_dump`) on the running server.
    ///
    /// The one beside the server's binaries, else the one on `PATH`. Errors: [`LocalError::NotRunning`].
    pub fn client_program(&self, name: &str) -> Result<Command, LocalError> {
        let not_running = || LocalError::NotRunning { dir: self.layout.dir.clone() };
        let endpoint = super::running_endpoint(&self.layout.dir).ok_or_else(not_running)?;
        let beside = Binaries::find(&self.env, None).map(|found| found.program(name)).ok().filter(|program| program.is_file());
        let mut command = Command::new(beside.unwrap_or_else(|| name.into()));
        for name in CONNECTION_VARIABLES {
            command.env_remove(name);
        }
        // By variables, so that a database named among the arguments still counts.
        command.env("PGHOST", &endpoint.socket_dir).env("PGPORT", endpoint.port.to_string());
        command.env("PGDATABASE", DATABASE).env("PGUSER", ROLE);
        Ok(command)
    }

    /// Writes the record; gives its name.
    fn put_record(&self, endpoint: &Endpoint) -> Result<Option<String>, LocalError> {
        let Some(path) = &self.env.service_file else { return Ok(None) };
        // The port too: otherwise a PGPORT in somebody's environment would apply.
        let pairs = [
            ("host", endpoint.socket_dir.display().to_string()),
            ("port", endpoint.port.to_string()),
            ("dbname", DATABASE.to_owned()),
            ("user", ROLE.to_owned()),
        ];
        service_file::put(path, &self.service(), &pairs)?;
        Ok(Some(self.service()))
    }

    pub(super) fn remove_record(&self) -> Result<(), LocalError> {
        self.env.service_file.as_ref().map_or(Ok(()), |path| service_file::take(path, &self.service()))
    }
}

pub(super) fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}
