//! TLS with rustls and ring: trusted authorities and client certificates.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::regular_file::{CONFIGURATION_BYTES, read_regular};
use crate::{Error, ErrorKind};

/// The files of a connection that differs from the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct TlsFiles {
    /// The certificate chain and the private key of the client, in PEM format.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    /// The authorities that replace those of the system, in PEM format.
    pub(crate) authorities: Option<PathBuf>,
}

impl TlsFiles {
    /// Reads the files, and returns the configuration.
    pub(super) fn config(&self) -> Result<ClientConfig, Error> {
        let mut roots = RootCertStore::empty();
        match &self.authorities {
            None => roots = system_roots(),
            Some(file) => {
                let (trusted, _) = roots.add_parsable_certificates(certificates(file)?);
                if trusted == 0 {
                    return Err(Error::unexpected(
                        ErrorKind::Certificate,
                        "valid CA certificates",
                        "none",
                        file.display(),
                    ));
                }
            }
        }
        let refused = |error: rustls::Error| {
            Error::caused(
                ErrorKind::Certificate,
                "could not initialize",
                error,
                "the TLS library",
            )
        };
        let builder = versions().map_err(refused)?.with_root_certificates(roots);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let private = PrivateKeyDer::from_pem_slice(&read(key)?)
                    .map_err(|error| unreadable("a private key in PEM format", &error, key))?;
                builder
                    .with_client_auth_cert(certificates(certificate)?, private)
                    .map_err(|error| {
                        let reason =
                            format!("it does not match the key {}: {error}", key.display());
                        Error::failed(
                            ErrorKind::Certificate,
                            "cannot use",
                            reason,
                            certificate.display(),
                        )
                    })?
            }
        };
        config.alpn_protocols = protocols();
        Ok(config)
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let what = "certificates in PEM format";
    let found = CertificateDer::pem_slice_iter(&read(file)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unreadable(what, &error, file))?;
    if found.is_empty() {
        Err(Error::unexpected(
            ErrorKind::Certificate,
            what,
            "none",
            file.display(),
        ))
    } else {
        Ok(found)
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    read_regular(file, CONFIGURATION_BYTES).map_err(|error| {
        Error::caused(
            ErrorKind::Certificate,
            "could not read",
            error,
            file.display(),
        )
    })
}

fn unreadable(what: &str, error: &rustls::pki_types::pem::Error, file: &Path) -> Error {
    Error::unexpected(
        ErrorKind::Certificate,
        what,
        error.to_string(),
        file.display(),
    )
}

/// Returns the default configuration, without a client certificate. No process-wide provider is
/// installed, because another library might install one, too.
pub(super) fn tls_config() -> Result<ClientConfig, rustls::Error> {
    let mut config = versions()?
        .with_root_certificates(system_roots())
        .with_no_client_auth();
    config.alpn_protocols = protocols();
    Ok(config)
}

fn versions() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, rustls::Error> {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
}

fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (trusted, ignored) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(
        trusted,
        ignored,
        errors = found.errors.len(),
        "system certificates"
    );
    roots
}

/// Returns the hint for a handshake that failed because of a certificate, by the message of rustls.
/// HTTP/2 only forwards the message, and tests contain each of them.
///
/// `identified` is whether a client certificate was sent.
pub(super) fn certificate_hint(text: &str, identified: bool) -> Option<&'static str> {
    if let Some((_, problem)) = text.split_once("invalid peer certificate: ") {
        let authority = "Install ca-certificates, or specify the certificate of the authority in the source section of the distribution file: \
                         ca = \"FILE\"";
        let clock = "Check the system time with date: the certificate is not valid now.";
        return Some(match problem {
            // The signatures of an authority that was created again with its old name do not match.
            _ if problem.starts_with("UnknownIssuer") || problem.starts_with("BadSignature") => {
                authority
            }
            _ if problem.contains("expired") || problem.contains("not valid yet") => clock,
            _ => "The certificate is for another server. Check the URLs of the source.",
        });
    }
    let (_, alert) = text.split_once("received fatal alert: ")?;
    // RFC 8446 §6.2. Servers with TLS 1.2 send HandshakeFailure if the client certificate is
    // missing.
    let refused = [
        "BadCertificate",
        "UnsupportedCertificate",
        "Certificate",
        "UnknownCA",
        "AccessDenied",
        "DecryptError",
        "HandshakeFailure",
    ];
    refused.iter().any(|word| alert.starts_with(word)).then_some(if identified {
        "The server rejected the client certificate. Run subscription-manager refresh, or specify another certificate."
    } else {
        "The server requires a client certificate. Specify client-certificate and client-key in the source."
    })
}

/// Returns the protocols for ALPN (RFC 7301), preferred first.
fn protocols() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}
