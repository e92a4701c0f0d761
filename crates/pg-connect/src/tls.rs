//! Encryption as libpq does it: `sslmode` and its relatives (libpq's manual, 34.19 *SSL Support*).

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};

use super::env::ConnectEnv;
use super::error::ConnectError;
use super::params::Params;
use super::target::choose;
use super::verify::{Check, Verifier};

/// How much encryption is wanted: `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SslMode {
    /// Never.
    Disable,
    /// Only where the server insists.
    Allow,
    /// Where the server has it; the default.
    Prefer,
    /// Always; the certificate is checked only where there is a root certificate.
    Require,
    /// Always, with a certificate from a trusted authority.
    VerifyCa,
    /// Always, with a certificate from a trusted authority for this host's name.
    VerifyFull,
}

/// Which authorities are trusted: `sslrootcert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedRoots {
    /// No file; the path where it was looked for.
    Missing(Option<PathBuf>),
    /// A file of certificates in PEM.
    File(PathBuf),
    /// The operating system's (`sslrootcert=system`).
    System,
}

/// Encryption and certificates of one target.
#[derive(Debug, Clone)]
pub struct TlsSettings {
    /// How much is wanted.
    pub mode: SslMode,
    /// Who is trusted.
    pub roots: TrustedRoots,
    /// The client's certificate and its key, in PEM.
    pub client: Option<(PathBuf, PathBuf)>,
    /// Whether to begin with TLS at once (`sslnegotiation=direct`, PostgreSQL 17).
    pub direct: bool,
    versions: &'static [&'static SupportedProtocolVersion],
}

impl TlsSettings {
    /// Understands the parameters that begin with `ssl`; looks whether files exist, reads none.
    pub(super) fn new(params: &Params, env: &ConnectEnv) -> Result<Self, ConnectError> {
        let roots = trusted(params, env);
        let mode = mode(params, &roots)?;
        let direct = choose(params, "sslnegotiation", &[("postgres", false), ("direct", true)])?.unwrap_or(false);
        if direct && matches!(mode, SslMode::Disable | SslMode::Allow | SslMode::Prefer) {
            let expected = "require, verify-ca or verify-full with sslnegotiation=direct".to_owned();
            return Err(ConnectError::BadValue { key: "sslmode", expected, got: "a weaker mode".into() });
        }
        Ok(Self { mode, roots, client: client(params, env)?, direct, versions: versions(params)? })
    }

    /// How the server's certificate is checked. As in libpq a root certificate that exists is used in every mode, so that
    /// `require` is then as good as `verify-ca`.
    pub(super) fn check(&self) -> Check {
        match (self.mode, &self.roots) {
            (SslMode::VerifyFull, _) => Check::ChainAndName,
            (_, TrustedRoots::Missing(_)) => Check::Nothing,
            _ => Check::Chain,
        }
    }

    /// Reads the certificates and sets rustls up.
    pub(super) fn client_config(&self) -> Result<ClientConfig, ConnectError> {
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier::new(self.load_roots()?, self.check(), provider.clone());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(self.versions)
            .map_err(|error| ConnectError::Tls(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &self.client {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => builder.with_client_auth_cert(read_certificates(cert)?, read_key(key)?).map_err(|error| {
                file(cert, &format!("cannot use the certificate with the key {}: {error}", key.display()), MATCH)
            })?,
        };
        if self.direct {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(config)
    }

    /// The trusted certificates; a file's are also kept one by one, since libpq trusts a server whose own is among them.
    fn load_roots(&self) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), ConnectError> {
        let mut store = RootCertStore::empty();
        match &self.roots {
            TrustedRoots::System => {
                store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                Ok((store, Vec::new()))
            }
            TrustedRoots::File(path) => {
                let certificates = read_certificates(path)?;
                store.add_parsable_certificates(certificates.iter().cloned());
                Ok((store, certificates))
            }
            TrustedRoots::Missing(path) if matches!(self.mode, SslMode::VerifyCa | SslMode::VerifyFull) => {
                let path = path.clone().unwrap_or_else(|| "~/.postgresql/root.crt".into());
                Err(file(&path, "the root certificate file does not exist, but sslmode requires it", NO_ROOT))
            }
            TrustedRoots::Missing(_) => Ok((store, Vec::new())),
        }
    }
}

const ONLY_12: &[&SupportedProtocolVersion] = &[&version::TLS12];
const ONLY_13: &[&SupportedProtocolVersion] = &[&version::TLS13];
const NO_ROOT: &str = "Create the file, or use sslrootcert=FILE or sslrootcert=system.";
const MATCH: &str = "Specify a certificate and its key with sslcert=FILE sslkey=FILE.";

fn trusted(params: &Params, env: &ConnectEnv) -> TrustedRoots {
    let given = params.get("sslrootcert");
    if given == Some("system") {
        return TrustedRoots::System;
    }
    match given.map(PathBuf::from).or_else(|| env.tls_file("root.crt")) {
        Some(path) if path.exists() => TrustedRoots::File(path),
        path => TrustedRoots::Missing(path),
    }
}

fn mode(params: &Params, roots: &TrustedRoots) -> Result<SslMode, ConnectError> {
    let modes = [
        ("disable", SslMode::Disable),
        ("allow", SslMode::Allow),
        ("prefer", SslMode::Prefer),
        ("require", SslMode::Require),
        ("verify-ca", SslMode::VerifyCa),
        ("verify-full", SslMode::VerifyFull),
    ];
    match (choose(params, "sslmode", &modes)?, roots) {
        (None | Some(SslMode::VerifyFull), TrustedRoots::System) => Ok(SslMode::VerifyFull),
        // The system's authorities vouch for anybody's server: without its name checked they prove nothing.
        (Some(_), TrustedRoots::System) => {
            let expected = "verify-full with sslrootcert=system".to_owned();
            let got = format!("{:?}", params.get("sslmode").unwrap_or_default());
            Err(ConnectError::BadValue { key: "sslmode", expected, got })
        }
        (mode, _) => Ok(mode.unwrap_or(SslMode::Prefer)),
    }
}

/// The client's certificate, if there is one: as in libpq a certificate file that does not exist means none.
fn client(params: &Params, env: &ConnectEnv) -> Result<Option<(PathBuf, PathBuf)>, ConnectError> {
    if !choose(params, "sslcertmode", &[("allow", true), ("disable", false)])?.unwrap_or(true) {
        return Ok(None);
    }
    let path = |key, default| params.get(key).map(PathBuf::from).or_else(|| env.tls_file(default));
    let pair = path("sslcert", "postgresql.crt").zip(path("sslkey", "postgresql.key"));
    Ok(pair.filter(|(cert, _)| cert.exists()))
}

fn versions(params: &Params) -> Result<&'static [&'static SupportedProtocolVersion], ConnectError> {
    // rustls speaks TLS 1.2 and 1.3; a lower minimum is met by both, a lower maximum by none.
    let old = [("TLSv1", 12), ("TLSv1.1", 12), ("TLSv1.2", 12), ("TLSv1.3", 13)];
    let min = choose(params, "ssl_min_protocol_version", &old)?.unwrap_or(12);
    let max = choose(params, "ssl_max_protocol_version", &old[2..])?.unwrap_or(13);
    match (min, max) {
        (12, 12) => Ok(ONLY_12),
        (13, 13) => Ok(ONLY_13),
        (12, _) => Ok(rustls::ALL_VERSIONS),
        _ => {
            let expected = "at least ssl_min_protocol_version".to_owned();
            Err(ConnectError::BadValue { key: "ssl_max_protocol_version", expected, got: "TLSv1.2".into() })
        }
    }
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let broken = |problem: String| file(path, &problem, "Check the file with openssl x509 -in FILE -noout -text.");
    let read = CertificateDer::pem_file_iter(path).map_err(|error| broken(error.to_string()))?;
    let found: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| broken(error.to_string()))?;
    if found.is_empty() { Err(broken("the file contains no certificate in PEM format".into())) } else { Ok(found) }
}

/// Reads the key; libpq refuses one that others may read, root's may be read by its group.
fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, ConnectError> {
    let meta = std::fs::metadata(path).map_err(|error| file(path, &error.to_string(), MATCH))?;
    let forbidden = if meta.uid() == 0 { 0o027 } else { 0o077 };
    if meta.mode() & forbidden != 0 {
        let problem = format!("the mode of the private key is {:04o}, but only the owner may have access", meta.mode() & 0o777);
        return Err(file(path, &problem, &format!("chmod 0600 {}", path.display())));
    }
    PrivateKeyDer::from_pem_file(path).map_err(|error| {
        file(
            path,
            &format!("expected an unencrypted private key in PEM format: {error}"),
            "Decrypt the key with openssl pkey -in KEY -out NEWKEY.",
        )
    })
}

fn file(path: &Path, problem: &str, hint: &str) -> ConnectError {
    ConnectError::TlsFile { path: path.to_owned(), problem: problem.to_owned(), hint: hint.to_owned() }
}
