//! Encryption and verification by `sslmode`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::PathBuf;

use pg_connect::{FailureKind, HintTexts};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use super::server::{PASSWORD, TestServer};
use super::{refused, try_dsn, value};

/// The role `app` connects with and without encryption, `crypt` and `plain` in one way, and
/// `holder` with a certificate.
const HBA: &str = "local all all peer map=example
hostssl all crypt 127.0.0.1/32 trust
hostnossl all plain 127.0.0.1/32 trust
hostssl all holder 127.0.0.1/32 cert
host all app 127.0.0.1/32 scram-sha-256
";

/// The certificates and keys of the tests.
pub struct Files {
    dir: TempDir,
}

impl Files {
    /// Creates an authority, another one that signs no certificate, a server certificate with the
    /// common name `localhost` and no alternative name, and a client certificate of the role
    /// `holder`.
    pub fn create() -> Self {
        let files = Self {
            dir: tempfile::tempdir().expect("a directory"),
        };
        let issuer = files.authority("root");
        files.authority("other");
        files.leaf("server", "localhost", &issuer);
        files.leaf("client", "holder", &issuer);
        files
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("write");
        fs::set_permissions(self.path(name), PermissionsExt::from_mode(0o600)).expect("mode");
    }

    fn authority(&self, name: &str) -> Issuer<'static, KeyPair> {
        let mut params = params(&format!("{name} authority"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("key");
        self.write(
            &format!("{name}.crt"),
            &params.self_signed(&key).expect("certificate").pem(),
        );
        Issuer::new(params, key)
    }

    fn leaf(&self, name: &str, common_name: &str, issuer: &Issuer<'static, KeyPair>) {
        let key = KeyPair::generate().expect("key");
        self.write(
            &format!("{name}.crt"),
            &params(common_name)
                .signed_by(&key, issuer)
                .expect("certificate")
                .pem(),
        );
        self.write(&format!("{name}.key"), &key.serialize_pem());
    }
}

fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params
}

/// Enables TLS and creates the roles.
pub async fn configure(server: &TestServer) {
    let data = server.local.dir().join("data");
    for name in ["server.crt", "server.key", "root.crt"] {
        put(
            &data,
            name,
            &fs::read_to_string(server.tls.path(name)).expect("read"),
        );
    }
    put(&data, "pg_hba.conf", HBA);
    let admin = server.connect().await;
    for statement in [
        "alter system set ssl = on",
        "alter system set ssl_ca_file = 'root.crt'",
        &format!("create role app login password '{PASSWORD}'"),
        "create role crypt login",
        "create role plain login",
        "create role holder login",
        "select pg_reload_conf()",
    ] {
        admin
            .client
            .batch_execute(statement)
            .await
            .expect(statement);
    }
    for _ in 0..500 {
        let row = admin
            .client
            .query_one("select current_setting('ssl') = 'on'", &[])
            .await
            .expect("queries");
        if row.get(0) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!(
        "the server did not turn TLS on: {}",
        fs::read_to_string(server.local.dir().join("log/server.log")).unwrap_or_default()
    );
}

/// Writes a file that only the user of the server can read.
fn put(data: &std::path::Path, name: &str, text: &str) {
    let owner = fs::metadata(data).expect("data");
    let path = data.join(name);
    fs::write(&path, text).expect("write");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("mode");
    chown(&path, Some(owner.uid()), Some(owner.gid())).expect("owner");
}

/// Returns whether a session with these parameters is encrypted.
async fn encrypted(params: &str) -> bool {
    let server = TestServer::shared().await;
    let home = tempfile::tempdir().expect("a directory");
    let dsn = format!(
        "hostaddr=127.0.0.1 port={} dbname=app {params}",
        server.port
    );
    let session = try_dsn(&dsn, home.path())
        .await
        .unwrap_or_else(|error| panic!("{params}: {error}"));
    assert_eq!(session.is_pooled().await.ok(), Some(false), "{params}");
    value(
        &session,
        "select ssl::text from pg_stat_ssl where pid = pg_backend_pid()",
    )
    .await
        == "true"
}

/// Returns the reason why a session with these parameters fails.
async fn problem(params: &str) -> (FailureKind, String) {
    let server = TestServer::shared().await;
    let home = tempfile::tempdir().expect("a directory");
    let failures = refused(
        &format!(
            "hostaddr=127.0.0.1 port={} dbname=app {params}",
            server.port
        ),
        home.path(),
    )
    .await;
    (failures[0].kind, failures[0].reason.clone())
}

#[tokio::test]
async fn sslmode_determines_the_encryption() {
    let app = format!("user=app password='{PASSWORD}'");
    let cases = [
        ("disable", false),
        ("allow", false),
        ("prefer", true),
        ("require", true),
    ];
    for (mode, expected) in cases {
        assert_eq!(
            encrypted(&format!("{app} sslmode={mode}")).await,
            expected,
            "{mode}"
        );
    }
    assert!(encrypted(&format!("{app} sslmode=require channel_binding=require")).await);
    assert!(
        encrypted(&format!(
            "{app} sslmode=require ssl_max_protocol_version=TLSv1.2"
        ))
        .await
    );
}

#[tokio::test]
async fn allow_and_prefer_retry_with_the_other_encryption() {
    assert!(encrypted("user=crypt sslmode=allow").await);
    assert!(!encrypted("user=plain sslmode=prefer").await);
    assert_eq!(
        problem("user=plain sslmode=require").await.0,
        FailureKind::Rejected
    );
    assert_eq!(
        problem("user=crypt sslmode=disable").await.0,
        FailureKind::Rejected
    );
}

#[tokio::test]
async fn a_root_certificate_is_used_in_each_mode() {
    let server = TestServer::shared().await;
    let files = &server.tls;
    let (root, other) = (files.path("root.crt"), files.path("other.crt"));
    for mode in ["require", "verify-ca"] {
        assert!(
            encrypted(&format!(
                "user=crypt sslmode={mode} sslrootcert={}",
                root.display()
            ))
            .await
        );
        let (kind, reason) = problem(&format!(
            "user=crypt sslmode={mode} sslrootcert={}",
            other.display()
        ))
        .await;
        assert_eq!(kind, FailureKind::Tls);
        assert!(
            reason.contains("not signed by a trusted authority"),
            "{reason}"
        );
    }
    // A self-signed certificate of a server is its own root certificate.
    let certificate = files.path("server.crt");
    assert!(
        encrypted(&format!(
            "user=crypt sslmode=verify-ca sslrootcert={}",
            certificate.display()
        ))
        .await
    );
}

#[tokio::test]
async fn verify_full_checks_the_name_and_accepts_a_common_name() {
    // The server must exist until the end of the test.
    let server = TestServer::shared().await;
    let root = server.tls.path("root.crt");
    assert!(
        encrypted(&format!(
            "host=localhost user=crypt sslmode=verify-full sslrootcert={}",
            root.display()
        ))
        .await
    );
    let (kind, reason) = problem(&format!(
        "host=db.example user=crypt sslmode=verify-full sslrootcert={}",
        root.display()
    ))
    .await;
    assert_eq!(kind, FailureKind::Tls);
    assert!(reason.contains("another host name"), "{reason}");
}

#[tokio::test]
async fn verification_without_a_root_certificate_is_rejected() {
    let home = tempfile::tempdir().expect("a directory");
    let error = try_dsn("hostaddr=127.0.0.1 sslmode=verify-ca", home.path())
        .await
        .expect_err("no root")
        .to_string();
    assert!(
        error.contains(".postgresql/root.crt: the root certificate file does not exist"),
        "{error}"
    );
}

#[tokio::test]
async fn a_client_certificate_is_accepted_and_its_key_must_be_private() {
    let server = TestServer::shared().await;
    let files = &server.tls;
    let (cert, key) = (files.path("client.crt"), files.path("client.key"));
    let holder = format!(
        "user=holder sslmode=require sslcert={} sslkey={}",
        cert.display(),
        key.display()
    );
    assert!(encrypted(&holder).await);
    assert_eq!(
        problem("user=holder sslmode=require").await.0,
        FailureKind::Rejected
    );
    let open = files.path("open.key");
    fs::copy(&key, &open).expect("copy");
    fs::set_permissions(&open, PermissionsExt::from_mode(0o644)).expect("mode");
    let home = tempfile::tempdir().expect("a directory");
    let dsn = format!(
        "host=localhost user=holder sslcert={} sslkey={}",
        cert.display(),
        open.display()
    );
    let error = try_dsn(&dsn, home.path()).await.expect_err("open key");
    assert!(
        error
            .hint(&HintTexts::default())
            .expect("a hint")
            .contains("chmod 0600"),
        "{error}"
    );
}

#[tokio::test]
async fn a_cancel_request_uses_the_encryption_of_the_session() {
    let server = TestServer::shared().await;
    let home = tempfile::tempdir().expect("a directory");
    let socket = format!("host={} user=admin", server.endpoint.socket_dir.display());
    for params in [
        "hostaddr=127.0.0.1 user=crypt sslmode=require",
        "hostaddr=127.0.0.1 user=plain sslmode=disable",
        "host=127.0.0.1 user=crypt sslmode=prefer",
        "host=localhost user=crypt sslmode=require",
        &socket,
    ] {
        let dsn = format!("{params} port={} dbname=app", server.port);
        let session = try_dsn(&dsn, home.path())
            .await
            .unwrap_or_else(|error| panic!("{params}: {error}"));
        let cancel = async {
            // Without a statement, a request has no effect.
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            session.canceler().cancel().await.expect(params);
        };
        let statement = session.client.batch_execute("select pg_sleep(20)");
        let (result, ()) = tokio::join!(statement, cancel);
        let code = result
            .expect_err(params)
            .code()
            .map(|code| code.code().to_owned());
        assert_eq!(code.as_deref(), Some("57014"), "{params}");
    }
}
