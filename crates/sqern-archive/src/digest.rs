//! Digests of files, as repositories and packages list them.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use sha1collisiondetection::Sha1CD;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// The size of a read of [`Hasher::update_from`].
const READ_BYTES: usize = 128 * 1024;

/// A hash function that a repository may use for checksums, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-1. Collisions can be computed, so it is used only if no other checksum is listed.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// All algorithms, weakest first.
    pub const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Returns the algorithm with a name of `createrepo_c`(8), where `sha` is SHA-1.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if name == "sha" {
            Some(Self::Sha1)
        } else {
            Self::ALL
                .into_iter()
                .find(|algorithm| algorithm.name() == name)
        }
    }

    /// Returns the name in lower case: `sha256`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the number of hexadecimal digits of a checksum.
    #[must_use]
    pub fn digits(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }

    /// Returns a checksum in lower case, or `None` if `text` is not a checksum of this algorithm in
    /// hexadecimal digits.
    #[must_use]
    pub fn parse_hex(self, text: &str) -> Option<String> {
        let is_valid =
            text.len() == self.digits() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_valid.then(|| text.to_ascii_lowercase())
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name().to_ascii_uppercase())
    }
}

/// An algorithm and a checksum in lower-case hexadecimal digits.
///
/// The text form is the digits of SHA-256, or `ALGORITHM:DIGITS` for other algorithms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The digits in lower case.
    pub digits: String,
}

/// A text that is not a [`Checksum`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a checksum as ALGORITHM:DIGITS, found {0:?}")]
pub struct InvalidChecksum(pub String);

impl FromStr for Checksum {
    type Err = InvalidChecksum;

    fn from_str(text: &str) -> Result<Self, InvalidChecksum> {
        let (algorithm, digits) = match text.split_once(':') {
            Some((name, digits)) => (Algorithm::from_name(name), digits),
            None => (Some(Algorithm::Sha256), text),
        };
        let checksum = algorithm.and_then(|algorithm| {
            Some(Self {
                algorithm,
                digits: algorithm.parse_hex(digits)?,
            })
        });
        checksum.ok_or_else(|| InvalidChecksum(text.to_owned()))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.algorithm {
            Algorithm::Sha256 => f.write_str(&self.digits),
            other => write!(f, "{}:{}", other.name(), self.digits),
        }
    }
}

/// The state of a hash function.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    /// Detects known collision attacks. The checksum of such a file differs from its SHA-1, so that
    /// no listed checksum matches.
    Sha1(Box<Sha1CD>),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    /// Returns the state before the first byte.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha1 => State::Sha1(Box::default()),
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha384 => State::Sha384(Sha384::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha1(hasher) => hasher.update(bytes),
            State::Sha256(hasher) => hasher.update(bytes),
            State::Sha384(hasher) => hasher.update(bytes),
            State::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// Adds a value with its length, so that different sequences of values have different digests.
    pub fn update_with_length(&mut self, bytes: &[u8]) {
        self.update(&(bytes.len() as u64).to_be_bytes());
        self.update(bytes);
    }

    /// Adds all bytes of a reader, and returns their number.
    ///
    /// # Errors
    ///
    /// Returns an error if the reader fails.
    pub fn update_from(&mut self, mut reader: impl Read) -> io::Result<u64> {
        let mut buffer = vec![0; READ_BYTES];
        let mut size_bytes = 0;
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(size_bytes),
                Ok(count) => {
                    self.update(&buffer[..count]);
                    size_bytes += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the digest.
    #[must_use]
    pub fn finish_bytes(self) -> Vec<u8> {
        match self.0 {
            State::Sha1(mut hasher) => {
                let mut output = sha1collisiondetection::Output::default();
                // After a detected collision, the output is the mitigated digest of `Sha1CD`.
                let _ = hasher.finalize_into_dirty_cd(&mut output);
                output.to_vec()
            }
            State::Sha256(hasher) => hasher.finalize().to_vec(),
            State::Sha384(hasher) => hasher.finalize().to_vec(),
            State::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }

    /// Returns the digest in lower-case hexadecimal digits.
    #[must_use]
    pub fn finish(self) -> String {
        hex(&self.finish_bytes())
    }
}

/// Returns bytes in lower-case hexadecimal digits, separated by blanks: `1f 8b`.
#[must_use]
pub fn hex_bytes(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Returns bytes in lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example "abc" of FIPS 180-4.
    #[test]
    fn digests_match_the_examples_of_the_standard() {
        for (algorithm, start) in [
            (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Algorithm::Sha256, "ba7816bf8f01cfea"),
            (Algorithm::Sha384, "cb00753f45a35e8b"),
            (Algorithm::Sha512, "ddaf35a193617aba"),
        ] {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(b"a");
            hasher.update(b"bc");
            let digits = hasher.finish();
            assert!(digits.starts_with(start), "{algorithm}: {digits}");
            assert_eq!(digits.len(), algorithm.digits());
            assert_eq!(
                algorithm.parse_hex(&digits.to_ascii_uppercase()),
                Some(digits)
            );
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        }
        assert_eq!(Algorithm::from_name("sha"), Some(Algorithm::Sha1));
        assert_eq!(Algorithm::from_name("md5"), None);
    }

    #[test]
    fn checksums_without_algorithm_are_sha256() {
        for (text, algorithm) in [
            ("AB".repeat(32), Algorithm::Sha256),
            (format!("sha1:{}", "0".repeat(40)), Algorithm::Sha1),
            (format!("sha512:{}", "0".repeat(128)), Algorithm::Sha512),
        ] {
            let checksum: Checksum = text.parse().expect("a checksum");
            assert_eq!(
                (checksum.algorithm, checksum.to_string()),
                (algorithm, text.to_ascii_lowercase())
            );
        }
        for text in ["", "aa", "md5:00", "sha1:", "sha256:00"] {
            assert_eq!(
                text.parse::<Checksum>(),
                Err(InvalidChecksum(text.to_owned()))
            );
        }
    }

    proptest! {
        #[test]
        fn digests_do_not_depend_on_chunks(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..40) {
            for algorithm in Algorithm::ALL {
                let (mut whole, mut chunked) = (Hasher::new(algorithm), Hasher::new(algorithm));
                prop_assert_eq!(whole.update_from(&*bytes).expect("memory is readable"), bytes.len() as u64);
                bytes.chunks(size).for_each(|chunk| chunked.update(chunk));
                prop_assert_eq!(whole.finish(), chunked.finish());
            }
        }

        #[test]
        fn checksums_are_hexadecimal_digits_of_the_exact_length(text in "[0-9a-fA-F]{39,41}|[0-9a-fA-F]{64}|[0-9a-g]{64}|\\PC{0,40}") {
            let is_valid = |digits| text.len() == digits && text.chars().all(|digit| digit.is_ascii_hexdigit());
            prop_assert_eq!(Algorithm::Sha1.parse_hex(&text).is_some(), is_valid(40));
            prop_assert_eq!(Algorithm::Sha256.parse_hex(&text), is_valid(64).then(|| text.to_lowercase()));
        }
    }
}
