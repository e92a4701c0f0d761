//! Keyring files, and packages that contain them.

use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sqern_store::Limits;
use sqern_upstream::KeySet;

use super::{KeyringChange, KeyringError};
use crate::Error;

/// The mode of keyrings, which contain only public keys.
const KEYRING_MODE: u32 = 0o644;
/// The size limit of a file that can be a keyring. The largest keyring of Debian has 60 KB.
const KEYRING_BYTES: u64 = 4 << 20;
/// The limits of packages of keyrings, both compressed and decompressed.
const PACKAGE_BYTES: u64 = 256 << 20;

/// Adds keys to a keyring file, which is replaced atomically.
pub(super) fn add_keys(file: &Path, keys: KeySet, dry_run: bool) -> Result<KeyringChange, Error> {
    let existing = KeySet::read(file)?;
    let before = existing.as_ref().map(KeySet::to_bytes).transpose()?;
    let mut merged = existing.unwrap_or_default();
    merged.merge(keys);
    // The first merge adds the issuer to old signatures. The second one is then without effect.
    let mut stable = KeySet::parse(&file.display().to_string(), &merged.to_bytes()?)?;
    stable.merge(merged);
    let bytes = stable.to_bytes()?;
    let change = match before {
        None => KeyringChange::Created,
        Some(before) if before == bytes => return Ok(KeyringChange::Unchanged),
        Some(_) => KeyringChange::Updated,
    };
    if !dry_run {
        replace(file, &bytes).map_err(Error::io(format!(
            "could not write keyring {}",
            file.display()
        )))?;
    }
    Ok(change)
}

fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = file
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".keyring-")
        .permissions(Permissions::from_mode(KEYRING_MODE))
        .tempfile_in(directory)?;
    temporary.write_all(bytes)?;
    // The umask of an administrator must not hide public keys from the user of the service.
    let permissions = Permissions::from_mode(KEYRING_MODE);
    temporary.as_file().set_permissions(permissions)?;
    temporary.as_file().sync_all()?;
    temporary.persist(file)?;
    Ok(())
}

/// Returns the keys of a keyring or of all keyrings in a package.
pub(super) fn read_keys(file: &Path) -> Result<KeySet, Error> {
    let is_package = file
        .extension()
        .is_some_and(|extension| extension == "deb" || extension == "rpm");
    if is_package {
        return read_package(file);
    }
    KeySet::read(file)?.ok_or_else(|| {
        let operation = format!("could not read keyring {}", file.display());
        Error::io(operation)(rustix::io::Errno::NOENT.into())
    })
}

fn read_package(package: &Path) -> Result<KeySet, Error> {
    let directory =
        tempfile::tempdir().map_err(Error::io("could not create a temporary directory"))?;
    let limits = Limits {
        package_bytes: PACKAGE_BYTES,
        plain_bytes: PACKAGE_BYTES,
        ..Limits::default()
    };
    sqern_store::unpack_all(package, directory.path(), &limits)?;
    let mut keys = KeySet::default();
    let operation = || Error::io(format!("could not read package {}", package.display()));
    add_keyrings(directory.path(), &mut keys).map_err(operation())?;
    if keys.is_empty() {
        let file = package.display().to_string();
        return Err(KeyringError::NoKeyring { file }.into());
    }
    Ok(keys)
}

/// Adds the keys of all keyrings below a directory. Other files are skipped.
fn add_keyrings(directory: &Path, keys: &mut KeySet) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            add_keyrings(&path, keys)?;
        } else if kind.is_file() && entry.metadata()?.len() <= KEYRING_BYTES && is_keyring(&path) {
            // Packages also contain keys of formats that are not supported.
            if let Ok(Some(read)) = KeySet::read(&path) {
                keys.merge(read);
            }
        }
    }
    Ok(())
}

/// Returns whether the name of a file is that of a keyring, as in `debian-archive-keyring.gpg`,
/// `debian-archive-keyring.pgp` and `RPM-GPG-KEY-Rocky-9`.
fn is_keyring(path: &Path) -> bool {
    let has_extension = path.extension().is_some_and(|extension| {
        ["gpg", "pgp", "asc", "key"]
            .iter()
            .any(|known| extension == *known)
    });
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    has_extension || name.contains("GPG-KEY")
}
