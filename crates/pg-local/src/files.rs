//! Files and directories of the server.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown, fchown};
use std::path::Path;

use super::error::LocalError;
use super::os_user::OsUser;

/// Creates a directory that only `owner` can access, if it does not exist.
pub(super) fn create_private_dir(dir: &Path, owner: &OsUser) -> Result<(), LocalError> {
    let failed = |source| LocalError::Io {
        action: "create directory",
        path: dir.to_owned(),
        source,
    };
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => chown(dir, Some(owner.uid), Some(owner.gid)).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Removes a directory and its content, if it exists.
pub(super) fn remove_dir(dir: &Path) -> Result<(), LocalError> {
    match fs::remove_dir_all(dir) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(LocalError::Io {
            action: "remove",
            path: dir.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Replaces a file of the server atomically. Only `owner` can read it.
///
/// The directory belongs to an unprivileged user and the writer can be root. A new file is
/// therefore created and renamed, which replaces a symbolic link instead of following it.
pub(super) fn write_private(path: &Path, text: &str, owner: &OsUser) -> Result<(), LocalError> {
    let failed = |source| LocalError::Io {
        action: "write",
        path: path.to_owned(),
        source,
    };
    let parent = path.parent().unwrap_or(path);
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file()
        .set_permissions(Permissions::from_mode(0o600))
        .map_err(failed)?;
    fchown(file.as_file(), Some(owner.uid), Some(owner.gid)).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
