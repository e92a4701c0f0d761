//! The lists `host`, `hostaddr` and `port` (libpq's manual, 34.1.1.3 *Specifying Multiple Hosts*).

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use sqern_model::counted;

use super::super::env::ConnectEnv;
use super::super::error::ConnectError;
use super::super::params::Params;
use super::{HostTarget, Place};

const DEFAULT_PORT: u16 = 5432;

/// The hosts in order. An empty entry of a list is the default: the socket's directory, port 5432.
pub(super) fn parse(params: &Params, env: &ConnectEnv) -> Result<Vec<HostTarget>, ConnectError> {
    let names = list(params, "host");
    let addrs = list(params, "hostaddr");
    let ports = list(params, "port");
    if !names.is_empty() && !addrs.is_empty() && names.len() != addrs.len() {
        return Err(lengths("hostaddr", "the same number of entries as in host", addrs.len(), names.len()));
    }
    let count = names.len().max(addrs.len()).max(1);
    if ports.len() > 1 && ports.len() != count {
        return Err(lengths("port", "1 entry, or 1 for each host", ports.len(), count));
    }
    (0..count).map(|i| host(entry(&names, i), entry(&addrs, i), ports.get(i).or(ports.first()).copied(), env)).collect()
}

fn list<'a>(params: &'a Params, key: &str) -> Vec<&'a str> {
    params.get(key).map(|value| value.split(',').map(str::trim).collect()).unwrap_or_default()
}

fn entry<'a>(list: &[&'a str], at: usize) -> Option<&'a str> {
    list.get(at).copied().filter(|text| !text.is_empty())
}

fn lengths(key: &'static str, expected: &str, got: usize, hosts: usize) -> ConnectError {
    ConnectError::BadValue {
        key,
        expected: expected.into(),
        got: format!("{} for {}", counted(got, "entry"), counted(hosts, "host")),
    }
}

fn host(name: Option<&str>, addr: Option<&str>, port: Option<&str>, env: &ConnectEnv) -> Result<HostTarget, ConnectError> {
    let port = port.filter(|text| !text.is_empty()).map_or(Ok(DEFAULT_PORT), parse_port)?;
    Ok(HostTarget { place: place(name, addr, env)?, port, password: None, password_file: None })
}

fn place(name: Option<&str>, addr: Option<&str>, env: &ConnectEnv) -> Result<Place, ConnectError> {
    let addr = addr.map(parse_addr).transpose()?;
    match (name, addr) {
        (Some(name), None) if name.starts_with('/') => Ok(Place::Socket(PathBuf::from(name))),
        (Some(name), _) if name.starts_with('@') => Err(bad("host", "a name, an address or a socket directory", name)),
        (Some(name), addr) => Ok(Place::Tcp { name: name.to_owned(), addr }),
        (None, Some(addr)) => Ok(Place::Tcp { name: addr.to_string(), addr: Some(addr) }),
        (None, None) => Ok(Place::Socket(env.default_socket_dir())),
    }
}

fn parse_port(text: &str) -> Result<u16, ConnectError> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| bad("port", "a number from 1 to 65535", text))
}

fn parse_addr(text: &str) -> Result<IpAddr, ConnectError> {
    text.parse().map_err(|_| bad("hostaddr", "an IPv4 or IPv6 address", text))
}

fn bad(key: &'static str, expected: &str, got: &str) -> ConnectError {
    ConnectError::BadValue { key, expected: expected.to_owned(), got: format!("{got:?}") }
}

/// The name that a password file knows the host by: the default socket's directory is `localhost` there.
pub(super) fn password_name(place: &Place, env: &ConnectEnv) -> String {
    let is_default = |dir: &Path| env.socket_dirs.iter().any(|known| known == dir);
    match place {
        Place::Socket(dir) if is_default(dir) => "localhost".to_owned(),
        Place::Socket(dir) => dir.display().to_string(),
        Place::Tcp { name, .. } => name.clone(),
    }
}
