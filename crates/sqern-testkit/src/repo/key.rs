//! Keys that repositories are signed with.

use std::io::Write;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use jiff::Timestamp;
use sequoia_openpgp::cert::{CertBuilder, CipherSuite};
use sequoia_openpgp::crypto::KeyPair;
use sequoia_openpgp::packet::Signature;
use sequoia_openpgp::packet::signature::SignatureBuilder;
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::serialize::SerializeInto;
use sequoia_openpgp::serialize::stream::{Armorer, Message, Signer};
use sequoia_openpgp::types::{HashAlgorithm, ReasonForRevocation};
use sequoia_openpgp::{Cert, Packet};

/// The creation time of every key: 2020-01-01, which precedes all signatures of the tests.
const MADE_AT_UNIX_S: u64 = 1_577_836_800;

/// An OpenPGP key that signs `Release` files.
#[derive(Debug, Clone)]
pub struct SigningKey {
    cert: Cert,
}

impl SigningKey {
    /// Generates a key (Ed25519) that does not expire.
    ///
    /// # Errors
    ///
    /// Returns an error if sequoia cannot generate the key.
    pub fn generate() -> Result<Self> {
        Self::build(None)
    }

    /// Generates a key that expires after `life`, counted from 2020-01-01.
    ///
    /// # Errors
    ///
    /// Returns an error if sequoia cannot generate the key.
    pub fn expiring(life: Duration) -> Result<Self> {
        Self::build(Some(life))
    }

    /// Returns a copy of the key that was signed again at the time `at` and expires after `life`,
    /// counted from 2020-01-01. The copy contains no older self-signatures, like the output of
    /// `gpg --export`.
    ///
    /// # Errors
    ///
    /// Returns an error if the key cannot be signed.
    pub fn prolonged(&self, at: Timestamp, life: Duration) -> Result<Self> {
        self.bound_with(at, life, HashAlgorithm::SHA512)
    }

    /// Returns a copy of the key that is revoked, because its secret is known.
    ///
    /// # Errors
    ///
    /// Returns an error if the key cannot be revoked.
    pub fn revoked(&self) -> Result<Self> {
        let reason = ReasonForRevocation::KeyCompromised;
        let revocation = self.cert.revoke(&mut self.primary()?, reason, b"")?;
        let (cert, _) = self.cert.clone().insert_packets(revocation)?;
        Ok(Self { cert })
    }

    /// Returns the fingerprint of the certificate in upper-case hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.cert.fingerprint().to_hex()
    }

    /// Returns the key that repositories are signed with by default.
    ///
    /// # Panics
    ///
    /// Panics if sequoia cannot generate the key.
    #[must_use]
    pub fn shared() -> Self {
        static SHARED: OnceLock<SigningKey> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::generate().expect("sequoia makes a key"))
            .clone()
    }

    /// Returns the public key as a binary keyring.
    ///
    /// # Errors
    ///
    /// Returns an error if the key cannot be serialized.
    pub fn keyring(&self) -> Result<Vec<u8>> {
        self.cert.to_vec()
    }

    /// Returns the public key in ASCII armor.
    ///
    /// # Errors
    ///
    /// Returns an error if the key cannot be serialized.
    pub fn armored_keyring(&self) -> Result<Vec<u8>> {
        self.cert.armored().to_vec()
    }

    /// Returns a cleartext signed message (RFC 9580 §7) with the signature time `at`.
    ///
    /// # Errors
    ///
    /// Returns an error if the text cannot be signed.
    pub fn clearsign(&self, text: &str, at: Timestamp) -> Result<String> {
        let mut message = Vec::new();
        let mut signer = self
            .signer(Message::new(&mut message), at)?
            .cleartext()
            .build()?;
        signer.write_all(text.as_bytes())?;
        signer.finalize()?;
        Ok(String::from_utf8(message)?)
    }

    /// Returns a detached signature in ASCII armor with the signature time `at`.
    ///
    /// # Errors
    ///
    /// Returns an error if the text cannot be signed.
    pub fn sign(&self, text: &str, at: Timestamp) -> Result<Vec<u8>> {
        let mut signature = Vec::new();
        let armour = Armorer::new(Message::new(&mut signature))
            .kind(sequoia_openpgp::armor::Kind::Signature)
            .build()?;
        let mut signer = self.signer(armour, at)?.detached().build()?;
        signer.write_all(text.as_bytes())?;
        signer.finalize()?;
        Ok(signature)
    }

    /// Returns a detached binary signature with the signature time `at`.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes cannot be signed.
    pub fn sign_bytes(&self, bytes: &[u8], at: Timestamp) -> Result<Vec<u8>> {
        self.sign_bytes_with(bytes, at, HashAlgorithm::SHA512)
    }

    /// Returns a detached binary signature with the signature time `at` and this hash algorithm.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes cannot be signed.
    pub fn sign_bytes_with(
        &self,
        bytes: &[u8],
        at: Timestamp,
        hash: HashAlgorithm,
    ) -> Result<Vec<u8>> {
        let mut signature = Vec::new();
        let mut signer = self
            .signer(Message::new(&mut signature), at)?
            .hash_algo(hash)?
            .detached()
            .build()?;
        signer.write_all(bytes)?;
        signer.finalize()?;
        Ok(signature)
    }

    fn build(life: Option<Duration>) -> Result<Self> {
        let (cert, _) = CertBuilder::new()
            .set_cipher_suite(CipherSuite::Cv25519)
            .set_creation_time(SystemTime::UNIX_EPOCH + Duration::from_secs(MADE_AT_UNIX_S))
            .set_validity_period(life)
            .add_userid("sqern test archive <archive@example.test>")
            .add_signing_subkey()
            .generate()?;
        Ok(Self { cert })
    }

    /// Returns a copy of the key as [`prolonged`](Self::prolonged), with this hash algorithm in its
    /// self-signatures.
    ///
    /// # Errors
    ///
    /// Returns an error if the key cannot be signed.
    pub fn bound_with(&self, at: Timestamp, life: Duration, hash: HashAlgorithm) -> Result<Self> {
        let policy = StandardPolicy::new();
        let made_at = SystemTime::UNIX_EPOCH + Duration::from_secs(MADE_AT_UNIX_S);
        let valid = self.cert.with_policy(&policy, made_at)?;
        let mut signer = self.primary()?;
        let again = |old: &Signature| {
            SignatureBuilder::from(old.clone())
                .set_hash_algo(hash)
                .set_signature_creation_time(SystemTime::from(at))
        };
        let primary = valid.primary_key();
        let key = primary.key();
        let direct = valid.direct_key_signature()?;
        let direct = again(direct)?
            .set_key_validity_period(life)?
            .sign_direct_key(&mut signer, Some(key))?;
        let userid = valid.primary_userid()?;
        let user = again(userid.binding_signature())?
            .set_key_validity_period(life)?
            .sign_userid_binding(&mut signer, Some(key), userid.userid())?;
        let secret = key.clone().parts_into_secret()?;
        let mut packets: Vec<Packet> = vec![
            secret.into(),
            direct.into(),
            userid.userid().clone().into(),
            user.into(),
        ];
        for subkey in valid.keys().subkeys() {
            let binding = again(subkey.binding_signature())?
                .set_key_validity_period(life)?
                .sign_subkey_binding(&mut signer, Some(key), subkey.key())?;
            packets.push(subkey.key().clone().parts_into_secret()?.into());
            packets.push(binding.into());
        }
        let cert = Cert::from_packets(packets.into_iter())?;
        Ok(Self { cert })
    }

    /// Returns the primary key, which signs the other keys.
    fn primary(&self) -> Result<KeyPair> {
        let key = self.cert.primary_key().key().clone();
        key.parts_into_secret()?.into_keypair()
    }

    fn signer<'a>(&self, message: Message<'a>, at: Timestamp) -> Result<Signer<'a>> {
        let policy = StandardPolicy::new();
        let at = SystemTime::from(at);
        let key = self
            .cert
            .keys()
            .secret()
            .with_policy(&policy, at)
            .supported()
            .alive()
            .for_signing();
        let pair = key
            .map(|key| key.key().clone())
            .next()
            .context("a signing key")?
            .into_keypair()?;
        Ok(Signer::new(message, pair)?.creation_time(at))
    }
}
