//! Connections to a PostgreSQL server.

mod server;
mod tls;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use pg_connect::{
    ConnectEnv, ConnectError, ConnectRequest, DefaultServer, FailureKind, HintTexts, HostFailure,
    Session, connect,
};

use server::{PASSWORD, PROGRAM, TestServer, unused_port};

/// Returns an environment with this home directory and without variables.
fn env(home: &Path) -> ConnectEnv {
    ConnectEnv {
        home: Some(home.into()),
        user_name: Some("me".into()),
        system_dirs: vec![],
        application_name: "connect test".into(),
        ..ConnectEnv::default()
    }
}

async fn try_dsn(dsn: &str, home: &Path) -> Result<Session, ConnectError> {
    connect(&ConnectRequest::dsn(dsn), &env(home)).await
}

async fn value(session: &Session, sql: &str) -> String {
    session.client.query_one(sql, &[]).await.expect(sql).get(0)
}

/// Returns the failures of a connection that must not succeed.
async fn refused(dsn: &str, home: &Path) -> Vec<HostFailure> {
    match try_dsn(dsn, home).await {
        Err(ConnectError::Unreachable { failures, .. }) => failures,
        Err(error) => panic!("{dsn}: {error}"),
        Ok(session) => panic!("{dsn}: connected to {}", session.describe()),
    }
}

fn tempdir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

#[tokio::test]
async fn a_service_name_connects_and_is_described_without_a_password() {
    let server = TestServer::shared().await;
    let home = tempdir();
    let (socket, port) = (
        server.endpoint.socket_dir.display().to_string(),
        server.port,
    );
    let text = format!(
        "# mine\n[prod]\nhost={socket}\nport={port}\nuser=admin\ndbname=app\npassword=tulip\n"
    );
    std::fs::write(home.path().join(".pg_service.conf"), text).expect("write");
    let session = connect(&ConnectRequest::service("prod"), &env(home.path()))
        .await
        .expect("connects");
    assert_eq!(
        session.describe(),
        format!("service prod (socket {socket}, port {port}, database app, user admin)")
    );
    assert_eq!(
        value(&session, "select current_setting('application_name')").await,
        "connect test"
    );
}

#[tokio::test]
async fn the_default_server_is_used_if_no_server_is_named() {
    let home = tempdir();
    let mut env = env(home.path());
    env.default_server = Some(DefaultServer::new("the private local server", || None));
    let error = connect(&ConnectRequest::default(), &env)
        .await
        .expect_err("no server");
    assert_eq!(
        error.hint(&HintTexts::default()).expect("a hint"),
        "Specify a server with --service NAME."
    );
    let server = TestServer::shared().await;
    let dir = server.local.dir().to_owned();
    let locate = move || Some(pg_local::running_endpoint(&dir)?.dsn(&PROGRAM));
    env.default_server = Some(DefaultServer::new("the private local server", locate));
    let session = connect(&ConnectRequest::default(), &env)
        .await
        .expect("connects");
    assert!(
        session
            .describe()
            .starts_with("the private local server (socket "),
        "{}",
        session.describe()
    );
}

#[tokio::test]
async fn a_uri_with_an_encoded_socket_and_options_connects() {
    let server = TestServer::shared().await;
    let socket = server
        .endpoint
        .socket_dir
        .display()
        .to_string()
        .replace('/', "%2F");
    let dsn = format!(
        "postgresql://admin@{socket}:{}/app?options=-c%20statement_timeout%3D7s&application_name=probe",
        server.port
    );
    let session = try_dsn(&dsn, tempdir().path()).await.expect("connects");
    assert_eq!(
        value(&session, "select current_setting('statement_timeout')").await,
        "7s"
    );
    assert_eq!(
        value(&session, "select current_setting('application_name')").await,
        "probe"
    );
}

#[tokio::test]
async fn notifications_are_received() {
    let server = TestServer::shared().await;
    let mut listener = try_dsn(&server.dsn(), tempdir().path())
        .await
        .expect("connects");
    listener
        .client
        .batch_execute("listen it_connect")
        .await
        .expect("listens");
    listener
        .client
        .batch_execute("do $$ begin raise warning 'forwarded'; end $$; notify it_connect, 'hello'")
        .await
        .expect("runs");
    assert_eq!(
        listener.next_notification().await.expect("one").payload(),
        "hello"
    );
}

#[tokio::test]
async fn a_password_file_is_only_used_if_no_other_user_can_read_it() {
    let server = TestServer::shared().await;
    let home = tempdir();
    let pass = home.path().join(".pgpass");
    std::fs::write(
        &pass,
        format!("127.0.0.1:{}:*:app:{PASSWORD}\n", server.port),
    )
    .expect("write");
    std::fs::set_permissions(&pass, PermissionsExt::from_mode(0o600)).expect("mode");
    let dsn = format!("host=127.0.0.1 port={} dbname=app user=app", server.port);
    let session = try_dsn(&dsn, home.path()).await.expect("connects");
    assert_eq!(value(&session, "select current_user::text").await, "app");
    std::fs::set_permissions(&pass, PermissionsExt::from_mode(0o644)).expect("mode");
    let error = try_dsn(&dsn, home.path()).await.expect_err("ignored");
    let message = format!(
        "{error}\n{}",
        error.hint(&HintTexts::default()).unwrap_or_default()
    );
    assert!(
        message.contains("requires a password")
            && message.contains(&format!("chmod 0600 {}", pass.display())),
        "{message}"
    );
}

#[tokio::test]
async fn a_wrong_password_ends_the_search_and_is_not_printed() {
    let server = TestServer::shared().await;
    let dsn = format!(
        "host=127.0.0.1,127.0.0.1 port={} dbname=app user=app password=daffodil",
        server.port
    );
    let failures = refused(&dsn, tempdir().path()).await;
    assert_eq!(
        (failures.len(), failures[0].kind),
        (1, FailureKind::Rejected)
    );
    assert!(
        failures[0].reason.contains("28P01") && !failures[0].reason.contains("daffodil"),
        "{}",
        failures[0].reason
    );
}

#[tokio::test]
async fn hosts_are_tried_until_one_satisfies_target_session_attrs() {
    let server = TestServer::shared().await;
    let admin = server.connect().await;
    admin
        .client
        .batch_execute("create database reading")
        .await
        .expect("creates");
    admin
        .client
        .batch_execute("alter database reading set default_transaction_read_only = on")
        .await
        .expect("alters");
    let home = tempdir();
    let socket = server.endpoint.socket_dir.display().to_string();
    let hosts = format!(
        "host=127.0.0.1,{socket} port={},{} user=admin",
        unused_port(),
        server.port
    );
    let session = try_dsn(
        &format!("{hosts} dbname=app target_session_attrs=read-write"),
        home.path(),
    )
    .await
    .expect("connects");
    assert!(
        session.describe().contains(&socket),
        "{}",
        session.describe()
    );
    for satisfied in ["any", "read-only", "primary", "prefer-standby"] {
        try_dsn(
            &format!("{hosts} dbname=reading target_session_attrs={satisfied}"),
            home.path(),
        )
        .await
        .expect(satisfied);
    }
    for violated in ["read-write", "standby"] {
        let failures = refused(
            &format!("{hosts} dbname=reading target_session_attrs={violated}"),
            home.path(),
        )
        .await;
        let kinds: Vec<_> = failures.iter().map(|failure| failure.kind).collect();
        assert_eq!(
            kinds,
            [FailureKind::NoServer, FailureKind::SessionAttrs],
            "{failures:?}"
        );
    }
}

#[tokio::test]
async fn failures_are_classified() {
    let server = TestServer::shared().await;
    let home = tempdir();
    let cases = [
        (
            format!("host=127.0.0.1 port={}", unused_port()),
            FailureKind::NoServer,
        ),
        (
            format!("host={}", home.path().display()),
            FailureKind::NoServer,
        ),
        // A label has at most 63 octets (RFC 1035), so that no resolver is queried for this name.
        (format!("host={}", "x".repeat(64)), FailureKind::UnknownHost),
        (
            server.dsn().replace("dbname=app", "dbname=missing"),
            FailureKind::NoDatabase,
        ),
        (
            server.dsn().replace("user=admin", "user=missing"),
            FailureKind::Rejected,
        ),
    ];
    for (dsn, expected) in cases {
        let failures = refused(&dsn, home.path()).await;
        assert_eq!(failures[0].kind, expected, "{dsn}: {}", failures[0].reason);
    }
}

#[tokio::test]
async fn a_silent_host_fails_after_connect_timeout() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("listens");
    let port = silent.local_addr().expect("bound").port();
    let start = Instant::now();
    let failures = refused(
        &format!("host=127.0.0.1 port={port} connect_timeout=1"),
        tempdir().path(),
    )
    .await;
    assert_eq!(failures[0].kind, FailureKind::Timeout);
    assert!(start.elapsed() < Duration::from_secs(5));
}
