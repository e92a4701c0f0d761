//! Verification of the server certificate by `sslmode`.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::names;

/// The checks of a server certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// No check: `require` without a root certificate. This protects against eavesdropping, but not
    /// against an impersonated server (libpq's manual, 34.19.3). Users of self-signed certificates
    /// depend on it.
    Nothing,
    /// A trusted authority signed the certificate, and it has not expired.
    Chain,
    /// The chain, and the name of the host.
    ChainAndName,
}

/// The verifier for rustls. In every mode, the server must prove that it has the key of the
/// certificate.
#[derive(Debug)]
pub(super) struct Verifier {
    roots: RootCertStore,
    /// The certificates of the root file, which are also trusted as server certificates.
    trusted_leaves: Vec<CertificateDer<'static>>,
    check: Check,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    pub(super) fn new(
        (roots, trusted_leaves): (RootCertStore, Vec<CertificateDer<'static>>),
        check: Check,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        Self {
            roots,
            trusted_leaves,
            check,
            provider,
        }
    }

    fn verify_chain(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        // OpenSSL trusts a self-signed certificate that is in the root file. webpki rejects it as a
        // server certificate.
        if self.trusted_leaves.contains(certificate) {
            return names::check_dates(certificate, now);
        }
        let parsed = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            intermediates,
            now,
            algorithms,
        )
    }
}

/// Checks that the certificate is for `host`: by its alternative names or, as in libpq, by its
/// common name if it has none.
fn verify_name(certificate: &CertificateDer<'_>, host: &ServerName<'_>) -> Result<(), Error> {
    let by_alternative = verify_server_name(&ParsedCertificate::try_from(certificate)?, host);
    if by_alternative.is_ok() {
        return by_alternative;
    }
    match names::common_name(certificate) {
        Some(name) if names::matches(&name, &host.to_str()) => Ok(()),
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
            self.verify_chain(end_entity, intermediates, now)?;
        }
        if self.check == Check::ChainAndName {
            verify_name(end_entity, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Returns a message for a certificate that is not trusted; `None` for any other error.
pub(super) fn explain(error: &Error) -> Option<&'static str> {
    let Error::InvalidCertificate(reason) = error else {
        return None;
    };
    Some(match reason {
        CertificateError::UnknownIssuer => {
            "the server certificate is not signed by a trusted authority"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the server certificate has expired"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the server certificate is for another host name (sslmode=verify-full)"
        }
        _ => return None,
    })
}
