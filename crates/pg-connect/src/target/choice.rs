//! Parameters with a fixed set of values, and settings of TCP.

use std::time::Duration;

pub(crate) use tokio_postgres::config::ChannelBinding;

use super::super::error::ConnectError;
use super::super::params::Params;
use super::super::value::{choose, number};

/// The required state of a server: `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionAttrs {
    /// Any state.
    Any,
    /// The server is not a standby, and transactions are not read-only by default.
    ReadWrite,
    /// The server is a standby, or transactions are read-only by default.
    ReadOnly,
    /// The server is not a standby.
    Primary,
    /// The server is a standby.
    Standby,
    /// A standby if one of the hosts is one, else any state.
    PreferStandby,
}

/// TCP keepalives and timeouts; `None` selects the default of the operating system.
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
        // In each of them, 0 selects the default of the system.
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
    let values = [
        ("disable", ChannelBinding::Disable),
        ("prefer", ChannelBinding::Prefer),
        ("require", ChannelBinding::Require),
    ];
    Ok(choose(params, "channel_binding", &values)?.unwrap_or(ChannelBinding::Prefer))
}

/// Rejects `gssencmode=require`: GSSAPI encryption is not supported, and the other values do not
/// depend on it.
pub(super) fn refuse_gss(params: &Params) -> Result<(), ConnectError> {
    choose(params, "gssencmode", &[("disable", ()), ("prefer", ())]).map(|_| ())
}
