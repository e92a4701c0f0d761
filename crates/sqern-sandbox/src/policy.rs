//! The description of a sandbox.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The access of a command. The programs and libraries in `/usr`, and the files in `/etc` that they
/// require, are always readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Absolute paths of existing files and directories that the command can read and execute.
    pub read_only: Vec<PathBuf>,
    /// Absolute paths of existing files and directories that the command can also write.
    pub writable: Vec<PathBuf>,
    /// The writable directory for temporary files.
    pub scratch: Scratch,
    /// Whether the command can use the network and the sockets of the machine.
    pub network: bool,
    /// The complete environment of the command.
    pub environment: Vec<(OsString, OsString)>,
    /// The resource limits.
    pub limits: Limits,
}

/// A directory for temporary files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scratch {
    /// The absolute path of an existing empty directory.
    pub path: PathBuf,
    /// The maximum size of a file in bytes. With [`Method::Bubblewrap`], the directory is in
    /// memory, and this is the maximum size of all files.
    ///
    /// [`Method::Bubblewrap`]: crate::Method::Bubblewrap
    pub size_bytes: u64,
    /// Names and contents of files that exist when the command starts.
    pub files: Vec<(String, String)>,
    /// Names of files that are returned when the command has exited.
    pub results: Vec<String>,
    /// The maximum size of a returned file in bytes.
    pub max_result_bytes: u64,
}

impl Scratch {
    /// Returns a scratch directory without files and results.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, size_bytes: u64) -> Self {
        Self {
            path: path.into(),
            size_bytes,
            files: vec![],
            results: vec![],
            max_result_bytes: 0,
        }
    }
}

/// Resource limits of each process (setrlimit(2)). Core dumps are always disabled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The maximum address space in bytes.
    pub address_space_bytes: Option<u64>,
    /// The maximum number of processes and threads of the command. The limit of the kernel applies
    /// to all processes of a user, so the other processes of the user are added.
    pub processes: Option<u64>,
    /// The maximum CPU time in seconds.
    pub cpu_seconds: Option<u64>,
    /// The maximum number of open files.
    pub open_files: Option<u64>,
}

impl Default for Limits {
    /// Returns limits that are sufficient to compile a module.
    fn default() -> Self {
        Self {
            address_space_bytes: Some(16 << 30),
            processes: Some(512),
            cpu_seconds: None,
            open_files: Some(4096),
        }
    }
}

/// A program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The absolute path of the program.
    pub path: PathBuf,
    /// The arguments, without the name of the program.
    pub arguments: Vec<OsString>,
    /// The working directory; `None` for that of the caller, or `/` in a sandbox.
    pub directory: Option<PathBuf>,
}
