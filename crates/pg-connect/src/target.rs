//! The validated parameters of a connection: the result of [`resolve`](super::resolve()).

use std::path::PathBuf;
use std::time::Duration;

use super::env::ConnectEnv;
use super::error::ConnectError;
use super::params::Params;
use super::passfile::{PassFile, PasswordQuery};
use super::secret::Secret;
use super::tls::TlsSettings;
use super::value::{choose, number};

mod choice;
mod hosts;

pub(super) use choice::{ChannelBinding, Keepalive, SessionAttrs};
pub(super) use hosts::{Address, HostTarget};

/// The default of `connect_timeout` for each host. libpq waits for the system, which can take
/// minutes or forever.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The origin of the parameters that select the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A section of a service file.
    Service(String),
    /// A conninfo string or URI.
    Dsn,
    /// The environment variables, or the defaults of libpq.
    Environment,
    /// The default server with this description, because no server was named.
    DefaultServer(String),
}

/// The validated parameters of a connection. Only certificates are not read yet.
#[derive(Debug, Clone)]
pub struct Target {
    /// The servers, in the order of the attempts. There is at least one.
    pub(super) hosts: Vec<HostTarget>,
    pub(super) user: String,
    pub(super) dbname: String,
    /// The name that `pg_stat_activity` shows.
    pub(super) application_name: String,
    /// Command-line options of the server for the session, such as `-c statement_timeout=5s`.
    pub(super) options: Option<String>,
    /// The time limit of each host, from the name lookup to the end of authentication; `None` for
    /// no limit.
    pub(super) connect_timeout: Option<Duration>,
    pub(super) session_attrs: SessionAttrs,
    /// Whether the hosts are tried in random order (`load_balance_hosts=random`).
    pub(super) load_balance: bool,
    pub(super) tls: TlsSettings,
    /// The origin of the parameters that select the server.
    pub origin: Origin,
    /// Warnings about ignored input, such as a password file that others can read.
    pub(super) warnings: Vec<String>,
    pub(super) channel_binding: ChannelBinding,
    pub(super) keepalive: Keepalive,
}

impl Target {
    /// Validates merged parameters.
    ///
    /// # Errors
    ///
    /// Returns [`ConnectError::BadValue`] or [`ConnectError::NoUser`].
    pub(super) fn new(
        params: &Params,
        env: &ConnectEnv,
        origin: Origin,
    ) -> Result<Self, ConnectError> {
        choice::refuse_gss(params)?;
        let user = params
            .get("user")
            .or(env.user_name.as_deref())
            .ok_or(ConnectError::NoUser)?
            .to_owned();
        let application_name = params
            .get("application_name")
            .or(params.get("fallback_application_name"));
        let mut target = Self {
            hosts: hosts::parse(params, env)?,
            dbname: params.get("dbname").unwrap_or(&user).to_owned(),
            user,
            application_name: application_name.unwrap_or(&env.application_name).to_owned(),
            options: params.get("options").map(str::to_owned),
            connect_timeout: timeout(params)?,
            session_attrs: choice::session_attrs(params)?,
            load_balance: choose(
                params,
                "load_balance_hosts",
                &[("disable", false), ("random", true)],
            )?
            .unwrap_or(false),
            tls: TlsSettings::new(params, env)?,
            origin,
            warnings: Vec::new(),
            channel_binding: choice::channel_binding(params)?,
            keepalive: Keepalive::new(params)?,
        };
        target.add_passwords(params, env);
        Ok(target)
    }

    /// Returns a description without the password: `service prod (host db1, port 5432, database
    /// app, user me)`.
    #[must_use]
    pub fn describe(&self) -> String {
        let hosts: Vec<_> = self.hosts.iter().map(ToString::to_string).collect();
        self.describe_at(&hosts.join("; "))
    }

    pub(super) fn describe_at(&self, hosts: &str) -> String {
        let location = format!("{hosts}, database {}, user {}", self.dbname, self.user);
        match &self.origin {
            Origin::Service(name) => format!("service {name} ({location})"),
            Origin::DefaultServer(description) => format!("{description} ({location})"),
            Origin::Dsn | Origin::Environment => location,
        }
    }

    /// Sets the password of each host. As in libpq, the password file is only read if there is no
    /// other password.
    fn add_passwords(&mut self, params: &Params, env: &ConnectEnv) {
        if let Some(password) = params.get("password") {
            self.hosts
                .iter_mut()
                .for_each(|host| host.password = Some(Secret::new(password)));
            return;
        }
        let default = || env.home.as_ref().map(|home| home.join(".pgpass"));
        let Some(path) = params.get("passfile").map(PathBuf::from).or_else(default) else {
            return;
        };
        match PassFile::read(&path) {
            Ok(Some(file)) => self.look_up_passwords(&file, env),
            Ok(None) => {}
            Err(warning) => self.warnings.push(warning),
        }
    }

    fn look_up_passwords(&mut self, file: &PassFile, env: &ConnectEnv) {
        for host in &mut self.hosts {
            let name = hosts::password_name(&host.address, env);
            let query = PasswordQuery {
                host: &name,
                port: host.port,
                database: &self.dbname,
                user: &self.user,
            };
            host.password = file.find(query);
            host.password_file = host.password.as_ref().map(|_| file.path().to_owned());
        }
    }
}

/// Returns `connect_timeout`, in seconds. As in libpq, 0 and negative values mean no limit.
fn timeout(params: &Params) -> Result<Option<Duration>, ConnectError> {
    let seconds = number::<i64>(params, "connect_timeout")?;
    Ok(seconds.map_or(Some(DEFAULT_TIMEOUT), |value| {
        u64::try_from(value)
            .ok()
            .filter(|value| *value > 0)
            .map(Duration::from_secs)
    }))
}
