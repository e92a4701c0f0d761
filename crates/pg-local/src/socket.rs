//! The socket and its directory.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::create::own_dir;
use super::error::LocalError;
use super::layout::Layout;
use super::os_user::OsUser;
use super::server::LocalServer;
use super::{Endpoint, PORT};

/// A socket's path has 108 bytes on Linux and 104 on macOS, one of them the zero at the end; the smaller serves both.
const LONGEST: usize = 103;

/// The socket's directory: `run`, or, where that is too long or has a comma (which parts hosts), a short one.
///
/// Not under `/run/user`: that is emptied when its user logs out, and the server goes on.
pub(super) fn dir(layout: &Layout, short_dir: &Path, owner: &OsUser) -> PathBuf {
    let run = layout.run_dir();
    let socket = Endpoint { socket_dir: run.clone(), port: PORT }.socket();
    if socket.as_os_str().len() <= LONGEST && !run.to_string_lossy().contains(',') {
        return run;
    }
    short_dir.join(format!("sqern-{}-{}", owner.uid, short_hash(&layout.dir)))
}

/// Eight letters that stand for a path.
pub(super) fn short_hash(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    format!("{:08x}", u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
}

/// Makes the directory, and makes sure that it is the server's alone: in `/tmp` anybody could have made it first.
pub(super) fn prepare(server: &LocalServer) -> Result<(), LocalError> {
    let dir = &server.socket_dir;
    own_dir(server, dir)?;
    let meta = fs::symlink_metadata(dir).map_err(|source| LocalError::Io { what: "read", path: dir.clone(), source })?;
    let mode = meta.mode() & 0o777;
    let others = mode & 0o077;
    if meta.is_dir() && meta.uid() == server.runs_as.uid && others == 0 {
        return Ok(());
    }
    let got = format!("it is owned by user ID {} with mode {mode:04o}", meta.uid());
    Err(LocalError::UnsafeSocketDir { dir: dir.clone(), user: server.runs_as.name.clone(), got })
}

/// Makes sure that nobody listens on the socket, and removes what a dead server left of it.
///
/// A lock file left over names a process that may be anybody's by now, and PostgreSQL would believe it.
pub(super) fn free(endpoint: &Endpoint) -> Result<(), LocalError> {
    let socket = endpoint.socket();
    let lock = lock_file(&socket);
    match UnixStream::connect(&socket) {
        Ok(_) => return Err(LocalError::Busy { pid: owner(&lock), socket }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused || error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(LocalError::Io { what: "access", path: socket, source }),
    }
    for path in [socket, lock] {
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(LocalError::Io { what: "remove", path, source });
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
    fs::read_to_string(lock).ok()?.lines().next()?.trim().parse().ok()
}
