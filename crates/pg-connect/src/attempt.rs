//! Connection attempts to the hosts of a target, in order.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use rustls::ClientConfig;
use tokio_postgres::config::{SslMode as Encrypt, SslNegotiation};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::details::FailureKind;
use super::error::ConnectError;
use super::session::Session;
use super::target::{Address, HostTarget, SessionAttrs, Target};
use super::tls::SslMode;

mod failure;

use failure::AttemptFailure;

/// Connects to the first host that accepts the user and satisfies `target_session_attrs`.
///
/// As in libpq, a host that rejects the user ends the search: the other hosts have the same users
/// and passwords.
///
/// # Errors
///
/// Returns [`ConnectError::TlsFile`] if a certificate cannot be used, or
/// [`ConnectError::Unreachable`] with the reason of each host.
pub(super) async fn open(target: &Target) -> Result<Session, ConnectError> {
    for warning in &target.warnings {
        tracing::warn!("{warning}");
    }
    let tls = tls_config(target)?;
    let mut failures = Vec::new();
    for required in rounds(target.session_attrs) {
        failures.clear();
        for host in ordered_hosts(target) {
            match connect_in_time(target, host, tls.as_ref(), *required).await {
                Ok(session) => {
                    tracing::info!("connected to {}", session.describe());
                    return Ok(session);
                }
                Err(failure) => failures.push(failure.on(host)),
            }
            if failures
                .last()
                .is_some_and(|failure| ends_search(failure.kind))
            {
                break;
            }
        }
    }
    Err(ConnectError::Unreachable {
        target: target.describe(),
        failures,
        warnings: target.warnings.clone(),
    })
}

/// Returns the required state of the server for each round of attempts.
fn rounds(attrs: SessionAttrs) -> &'static [SessionAttrs] {
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

fn ordered_hosts(target: &Target) -> Vec<&HostTarget> {
    let mut hosts: Vec<_> = target.hosts.iter().collect();
    if target.load_balance {
        let random = RandomState::new();
        hosts.sort_by_cached_key(|host| random.hash_one(host.to_string()));
    }
    hosts
}

/// Returns the TLS configuration for all hosts. Without TCP, certificates are not read.
fn tls_config(target: &Target) -> Result<Option<ClientConfig>, ConnectError> {
    let tcp = target
        .hosts
        .iter()
        .any(|host| matches!(host.address, Address::Tcp { .. }));
    if tcp && target.tls.mode != SslMode::Disable {
        target.tls.client_config().map(Some)
    } else {
        Ok(None)
    }
}

/// Connects to a host within `connect_timeout`, which covers all steps as in libpq.
async fn connect_in_time(
    target: &Target,
    host: &HostTarget,
    tls: Option<&ClientConfig>,
    required: SessionAttrs,
) -> Result<Session, AttemptFailure> {
    let attempt = connect_host(target, host, tls, required);
    match target.connect_timeout {
        None => attempt.await,
        Some(limit) => tokio::time::timeout(limit, attempt)
            .await
            .unwrap_or_else(|_| Err(timed_out(limit))),
    }
}

fn timed_out(limit: Duration) -> AttemptFailure {
    AttemptFailure::new(
        FailureKind::Timeout,
        format!("no answer within {} s (connect_timeout)", limit.as_secs()),
    )
}

async fn connect_host(
    target: &Target,
    host: &HostTarget,
    tls: Option<&ClientConfig>,
    required: SessionAttrs,
) -> Result<Session, AttemptFailure> {
    let mut first_failure = None;
    for encrypt in encryptions(host, target.tls.mode) {
        match handshake(target, host, tls, *encrypt).await {
            Ok(session) => {
                check_session_attrs(&session.client, required).await?;
                return Ok(session);
            }
            Err(failure) if failure.may_depend_on_encryption => {
                first_failure = first_failure.or(Some(failure));
            }
            Err(failure) => return Err(failure),
        }
    }
    Err(first_failure.unwrap_or_else(|| {
        AttemptFailure::new(FailureKind::Other, "no connection was attempted".into())
    }))
}

/// Returns the kinds of encryption to attempt, in order. As in libpq, `allow` and `prefer` have
/// two, and sockets are not encrypted.
fn encryptions(host: &HostTarget, mode: SslMode) -> &'static [Encrypt] {
    match (&host.address, mode) {
        (Address::Socket(_), _) | (_, SslMode::Disable) => &[Encrypt::Disable],
        (_, SslMode::Allow) => &[Encrypt::Disable, Encrypt::Require],
        (_, SslMode::Prefer) => &[Encrypt::Prefer, Encrypt::Disable],
        (_, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => &[Encrypt::Require],
    }
}

async fn handshake(
    target: &Target,
    host: &HostTarget,
    tls: Option<&ClientConfig>,
    encrypt: Encrypt,
) -> Result<Session, AttemptFailure> {
    let config = config(target, host, encrypt);
    let description = target.describe_at(&host.to_string());
    let explain = |error| AttemptFailure::from_server(&error, host);
    match tls {
        Some(tls) if encrypt != Encrypt::Disable => {
            let (client, connection) = config
                .connect(MakeRustlsConnect::new(tls.clone()))
                .await
                .map_err(explain)?;
            Ok(Session::start(
                client,
                connection,
                description,
                host,
                Some(tls.clone()),
            ))
        }
        _ => {
            let (client, connection) = config.connect(NoTls).await.map_err(explain)?;
            Ok(Session::start(client, connection, description, host, None))
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
    match &host.address {
        Address::Socket(dir) => _ = config.host_path(dir),
        Address::Tcp { name, addr } => {
            config.host(name);
            addr.map(|addr| config.hostaddr(addr));
        }
    }
    if target.tls.direct && encrypt == Encrypt::Require {
        config.ssl_negotiation(SslNegotiation::Direct);
    }
    target
        .options
        .as_ref()
        .map(|options| config.options(options));
    host.password
        .as_ref()
        .map(|password| config.password(password.reveal()));
    set_keepalive(&mut config, target);
    config
}

fn set_keepalive(config: &mut Config, target: &Target) {
    let keepalive = &target.keepalive;
    keepalive.idle.map(|idle| config.keepalives_idle(idle));
    keepalive
        .interval
        .map(|interval| config.keepalives_interval(interval));
    keepalive
        .count
        .map(|count| config.keepalives_retries(count));
    keepalive
        .user_timeout
        .map(|timeout| config.tcp_user_timeout(timeout));
}

/// Checks the state of the server by the two values that libpq 14 and later use.
async fn check_session_attrs(
    client: &Client,
    required: SessionAttrs,
) -> Result<(), AttemptFailure> {
    const QUERY: &str = "select pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('default_transaction_read_only')";
    if required == SessionAttrs::Any {
        return Ok(());
    }
    let messages = client
        .simple_query(QUERY)
        .await
        .map_err(|error| AttemptFailure::new(FailureKind::Other, error.to_string()))?;
    let state = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some((row.get(0) == Some("t"), row.get(1) == Some("on"))),
        _ => None,
    });
    let (standby, read_only) = state.unwrap_or_default();
    let problem = match required {
        SessionAttrs::ReadWrite if standby || read_only => "server is read-only",
        SessionAttrs::ReadOnly if !standby && !read_only => "server is not read-only",
        SessionAttrs::Primary if standby => "server is in hot standby mode",
        SessionAttrs::Standby if !standby => "server is not in hot standby mode",
        _ => return Ok(()),
    };
    Err(AttemptFailure::new(
        FailureKind::SessionAttrs,
        format!("{problem} (target_session_attrs)"),
    ))
}
