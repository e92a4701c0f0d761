//! Connecting to servers that are really there.

mod tls;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use pg_connect::{ConnectEnv, ConnectError, ConnectRequest, FailureKind, HostFailure, Session, connect};
use sqern_testkit::TestServer;
use tokio::sync::OnceCell;

/// The password of the role `app` on the TCP server.
const PASSWORD: &str = "tulip mania";

/// A server that also listens on 127.0.0.1, with roles and TLS; shared by the tests of this process.
pub struct TcpServer {
    pub server: TestServer,
    pub port: u16,
    pub tls: tls::Files,
}

static TCP: OnceCell<TcpServer> = OnceCell::const_new();

impl TcpServer {
    pub async fn shared() -> &'static Self {
        TCP.get_or_init(start_tcp).await
    }
}

async fn start_tcp() -> TcpServer {
    let port = free_port();
    let server = TestServer::with_settings(&[("listen_addresses", "127.0.0.1"), ("port", &port.to_string())]).await;
    let tls = tls::Files::make();
    tls::configure(&server, &tls).await;
    TcpServer { server, port, tls }
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// Surroundings with a home of their own and nothing else.
pub fn env(home: &Path) -> ConnectEnv {
    ConnectEnv { home: Some(home.into()), user_name: Some("me".into()), system_dirs: vec![], ..ConnectEnv::default() }
}

pub async fn try_dsn(dsn: &str, home: &Path) -> Result<Session, ConnectError> {
    connect(&ConnectRequest::dsn(dsn), &env(home)).await
}

pub async fn value(session: &Session, sql: &str) -> String {
    session.client.query_one(sql, &[]).await.expect(sql).get(0)
}

/// The reasons of a connection that must not come about.
pub async fn refused(dsn: &str, home: &Path) -> Vec<HostFailure> {
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
    let socket = server.endpoint().socket_dir.display().to_string();
    let text = format!("# mine\n[prod]\nhost={socket}\nuser=sqern\ndbname=sqern\npassword=tulip\n");
    std::fs::write(home.path().join(".pg_service.conf"), text).expect("write");
    let session = connect(&ConnectRequest::service("prod"), &env(home.path())).await.expect("connects");
    assert_eq!(session.describe(), format!("service prod (socket {socket}, port 5432, database sqern, user sqern)"));
    assert_eq!(value(&session, "select current_setting('application_name')").await, "sqern");
}

#[tokio::test]
async fn nothing_named_means_the_private_server() {
    let home = tempdir();
    let mut env = env(home.path());
    let error = connect(&ConnectRequest::default(), &env).await.expect_err("nothing there");
    assert!(error.hint().expect("a hint").contains("sqern init"));
    env.local_dir = Some(TestServer::shared().await.server().dir().to_owned());
    let session = connect(&ConnectRequest::default(), &env).await.expect("connects");
    assert!(session.describe().starts_with("the private local server (socket "), "{}", session.describe());
}

#[tokio::test]
async fn a_uri_with_an_encoded_socket_and_options_connects() {
    let server = TestServer::shared().await;
    let socket = server.endpoint().socket_dir.display().to_string().replace('/', "%2F");
    let dsn = format!("postgresql://sqern@{socket}/sqern?options=-c%20statement_timeout%3D7s&application_name=probe");
    let session = try_dsn(&dsn, tempdir().path()).await.expect("connects");
    assert_eq!(value(&session, "select current_setting('statement_timeout')").await, "7s");
    assert_eq!(value(&session, "select current_setting('application_name')").await, "probe");
}

#[tokio::test]
async fn notifications_arrive() {
    let dsn = TestServer::shared().await.dsn("sqern");
    let mut listener = try_dsn(&dsn, tempdir().path()).await.expect("connects");
    listener.client.batch_execute("listen it_connect").await.expect("listens");
    listener
        .client
        .batch_execute("do $$ begin raise warning 'forwarded'; end $$; notify it_connect, 'hello'")
        .await
        .expect("runs");
    assert_eq!(listener.next_notification().await.expect("one").payload(), "hello");
}

#[tokio::test]
async fn a_password_comes_from_the_password_file_when_only_its_owner_may_read_it() {
    let tcp = TcpServer::shared().await;
    let home = tempdir();
    let pass = home.path().join(".pgpass");
    std::fs::write(&pass, format!("127.0.0.1:{}:*:app:{PASSWORD}\n", tcp.port)).expect("write");
    std::fs::set_permissions(&pass, PermissionsExt::from_mode(0o600)).expect("mode");
    let dsn = format!("host=127.0.0.1 port={} dbname=sqern user=app", tcp.port);
    let session = try_dsn(&dsn, home.path()).await.expect("connects");
    assert_eq!(value(&session, "select current_user::text").await, "app");
    std::fs::set_permissions(&pass, PermissionsExt::from_mode(0o644)).expect("mode");
    let error = try_dsn(&dsn, home.path()).await.expect_err("ignored");
    let shown = format!("{error}\n{}", error.hint().unwrap_or_default());
    assert!(shown.contains("requires a password") && shown.contains(&format!("chmod 0600 {}", pass.display())), "{shown}");
}

#[tokio::test]
async fn a_wrong_password_ends_the_search_and_is_not_shown() {
    let tcp = TcpServer::shared().await;
    let dsn = format!("host=127.0.0.1,127.0.0.1 port={} dbname=sqern user=app password=daffodil", tcp.port);
    let failures = refused(&dsn, tempdir().path()).await;
    assert_eq!((failures.len(), failures[0].kind), (1, FailureKind::Rejected));
    assert!(failures[0].reason.contains("28P01") && !failures[0].reason.contains("daffodil"), "{}", failures[0].reason);
}

#[tokio::test]
async fn hosts_are_tried_in_turn_until_one_is_of_the_wanted_kind() {
    let tcp = TcpServer::shared().await;
    let admin = tcp.server.connect("sqern").await;
    admin.batch_execute("create database reading").await.expect("creates");
    admin.batch_execute("alter database reading set default_transaction_read_only = on").await.expect("alters");
    let home = tempdir();
    let socket = tcp.server.endpoint().socket_dir.display().to_string();
    let hosts = format!("host=127.0.0.1,{socket} port={},{} user=sqern", free_port(), tcp.port);
    let session = try_dsn(&format!("{hosts} dbname=sqern target_session_attrs=read-write"), home.path()).await.expect("connects");
    assert!(session.describe().contains(&socket), "{}", session.describe());
    for fine in ["any", "read-only", "primary", "prefer-standby"] {
        try_dsn(&format!("{hosts} dbname=reading target_session_attrs={fine}"), home.path()).await.expect(fine);
    }
    for wrong in ["read-write", "standby"] {
        let failures = refused(&format!("{hosts} dbname=reading target_session_attrs={wrong}"), home.path()).await;
        let kinds: Vec<_> = failures.iter().map(|failure| failure.kind).collect();
        assert_eq!(kinds, [FailureKind::NoServer, FailureKind::WrongKind], "{failures:?}");
    }
}

#[tokio::test]
async fn each_reason_has_its_kind() {
    let server = TestServer::shared().await;
    let home = tempdir();
    let cases = [
        (format!("host=127.0.0.1 port={}", free_port()), FailureKind::NoServer),
        (format!("host={}", home.path().display()), FailureKind::NoServer),
        // A label has at most 63 octets (RFC 1035), so no resolver is asked for this name.
        (format!("host={}", "x".repeat(64)), FailureKind::UnknownHost),
        (server.dsn("no_such_database"), FailureKind::NoDatabase),
        (server.dsn("sqern").replace("user=sqern", "user=nobody_else"), FailureKind::Rejected),
    ];
    for (dsn, expected) in cases {
        let failures = refused(&dsn, home.path()).await;
        assert_eq!(failures[0].kind, expected, "{dsn}: {}", failures[0].reason);
    }
}

#[tokio::test]
async fn a_host_that_does_not_answer_costs_its_time_and_no_more() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("listens");
    let port = silent.local_addr().expect("bound").port();
    let begun = Instant::now();
    let failures = refused(&format!("host=127.0.0.1 port={port} connect_timeout=1"), tempdir().path()).await;
    assert_eq!(failures[0].kind, FailureKind::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(5));
}
