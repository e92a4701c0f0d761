//! Trying the hosts in turn.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use rustls::ClientConfig;
use tokio_postgres::config::{SslMode as Encrypt, SslNegotiation};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{ConnectError, FailureKind};
use super::session::Session;
use super::target::{HostTarget, Place, SessionAttrs, Target};
use super::tls::SslMode;

mod failure;

use failure::Failure;

/// Connects to the first host that lets us in and is of the wanted kind.
///
/// As in libpq a host that rejects the user ends the search: the next would reject him too, or ask him for another's
/// password. Errors: certificates that can't be read; [`ConnectError::Unreachable`] with each host's reason.
pub async fn open(target: &Target) -> Result<Session, ConnectError> {
    for warning in &target.warnings {
        tracing::warn!("{warning}");
    }
    let tls = tls_for(target)?;
    let mut failures = Vec::new();
    for wanted in passes(target.session_attrs) {
        failures.clear();
        for host in order(target) {
            match limited(target, host, tls.as_ref(), *wanted).await {
                Ok(session) => return Ok(session),
                Err(failure) => failures.push(failure.on(host)),
            }
            if failures.last().is_some_and(|failure| ends_search(failure.kind)) {
                break;
            }
        }
    }
    Err(ConnectError::Unreachable { target: target.describe(), failures, warnings: target.warnings.clone() })
}

/// What each walk over the hosts accepts.
fn passes(attrs: SessionAttrs) -> &'static [SessionAttrs] {
    match attrs {
        SessionAttrs::PreferStandby => &[SessionAttrs::Standby, SessionAttrs::Any],
        SessionAttrs::Any => &[SessionAttrs::Any],
        SessionAttrs::ReadWrite => &[SessionAttrs::ReadWrite],
        SessionAttrs::ReadOnly => &[SessionAttrs::ReadOnly],
        SessionAttrs::Primary => &[SessionAttrs::Primary],
        SessionAttrs::Standby => &[SessionAttrs::Standby],
    }
}

fn ends_search(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::Rejected | FailureKind::NoPassword)
}

fn order(target: &Target) -> Vec<&HostTarget> {
    let mut hosts: Vec<_> = target.hosts.iter().collect();
    if target.load_balance {
        let random = RandomState::new();
        hosts.sort_by_cached_key(|host| random.hash_one(host.to_string()));
    }
    hosts
}

/// Sets TLS up once for all hosts; a target of sockets alone needs no certificate.
fn tls_for(target: &Target) -> Result<Option<ClientConfig>, ConnectError> {
    let tcp = target.hosts.iter().any(|host| matches!(host.place, Place::Tcp { .. }));
    if tcp && target.tls.mode != SslMode::Disable { target.tls.client_config().map(Some) } else { Ok(None) }
}

/// One host within its time; the limit covers everything, the way `connect_timeout` does.
async fn limited(
    target: &Target,
    host: &HostTarget,
    tls: Option<&ClientConfig>,
    wanted: SessionAttrs,
) -> Result<Session, Failure> {
    let attempt = one_host(target, host, tls, wanted);
    match target.connect_timeout {
        None => attempt.await,
        Some(limit) => tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| Err(timed_out(limit))),
    }
}

fn timed_out(limit: Duration) -> Failure {
    Failure::new(FailureKind::Timeout, format!("no answer within {} s (connect_timeout)", limit.as_secs()))
}

async fn one_host(
    target: &Target,
    host: &HostTarget,
    tls: Option<&ClientConfig>,
    wanted: SessionAttrs,
) -> Result<Session, Failure> {
    let mut last = None;
    for encrypt in encryptions(host, target.tls.mode) {
        match handshake(target, host, tls, *encrypt).await {
            Ok(session) => {
                check_kind(&session.client, wanted).await?;
                return Ok(session);
            }
            Err(failure) if failure.may_depend_on_encryption => last = last.or(Some(failure)),
            Err(failure) => return Err(failure),
        }
    }
    Err(last.unwrap_or_else(|| Failure::new(FailureKind::Other, "no connection was attempted".into())))
}

/// The ways to try in turn: libpq's `allow` and `prefer` have a second one, and sockets are never encrypted.
fn encryptions(host: &HostTarget, mode: SslMode) -> &'static [Encrypt] {
    match (&host.place, mode) {
        (Place::Socket(_), _) | (_, SslMode::Disable) => &[Encrypt::Disable],
        (_, SslMode::Allow) => &[Encrypt::Disable, Encrypt::Require],
        (_, SslMode::Prefer) => &[Encrypt::Prefer, Encrypt::Disable],
        (_, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => &[Encrypt::Require],
    }
}

async fn handshake(target: &Target, host: &HostTarget, tls: Option<&ClientConfig>, encrypt: Encrypt) -> Result<Session, Failure> {
    let config = config(target, host, encrypt);
    let description = target.describe_at(&host.to_string());
    let explain = |error| Failure::from_server(&error, host);
    match tls {
        Some(tls) if encrypt != Encrypt::Disable => {
            let (client, connection) = config.connect(MakeRustlsConnect::new(tls.clone())).await.map_err(explain)?;
            Ok(Session::start(client, connection, description))
        }
        _ => {
            let (client, connection) = config.connect(NoTls).await.map_err(explain)?;
            Ok(Session::start(client, connection, description))
        }
    }
}

fn config(target: &Target, host: &HostTarget, encrypt: Encrypt) -> Config {
    let mut config = Config::new();
    config
        .user(&target.user)
        .dbname(&target.dbname)
        .application_name(&target.application_name)
        .port(host.port)
        .ssl_mode(encrypt)
        .channel_binding(target.channel_binding)
        .keepalives(target.keepalive.on);
    match &host.place {
        Place::Socket(dir) => _ = config.host_path(dir),
        Place::Tcp { name, addr } => {
            config.host(name);
            addr.map(|addr| config.hostaddr(addr));
        }
    }
    if target.tls.direct && encrypt == Encrypt::Require {
        config.ssl_negotiation(SslNegotiation::Direct);
    }
    target.options.as_ref().map(|options| config.options(options));
    host.password.as_ref().map(|password| config.password(password.reveal()));
    set_keepalive(&mut config, target);
    config
}

fn set_keepalive(config: &mut Config, target: &Target) {
    let keepalive = &target.keepalive;
    keepalive.idle.map(|idle| config.keepalives_idle(idle));
    keepalive.interval.map(|interval| config.keepalives_interval(interval));
    keepalive.count.map(|count| config.keepalives_retries(count));
    keepalive.user_timeout.map(|timeout| config.tcp_user_timeout(timeout));
}

/// Asks the server what it is. libpq 14 and newer go by the same two facts.
async fn check_kind(client: &Client, wanted: SessionAttrs) -> Result<(), Failure> {
    const QUERY: &str = "select pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('default_transaction_read_only')";
    if wanted == SessionAttrs::Any {
        return Ok(());
    }
    let answer = client.simple_query(QUERY).await.map_err(|error| Failure::new(FailureKind::Other, error.to_string()))?;
    let facts = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0) == Some("t"), row.get(1) == Some("on"))),
        _ => None,
    });
    let (standby, read_only) = facts.unwrap_or_default();
    let problem = match wanted {
        SessionAttrs::ReadWrite if standby || read_only => "server is read-only",
        SessionAttrs::ReadOnly if !standby && !read_only => "server is not read-only",
        SessionAttrs::Primary if standby => "server is in hot standby mode",
        SessionAttrs::Standby if !standby => "server is not in hot standby mode",
        _ => return Ok(()),
    };
    Err(Failure::new(FailureKind::WrongKind, format!("{problem} (target_session_attrs)")))
}
