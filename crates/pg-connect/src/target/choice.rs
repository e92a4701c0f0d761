//! Parameters with a fixed set of values, and numbers.

use std::str::FromStr;
use std::time::Duration;

pub(crate) use tokio_postgres::config::ChannelBinding;

use super::super::error::ConnectError;
use super::super::params::Params;

/// Which kind of server is acceptable: `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionAttrs {
    /// Any.
    Any,
    /// Sessions may write by default, and the server is no standby.
    ReadWrite,
    /// Sessions may not write by default, or the server is a standby.
    ReadOnly,
    /// The server is no standby.
    Primary,
    /// The server is a standby.
    Standby,
    /// A standby if one of the hosts is, else any.
    PreferStandby,
}

/// TCP keepalives and the like; `None` leaves it to the operating system.
#[derive(Debug, Clone)]
pub(crate) struct Keepalive {
    pub(crate) on: bool,
    pub(crate) idle: Option<Duration>,
    pub(crate) interval: Option<Duration>,
    pub(crate) count: Option<u32>,
    pub(crate) user_timeout: Option<Duration>,
}

impl Keepalive {
    pub(super) fn new(params: &Params) -> Result<Self, ConnectError> {
        // Zero means the system's default in each of them.
        let positive = |key| Ok::<_, ConnectError>(number::<u64>(params, key)?.filter(|n| *n > 0));
        Ok(Self {
            on: number::<i64>(params, "keepalives")? != Some(0),
            idle: positive("keepalives_idle")?.map(Duration::from_secs),
            interval: positive("keepalives_interval")?.map(Duration::from_secs),
            count: number::<u32>(params, "keepalives_count")?.filter(|n| *n > 0),
            user_timeout: positive("tcp_user_timeout")?.map(Duration::from_millis),
        })
    }
}

pub(super) fn session_attrs(params: &Params) -> Result<SessionAttrs, ConnectError> {
    let values = [
        ("any", SessionAttrs::Any),
        ("read-write", SessionAttrs::ReadWrite),
        ("read-only", SessionAttrs::ReadOnly),
        ("primary", SessionAttrs::Primary),
        ("standby", SessionAttrs::Standby),
        ("prefer-standby", SessionAttrs::PreferStandby),
    ];
    Ok(choose(params, "target_session_attrs", &values)?.unwrap_or(SessionAttrs::Any))
}

pub(super) fn channel_binding(params: &Params) -> Result<ChannelBinding, ConnectError> {
    let values = [("disable", ChannelBinding::Disable), ("prefer", ChannelBinding::Prefer), ("require", ChannelBinding::Require)];
    Ok(choose(params, "channel_binding", &values)?.unwrap_or(ChannelBinding::Prefer))
}

/// sqern has no GSSAPI: what only prefers it is fine, what insists on it can't be met.
pub(super) fn refuse_gss(params: &Params) -> Result<(), ConnectError> {
    choose(params, "gssencmode", &[("disable", ()), ("prefer", ())]).map(|_| ())
}

/// The value of `key` out of a fixed set; `None` where it is not set.
pub(crate) fn choose<T: Clone>(params: &Params, key: &'static str, values: &[(&str, T)]) -> Result<Option<T>, ConnectError> {
    let Some(got) = params.get(key) else { return Ok(None) };
    let found = values.iter().find(|(name, _)| *name == got).map(|(_, value)| value.clone());
    found.map(Some).ok_or_else(|| {
        let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
        ConnectError::BadValue { key, expected: names.join(", "), got: format!("{got:?}") }
    })
}

/// The value of `key` as a number; `None` where it is not set.
pub(crate) fn number<T: FromStr>(params: &Params, key: &'static str) -> Result<Option<T>, ConnectError> {
    let Some(got) = params.get(key) else { return Ok(None) };
    let bad = |_| ConnectError::BadValue { key, expected: "an integer".into(), got: format!("{got:?}") };
    got.trim().parse().map(Some).map_err(bad)
}
