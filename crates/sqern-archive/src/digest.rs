//! Checksums as repositories state them.

use std::fmt;

use sequoia_openpgp::types::HashAlgorithm;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

/// A hash function that a repository may state checksums by, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-1: whoever can choose a file's content can make two with one checksum. Taken only where nothing better is stated.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// By the name that `createrepo_c`(8) gives it; `sha` is its word for SHA-1.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "sha" | "sha1" => Some(Self::Sha1),
            "sha256" => Some(Self::Sha256),
            "sha384" => Some(Self::Sha384),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Its name in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// How many hexadecimal digits a checksum has.
    #[must_use]
    pub fn digits(self) -> usize {
        match self {
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 => 128,
        }
    }

    /// A checksum in lower-case hexadecimal digits; none if `text` is something else.
    #[must_use]
    pub fn hex(self, text: &str) -> Option<String> {
        let right = text.len() == self.digits() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        right.then(|| text.to_ascii_lowercase())
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha384 => "SHA384",
            Self::Sha512 => "SHA512",
        })
    }
}

/// Size and checksum as a repository's signed text states them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The size in bytes; none where it is not stated (repomd.xml may leave it out).
    pub size_bytes: Option<u64>,
    /// What the checksum is by.
    pub algorithm: Algorithm,
    /// The checksum in lower-case hexadecimal digits.
    pub checksum: String,
}

impl Stated {
    /// By SHA-256.
    #[must_use]
    pub fn sha256(size_bytes: u64, checksum: String) -> Self {
        Self { size_bytes: Some(size_bytes), algorithm: Algorithm::Sha256, checksum }
    }
}

/// What came, to be compared with what was stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) size_bytes: u64,
    pub(crate) checksum: String,
}

impl Received {
    /// Whether it is what was stated.
    pub(crate) fn is(&self, stated: &Stated) -> bool {
        stated.size_bytes.is_none_or(|size| size == self.size_bytes) && stated.checksum == self.checksum
    }
}

/// A checksum in the making.
#[derive(Clone)]
pub(crate) enum Hasher {
    /// By sequoia's own implementation, that also notices the known collision attacks.
    Sha1(sequoia_openpgp::crypto::hash::Context),
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    /// Over nothing yet.
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha1 => {
                let builder = HashAlgorithm::SHA1.context().expect("every cryptographic backend of sequoia has SHA-1");
                Self::Sha1(builder.for_digest())
            }
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha384 => Self::Sha384(Sha384::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    /// Over these bytes too.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The checksum in lower-case hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        match self {
            Self::Sha1(hasher) => {
                let digest = hasher.into_digest().expect("SHA-1 has a digest of fixed size");
                digest.iter().map(|byte| format!("{byte:02x}")).collect()
            }
            Self::Sha256(hasher) => format!("{:x}", hasher.finalize()),
            Self::Sha384(hasher) => format!("{:x}", hasher.finalize()),
            Self::Sha512(hasher) => format!("{:x}", hasher.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// FIPS 180-4's example "abc".
    #[test]
    fn checksums_are_those_of_the_standard() {
        for (algorithm, begins) in [
            (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (Algorithm::Sha256, "ba7816bf8f01cfea"),
            (Algorithm::Sha384, "cb00753f45a35e8b"),
            (Algorithm::Sha512, "ddaf35a193617aba"),
        ] {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(b"a");
            hasher.update(b"bc");
            let checksum = hasher.finish();
            assert!(checksum.starts_with(begins), "{algorithm}: {checksum}");
            assert_eq!(algorithm.hex(&checksum.to_ascii_uppercase()), Some(checksum));
            assert_eq!(Algorithm::by_name(algorithm.name()), Some(algorithm));
        }
    }

    #[test]
    fn a_checksum_of_another_length_is_none() {
        assert_eq!(Algorithm::Sha256.hex("abc"), None);
        assert_eq!(Algorithm::by_name("md5"), None);
    }

    proptest! {
        #[test]
        fn a_checksum_does_not_depend_on_the_pieces(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..40) {
            for algorithm in [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512] {
                let (mut whole, mut pieces) = (Hasher::new(algorithm), Hasher::new(algorithm));
                whole.update(&bytes);
                bytes.chunks(size).for_each(|piece| pieces.update(piece));
                let checksum = pieces.finish();
                prop_assert_eq!(checksum.len(), algorithm.digits());
                prop_assert_eq!(whole.finish(), checksum);
            }
        }

        #[test]
        fn a_checksum_is_hexadecimal_digits_of_its_length(text in "[0-9a-fA-F]{39,41}|[0-9a-fA-F]{64}|[0-9a-g]{64}|\\PC{0,40}") {
            let right = |digits| text.len() == digits && text.chars().all(|digit| digit.is_ascii_hexdigit());
            prop_assert_eq!(Algorithm::Sha1.hex(&text).is_some(), right(40));
            prop_assert_eq!(Algorithm::Sha256.hex(&text), right(64).then(|| text.to_lowercase()));
        }
    }
}
