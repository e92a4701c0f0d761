//! Checking the server's certificate as libpq's `sslmode` says.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::names;

/// What of the certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Nothing: libpq's `require` without a root certificate. It keeps out who only listens, not who answers in the
    /// server's place; libpq's manual (34.19.3) says so, and people with a server's self-made certificate depend on it.
    Nothing,
    /// A trusted authority signed it, and it is in force.
    Chain,
    /// That, and it is for this host's name.
    ChainAndName,
}

/// The check as rustls calls it. In every mode the server must prove that it holds the certificate's key.
#[derive(Debug)]
pub(super) struct Verifier {
    roots: RootCertStore,
    own: Vec<CertificateDer<'static>>,
    check: Check,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    /// Takes the authorities, and the certificates that are trusted as such.
    pub(super) fn new(
        (roots, own): (RootCertStore, Vec<CertificateDer<'static>>),
        check: Check,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        Self { roots, own, check, provider }
    }

    fn chain(&self, certificate: &CertificateDer<'_>, between: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        // A self-made certificate that is itself in the root file: OpenSSL trusts it, webpki would call it no leaf.
        if self.own.iter().any(|own| own == certificate) {
            return names::in_force(certificate, now);
        }
        let parsed = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, &self.roots, between, now, algorithms)
    }
}

/// Whether the certificate is for `host`: by its subject alternative names, or, as libpq does where it has none, by its
/// common name.
fn name(certificate: &CertificateDer<'_>, host: &ServerName<'_>) -> Result<(), Error> {
    let by_alternative = verify_server_name(&ParsedCertificate::try_from(certificate)?, host);
    if by_alternative.is_ok() {
        return by_alternative;
    }
    match names::common_name(certificate) {
        Some(common) if names::matches(&common, &host.to_str()) => Ok(()),
        _ => by_alternative,
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.check != Check::Nothing {
            self.chain(end_entity, intermediates, now)?;
        }
        if self.check == Check::ChainAndName {
            name(end_entity, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The words for a certificate that is not trusted; `None` for anything else.
pub(super) fn explain(error: &Error) -> Option<&'static str> {
    let Error::InvalidCertificate(reason) = error else { return None };
    Some(match reason {
        CertificateError::UnknownIssuer => "the server certificate is not signed by a trusted authority",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "the server certificate has expired",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server certificate is for another host name (sslmode=verify-full)"
        }
        _ => return None,
    })
}
