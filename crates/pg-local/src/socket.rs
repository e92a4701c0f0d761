//! The Unix socket and its directory.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::endpoint::{Endpoint, PORT};
use super::error::LocalError;
use super::files::create_private_dir;
use super::layout::Layout;
use super::os_user::OsUser;

/// The maximum length of a socket path in bytes: 104 on macOS and 108 on Linux, including the final
/// null byte.
const MAX_PATH_BYTES: usize = 103;

/// Returns the socket directory: `run`, or a short path if `run` is too long or contains a comma,
/// which separates hosts.
///
/// The short path is not in `/run/user`, which is cleared at logout while the server continues.
pub(super) fn dir(layout: &Layout, short_dir: &Path, owner: &OsUser) -> PathBuf {
    let run = layout.run_dir();
    let socket = Endpoint {
        socket_dir: run.clone(),
        port: PORT,
    }
    .socket();
    if socket.as_os_str().len() <= MAX_PATH_BYTES && !run.to_string_lossy().contains(',') {
        return run;
    }
    short_dir.join(format!(
        "{}-{}-{}",
        layout.program.name,
        owner.uid,
        short_hash(&layout.dir)
    ))
}

/// Returns 8 hexadecimal digits that identify a path.
pub(super) fn short_hash(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    format!(
        "{:08x}",
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
    )
}

/// Creates the directory and checks that only the server can access it: in `/tmp`, another user can
/// create it first.
pub(super) fn prepare(dir: &Path, owner: &OsUser) -> Result<(), LocalError> {
    create_private_dir(dir, owner)?;
    let meta = fs::symlink_metadata(dir).map_err(|source| LocalError::Io {
        action: "read",
        path: dir.to_owned(),
        source,
    })?;
    let mode = meta.mode() & 0o777;
    let others = mode & 0o077;
    if meta.is_dir() && meta.uid() == owner.uid && others == 0 {
        return Ok(());
    }
    let found = format!("it is owned by user ID {} with mode {mode:04o}", meta.uid());
    Err(LocalError::UnsafeSocketDir {
        dir: dir.to_owned(),
        user: owner.name.clone(),
        found,
    })
}

/// Checks that no process listens on the socket, and removes the files of a dead server.
///
/// A remaining lock file contains a process ID that another process can have. PostgreSQL would then
/// refuse to start.
pub(super) fn clear(endpoint: &Endpoint) -> Result<(), LocalError> {
    let socket = endpoint.socket();
    let lock = lock_file(&socket);
    match UnixStream::connect(&socket) {
        Ok(_) => {
            return Err(LocalError::Busy {
                pid: owner(&lock),
                socket,
            });
        }
        Err(error)
            if error.kind() == io::ErrorKind::ConnectionRefused
                || error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => {
            return Err(LocalError::Io {
                action: "access",
                path: socket,
                source,
            });
        }
    }
    for path in [socket, lock] {
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(LocalError::Io {
                    action: "remove",
                    path,
                    source,
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn lock_file(socket: &Path) -> PathBuf {
    let mut name = socket.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn owner(lock: &Path) -> Option<i32> {
    fs::read_to_string(lock)
        .ok()?
        .lines()
        .next()?
        .trim()
        .parse()
        .ok()
}
