//! A server to connect to, understood: what [`resolve`](super::resolve()) gives and [`open`](super::open) takes.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::env::ConnectEnv;
use super::error::ConnectError;
use super::params::Params;
use super::passfile::{PassFile, Wanted};
use super::secret::Secret;
use super::tls::TlsSettings;

mod choice;
mod hosts;

pub use choice::SessionAttrs;
pub(super) use choice::{ChannelBinding, Keepalive, choose, number};

/// How long one host may take when nobody says: libpq would wait as long as the system does, minutes or forever.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the parameters came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A section of a service file.
    Service(String),
    /// A conninfo string or URI.
    Dsn,
    /// The environment's variables.
    Environment,
    /// The private local server, because nothing was named.
    Local,
}

/// Where one server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A Unix socket in this directory.
    Socket(PathBuf),
    /// TCP: the name that certificates and password files are looked up by, and the address if it needs no look-up.
    Tcp {
        /// The host's name as it was written, or its address when only that was.
        name: String,
        /// `hostaddr`.
        addr: Option<IpAddr>,
    },
}

/// One server of the list.
#[derive(Debug, Clone)]
pub struct HostTarget {
    /// Where it listens.
    pub place: Place,
    /// The TCP port, or the number in the socket's name.
    pub port: u16,
    /// The password for this host: the one given, else the password file's.
    pub password: Option<Secret>,
    /// The password file, where the password came from one.
    pub password_file: Option<PathBuf>,
}

impl std::fmt::Display for HostTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Socket(dir) => write!(f, "socket {}, port {}", dir.display(), self.port),
            Place::Tcp { name, .. } => write!(f, "host {name}, port {}", self.port),
        }
    }
}

/// A server to connect to; all that depends on files and environment is settled, but for certificates.
#[derive(Debug, Clone)]
pub struct Target {
    /// The servers in the order of trial, at least one.
    pub hosts: Vec<HostTarget>,
    /// The role.
    pub user: String,
    /// The database.
    pub dbname: String,
    /// The name that the server's activity list shows: `sqern` when nobody says.
    pub application_name: String,
    /// The server's command-line options for this session, such as `-c statement_timeout=5s`.
    pub options: Option<String>,
    /// How long one host may take, from its name's look-up to its greeting; `None` is without limit.
    pub connect_timeout: Option<Duration>,
    /// Which kind of server is acceptable.
    pub session_attrs: SessionAttrs,
    /// Whether the hosts are tried in random order (`load_balance_hosts=random`).
    pub load_balance: bool,
    /// Encryption and certificates.
    pub tls: TlsSettings,
    /// Where the parameters came from.
    pub origin: Origin,
    /// What was left aside and may surprise, such as a password file that others may read.
    pub warnings: Vec<String>,
    pub(super) channel_binding: ChannelBinding,
    pub(super) keepalive: Keepalive,
}

impl Target {
    /// Understands merged parameters. Errors: [`ConnectError::BadValue`], [`ConnectError::NoUser`].
    pub(super) fn new(params: &Params, env: &ConnectEnv, origin: Origin) -> Result<Self, ConnectError> {
        choice::refuse_gss(params)?;
        let user = params.get("user").or(env.user_name.as_deref()).ok_or(ConnectError::NoUser)?.to_owned();
        let application_name = params.get("application_name").or(params.get("fallback_application_name")).unwrap_or("sqern");
        let mut target = Self {
            hosts: hosts::parse(params, env)?,
            dbname: params.get("dbname").unwrap_or(&user).to_owned(),
            user,
            application_name: application_name.to_owned(),
            options: params.get("options").map(str::to_owned),
            connect_timeout: timeout(params)?,
            session_attrs: choice::session_attrs(params)?,
            load_balance: choose(params, "load_balance_hosts", &[("disable", false), ("random", true)])?.unwrap_or(false),
            tls: TlsSettings::new(params, env)?,
            origin,
            warnings: Vec::new(),
            channel_binding: choice::channel_binding(params)?,
            keepalive: Keepalive::new(params)?,
        };
        target.add_passwords(params, env);
        Ok(target)
    }

    /// The server in words, without the password: `service prod (host db1, port 5432, database sqern, user me)`.
    #[must_use]
    pub fn describe(&self) -> String {
        let hosts: Vec<_> = self.hosts.iter().map(ToString::to_string).collect();
        self.describe_at(&hosts.join("; "))
    }

    pub(super) fn describe_at(&self, hosts: &str) -> String {
        let place = format!("{hosts}, database {}, user {}", self.dbname, self.user);
        match &self.origin {
            Origin::Service(name) => format!("service {name} ({place})"),
            Origin::Local => format!("the private local server ({place})"),
            Origin::Dsn | Origin::Environment => place,
        }
    }

    /// Gives each host its password. As in libpq the file is looked at only when no password was given.
    fn add_passwords(&mut self, params: &Params, env: &ConnectEnv) {
        if let Some(given) = params.get("password") {
            self.hosts.iter_mut().for_each(|host| host.password = Some(Secret::new(given)));
            return;
        }
        let default = || env.home.as_ref().map(|home| home.join(".pgpass"));
        let Some(path) = params.get("passfile").map(PathBuf::from).or_else(default) else { return };
        match PassFile::read(&path) {
            Ok(Some(file)) => self.look_up_passwords(&file, env),
            Ok(None) => {}
            Err(warning) => self.warnings.push(warning),
        }
    }

    fn look_up_passwords(&mut self, file: &PassFile, env: &ConnectEnv) {
        for host in &mut self.hosts {
            let name = hosts::password_name(&host.place, env);
            let wanted = Wanted { host: &name, port: host.port, database: &self.dbname, user: &self.user };
            host.password = file.find(wanted);
            host.password_file = host.password.as_ref().map(|_| file.path().to_owned());
        }
    }
}

/// libpq: whole seconds; zero and below are without limit.
fn timeout(params: &Params) -> Result<Option<Duration>, ConnectError> {
    let seconds = number::<i64>(params, "connect_timeout")?;
    Ok(seconds.map_or(Some(DEFAULT_TIMEOUT), |s| u64::try_from(s).ok().filter(|s| *s > 0).map(Duration::from_secs)))
}
