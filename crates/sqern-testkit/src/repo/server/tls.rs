//! A certificate authority for tests, which issues the certificates of servers and clients.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, version};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{State, http1, http2};

/// The TLS parameters of a server.
#[derive(Debug, Clone)]
pub struct TlsOffer {
    /// The name or address that the certificate is issued for.
    pub name: String,
    /// Whether the server offers HTTP/2 in addition to HTTP/1.1 (ALPN, RFC 7301).
    pub http2: bool,
    /// Whether the server requires a client certificate by the same authority.
    pub demands_certificate: bool,
    /// Whether the server supports only TLS 1.2.
    pub old: bool,
}

impl Default for TlsOffer {
    fn default() -> Self {
        Self {
            name: "127.0.0.1".to_owned(),
            http2: true,
            demands_certificate: false,
            old: false,
        }
    }
}

/// A certificate authority whose files are removed on drop.
#[derive(Debug)]
pub struct TestAuthority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl TestAuthority {
    /// Creates an authority.
    ///
    /// # Errors
    ///
    /// Returns an error if the keys cannot be generated or written.
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut params = CertificateParams::default();
        // The name must be unique because clients look up an authority by name first.
        let name = format!("test authority {}", folder.path().display());
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        fs::write(
            folder.path().join("ca.pem"),
            params.self_signed(&key)?.pem(),
        )?;
        Ok(Self {
            folder,
            issuer: Issuer::new(params, key),
        })
    }

    /// Returns the path of the authority's certificate (PEM).
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Issues a certificate for a name or address, and returns the paths of the certificate and of
    /// its private key (PEM).
    ///
    /// # Errors
    ///
    /// Returns an error if the certificate cannot be issued or written.
    pub fn issue(&self, name: &str) -> Result<(PathBuf, PathBuf)> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        let path = |suffix: &str| self.folder.path().join(format!("{name}{suffix}.pem"));
        fs::write(path(""), params.signed_by(&key, &self.issuer)?.pem())?;
        fs::write(path("-key"), key.serialize_pem())?;
        Ok((path(""), path("-key")))
    }

    pub(super) fn acceptor(&self, offer: &TlsOffer) -> Result<TlsAcceptor> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = if offer.old {
            vec![&version::TLS12]
        } else {
            vec![&version::TLS13]
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)?;
        let builder = if offer.demands_certificate {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(self.certificate())?)?;
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?,
            )
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key) = self.issue(&offer.name)?;
        let key = PrivateKeyDer::from_pem_file(key).context("a key that was just written")?;
        let mut config =
            builder.with_single_cert(vec![CertificateDer::from_pem_file(certificate)?], key)?;
        config.alpn_protocols = if offer.http2 {
            vec![b"h2".to_vec(), b"http/1.1".to_vec()]
        } else {
            Vec::new()
        };
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

pub(super) async fn serve(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    state: Arc<State>,
    connection: usize,
) {
    match acceptor.accept(stream).into_fallible().await {
        Ok(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
            http2::serve(stream, state, connection).await;
        }
        Ok(stream) => http1::serve(stream, state, connection).await,
        Err((_, mut refused)) => {
            // Closing a connection with unread bytes resets it, and then the client would not
            // receive the alert.
            let _ = refused.read_to_end(&mut Vec::new()).await;
        }
    }
}
