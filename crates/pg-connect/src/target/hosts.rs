//! The lists `host`, `hostaddr` and `port` (libpq's manual, 34.1.1.3 *Specifying Multiple Hosts*).

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::super::env::ConnectEnv;
use super::super::error::ConnectError;
use super::super::params::Params;
use super::super::secret::Secret;

const DEFAULT_PORT: u16 = 5432;

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A Unix socket in this directory.
    Socket(PathBuf),
    /// A TCP address.
    Tcp {
        /// The name that certificates and password files must match: `host`, or `hostaddr` if there
        /// is no `host`.
        name: String,
        /// The value of `hostaddr`, which makes a name lookup unnecessary.
        addr: Option<IpAddr>,
    },
}

/// One server of the list.
#[derive(Debug, Clone)]
pub(crate) struct HostTarget {
    pub(crate) address: Address,
    /// The TCP port, or the number in the name of the socket.
    pub(crate) port: u16,
    /// The password of the parameters, else of the password file.
    pub(crate) password: Option<Secret>,
    /// The password file, if it contains the password.
    pub(crate) password_file: Option<PathBuf>,
}

impl std::fmt::Display for HostTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.address {
            Address::Socket(dir) => write!(f, "socket {}, port {}", dir.display(), self.port),
            Address::Tcp { name, .. } => write!(f, "host {name}, port {}", self.port),
        }
    }
}

/// Returns the hosts in order. An empty entry selects the default: the socket directory, port 5432.
pub(super) fn parse(params: &Params, env: &ConnectEnv) -> Result<Vec<HostTarget>, ConnectError> {
    let names = list(params, "host");
    let addrs = list(params, "hostaddr");
    let ports = list(params, "port");
    if !names.is_empty() && !addrs.is_empty() && names.len() != addrs.len() {
        return Err(wrong_length(
            "hostaddr",
            "the same number of entries as in host",
            addrs.len(),
            names.len(),
        ));
    }
    let count = names.len().max(addrs.len()).max(1);
    if ports.len() > 1 && ports.len() != count {
        return Err(wrong_length(
            "port",
            "1 entry, or 1 for each host",
            ports.len(),
            count,
        ));
    }
    let port = |index| ports.get(index).or(ports.first()).copied();
    (0..count)
        .map(|index| host(entry(&names, index), entry(&addrs, index), port(index), env))
        .collect()
}

fn list<'a>(params: &'a Params, key: &str) -> Vec<&'a str> {
    params
        .get(key)
        .map(|value| value.split(',').map(str::trim).collect())
        .unwrap_or_default()
}

fn entry<'a>(list: &[&'a str], index: usize) -> Option<&'a str> {
    list.get(index).copied().filter(|text| !text.is_empty())
}

fn wrong_length(key: &'static str, expected: &str, entries: usize, hosts: usize) -> ConnectError {
    ConnectError::BadValue {
        key,
        expected: expected.into(),
        found: format!(
            "{} for {}",
            counted(entries, "entry", "entries"),
            counted(hosts, "host", "hosts")
        ),
    }
}

fn counted(count: usize, singular: &str, plural: &str) -> String {
    format!("{count} {}", if count == 1 { singular } else { plural })
}

fn host(
    name: Option<&str>,
    addr: Option<&str>,
    port: Option<&str>,
    env: &ConnectEnv,
) -> Result<HostTarget, ConnectError> {
    let port = port
        .filter(|text| !text.is_empty())
        .map_or(Ok(DEFAULT_PORT), parse_port)?;
    Ok(HostTarget {
        address: address(name, addr, env)?,
        port,
        password: None,
        password_file: None,
    })
}

fn address(
    name: Option<&str>,
    addr: Option<&str>,
    env: &ConnectEnv,
) -> Result<Address, ConnectError> {
    let addr = addr.map(parse_addr).transpose()?;
    match (name, addr) {
        (Some(name), None) if name.starts_with('/') => Ok(Address::Socket(PathBuf::from(name))),
        (Some(name), _) if name.starts_with('@') => Err(bad_value(
            "host",
            "a name, an address or a socket directory",
            name,
        )),
        (Some(name), addr) => Ok(Address::Tcp {
            name: name.to_owned(),
            addr,
        }),
        (None, Some(addr)) => Ok(Address::Tcp {
            name: addr.to_string(),
            addr: Some(addr),
        }),
        (None, None) => Ok(Address::Socket(env.default_socket_dir())),
    }
}

fn parse_port(text: &str) -> Result<u16, ConnectError> {
    text.parse()
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| bad_value("port", "a number from 1 to 65535", text))
}

fn parse_addr(text: &str) -> Result<IpAddr, ConnectError> {
    text.parse()
        .map_err(|_| bad_value("hostaddr", "an IPv4 or IPv6 address", text))
}

fn bad_value(key: &'static str, expected: &str, text: &str) -> ConnectError {
    ConnectError::BadValue {
        key,
        expected: expected.to_owned(),
        found: format!("{text:?}"),
    }
}

/// Returns the name of the host in a password file: `localhost` for a default socket directory.
pub(super) fn password_name(address: &Address, env: &ConnectEnv) -> String {
    let is_default = |dir: &Path| env.socket_dirs.iter().any(|default| default == dir);
    match address {
        Address::Socket(dir) if is_default(dir) => "localhost".to_owned(),
        Address::Socket(dir) => dir.display().to_string(),
        Address::Tcp { name, .. } => name.clone(),
    }
}
