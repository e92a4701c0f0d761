//! Encryption by `sslmode` and related parameters (libpq's manual, 34.19 *SSL Support*).

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
use super::value::choose;
use super::verify::{Check, Verifier};

/// The required encryption and verification: `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SslMode {
    /// No encryption.
    Disable,
    /// Encryption only if the server requires it.
    Allow,
    /// Encryption if the server supports it; the default.
    Prefer,
    /// Encryption. The certificate is only verified if there is a root certificate.
    Require,
    /// Encryption, with a certificate from a trusted authority.
    VerifyCa,
    /// Encryption, with a certificate from a trusted authority for the name of the host.
    VerifyFull,
}

/// The trusted authorities: `sslrootcert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TrustedRoots {
    /// The file does not exist. Contains its path, if the default has one.
    Missing(Option<PathBuf>),
    /// A file of certificates in PEM format.
    File(PathBuf),
    /// The authorities of the operating system (`sslrootcert=system`).
    System,
}

/// Encryption and certificates of one target.
#[derive(Debug, Clone)]
pub(super) struct TlsSettings {
    pub(super) mode: SslMode,
    pub(super) roots: TrustedRoots,
    /// The certificate of the client and its key, in PEM format.
    client: Option<(PathBuf, PathBuf)>,
    /// Whether TLS starts without a negotiation (`sslnegotiation=direct`, PostgreSQL 17).
    pub(super) direct: bool,
    versions: &'static [&'static SupportedProtocolVersion],
}

impl TlsSettings {
    /// Validates the parameters that start with `ssl`. Checks whether files exist, but does not
    /// read them.
    pub(super) fn new(params: &Params, env: &ConnectEnv) -> Result<Self, ConnectError> {
        let roots = trusted_roots(params, env);
        let mode = ssl_mode(params, &roots)?;
        let direct = choose(
            params,
            "sslnegotiation",
            &[("postgres", false), ("direct", true)],
        )?
        .unwrap_or(false);
        if direct && matches!(mode, SslMode::Disable | SslMode::Allow | SslMode::Prefer) {
            let expected =
                "require, verify-ca or verify-full with sslnegotiation=direct".to_owned();
            return Err(ConnectError::BadValue {
                key: "sslmode",
                expected,
                found: "a weaker mode".into(),
            });
        }
        Ok(Self {
            mode,
            roots,
            client: client_certificate(params, env)?,
            direct,
            versions: versions(params)?,
        })
    }

    /// Returns the checks of the server certificate. As in libpq, an existing root certificate is
    /// used in every mode, so that `require` then equals `verify-ca`.
    fn check(&self) -> Check {
        match (self.mode, &self.roots) {
            (SslMode::VerifyFull, _) => Check::ChainAndName,
            (_, TrustedRoots::Missing(_)) => Check::Nothing,
            _ => Check::Chain,
        }
    }

    /// Reads the certificates and returns the configuration of rustls.
    ///
    /// # Errors
    ///
    /// Returns [`ConnectError::TlsFile`] if a file cannot be used, or [`ConnectError::Tls`].
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
            Some((cert, key)) => builder
                .with_client_auth_cert(read_certificates(cert)?, read_key(key)?)
                .map_err(|error| {
                    file_error(
                        cert,
                        &format!(
                            "cannot use the certificate with the key {}: {error}",
                            key.display()
                        ),
                        MATCH,
                    )
                })?,
        };
        if self.direct {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(config)
    }

    /// Returns the trusted certificates. Those of a file are also returned separately: libpq trusts
    /// a server certificate in the file.
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
            TrustedRoots::Missing(path)
                if matches!(self.mode, SslMode::VerifyCa | SslMode::VerifyFull) =>
            {
                let path = path
                    .clone()
                    .unwrap_or_else(|| "~/.postgresql/root.crt".into());
                Err(file_error(
                    &path,
                    "the root certificate file does not exist, but sslmode requires it",
                    NO_ROOT,
                ))
            }
            TrustedRoots::Missing(_) => Ok((store, Vec::new())),
        }
    }
}

const ONLY_12: &[&SupportedProtocolVersion] = &[&version::TLS12];
const ONLY_13: &[&SupportedProtocolVersion] = &[&version::TLS13];
const NO_ROOT: &str = "Create the file, or use sslrootcert=FILE or sslrootcert=system.";
const MATCH: &str = "Specify a certificate and its key with sslcert=FILE sslkey=FILE.";

fn trusted_roots(params: &Params, env: &ConnectEnv) -> TrustedRoots {
    let value = params.get("sslrootcert");
    if value == Some("system") {
        return TrustedRoots::System;
    }
    match value
        .map(PathBuf::from)
        .or_else(|| env.tls_file("root.crt"))
    {
        Some(path) if path.exists() => TrustedRoots::File(path),
        path => TrustedRoots::Missing(path),
    }
}

fn ssl_mode(params: &Params, roots: &TrustedRoots) -> Result<SslMode, ConnectError> {
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
        // The authorities of the system sign certificates of all hosts. Without a check of the name
        // they authenticate no host.
        (Some(_), TrustedRoots::System) => {
            let expected = "verify-full with sslrootcert=system".to_owned();
            let found = format!("{:?}", params.get("sslmode").unwrap_or_default());
            Err(ConnectError::BadValue {
                key: "sslmode",
                expected,
                found,
            })
        }
        (mode, _) => Ok(mode.unwrap_or(SslMode::Prefer)),
    }
}

/// Returns the paths of the client certificate and its key; `None` if the certificate does not
/// exist, as in libpq.
fn client_certificate(
    params: &Params,
    env: &ConnectEnv,
) -> Result<Option<(PathBuf, PathBuf)>, ConnectError> {
    if !choose(
        params,
        "sslcertmode",
        &[("allow", true), ("disable", false)],
    )?
    .unwrap_or(true)
    {
        return Ok(None);
    }
    let path = |key, default| {
        params
            .get(key)
            .map(PathBuf::from)
            .or_else(|| env.tls_file(default))
    };
    let pair = path("sslcert", "postgresql.crt").zip(path("sslkey", "postgresql.key"));
    Ok(pair.filter(|(cert, _)| cert.exists()))
}

fn versions(params: &Params) -> Result<&'static [&'static SupportedProtocolVersion], ConnectError> {
    // rustls supports TLS 1.2 and 1.3. Both satisfy a lower minimum, and none a lower maximum.
    let versions = [
        ("TLSv1", 12),
        ("TLSv1.1", 12),
        ("TLSv1.2", 12),
        ("TLSv1.3", 13),
    ];
    let min = choose(params, "ssl_min_protocol_version", &versions)?.unwrap_or(12);
    let max = choose(params, "ssl_max_protocol_version", &versions[2..])?.unwrap_or(13);
    match (min, max) {
        (12, 12) => Ok(ONLY_12),
        (13, 13) => Ok(ONLY_13),
        (12, _) => Ok(rustls::ALL_VERSIONS),
        _ => {
            let expected = "at least ssl_min_protocol_version".to_owned();
            Err(ConnectError::BadValue {
                key: "ssl_max_protocol_version",
                expected,
                found: "TLSv1.2".into(),
            })
        }
    }
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let invalid = |problem: String| {
        file_error(
            path,
            &problem,
            "Check the file with openssl x509 -in FILE -noout -text.",
        )
    };
    let entries =
        CertificateDer::pem_file_iter(path).map_err(|error| invalid(error.to_string()))?;
    let found: Vec<_> = entries
        .collect::<Result<_, _>>()
        .map_err(|error| invalid(error.to_string()))?;
    if found.is_empty() {
        Err(invalid(
            "the file contains no certificate in PEM format".into(),
        ))
    } else {
        Ok(found)
    }
}

/// Reads the key of the client. As in libpq, other users must not have access to it; the group may
/// read a key of root.
fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, ConnectError> {
    let meta =
        std::fs::metadata(path).map_err(|error| file_error(path, &error.to_string(), MATCH))?;
    let forbidden = if meta.uid() == 0 { 0o027 } else { 0o077 };
    if meta.mode() & forbidden != 0 {
        let limit = if meta.uid() == 0 { "0640" } else { "0600" };
        let problem = format!(
            "the private key has mode {:04o}, but must have {limit} or less",
            meta.mode() & 0o777
        );
        return Err(file_error(
            path,
            &problem,
            &format!("chmod 0600 {}", path.display()),
        ));
    }
    PrivateKeyDer::from_pem_file(path).map_err(|error| {
        file_error(
            path,
            &format!("could not read the private key: {error}"),
            "Decrypt the key with openssl pkey -in KEY -out NEWKEY.",
        )
    })
}

fn file_error(path: &Path, problem: &str, hint: &str) -> ConnectError {
    ConnectError::TlsFile {
        path: path.to_owned(),
        problem: problem.to_owned(),
        hint: hint.to_owned(),
    }
}
