//! OpenPGP: keyrings, the cleartext framework of `InRelease`, detached signatures, and verdicts.

mod armor;
mod certificates;
mod clearsign;
mod download;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod keyring;
mod package;
mod verify;

pub(crate) use clearsign::{Clearsigned, split};
pub use download::fetch_keys;
pub use keyring::{KeyInfo, KeySet, KeyState, KeyringSpec};
pub(crate) use keyring::{Keyring, missing_keyring, read_keyrings};
pub use package::{PackageSignatureError, verify_package};
pub(crate) use verify::{Signed, Verdict};
