//! The messages between the caller and the launcher. Each message is a line of JSON.
//!
//! The launcher receives a [`Request`], then one byte for each SIGTERM. The end of the input kills
//! the command. The launcher answers with [`Report`]s. The content of the result files follows the
//! report [`Report::Exited`].

use std::io::{self, BufRead, Read as _, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::sandbox::Method;
use crate::{Policy, Program};

/// The maximum size of a message in bytes.
const MAX_MESSAGE_BYTES: u64 = 16 << 20;
/// The request to terminate the command with SIGTERM.
pub(crate) const TERMINATE: u8 = b't';

/// A command for the launcher.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) policy: Policy,
    pub(crate) program: Program,
    /// The user of the command, if the caller is root.
    pub(crate) identity: Option<Identity>,
    /// The number of processes that the user of the command already has.
    pub(crate) other_processes: u64,
}

/// A user and its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// A report of the launcher.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The restrictions, before the command starts.
    Applied(Applied),
    /// The command was not started.
    Failed(String),
    /// The command has exited.
    Exited {
        /// The status in the format of wait(2).
        status: i32,
        /// The sizes of the result files; `None` for a file that does not exist.
        results: Vec<Option<u64>>,
    },
}

/// The restrictions of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The method.
    pub method: Method,
    /// The names of the restrictions, such as `network-namespace`, `landlock-abi-7` and `seccomp`.
    pub restrictions: Vec<String>,
}

/// Writes a message.
pub(crate) fn send(mut stream: impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// Reads a message. Returns `None` at the end of the stream.
pub(crate) fn receive<T: DeserializeOwned>(stream: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    stream
        .take(MAX_MESSAGE_BYTES)
        .read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&line)?))
}
