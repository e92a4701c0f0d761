//! The file that stores a position between runs.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sqern_db::follow::{Position, PositionError};

use crate::Error;

/// The maximum number of bytes to read. A position is shorter.
const MAX_BYTES: usize = 1 << 20;

/// A file that contains a position and a newline.
#[derive(Debug)]
pub(super) struct PositionFile {
    path: PathBuf,
    stored: Option<Position>,
}

impl PositionFile {
    /// Reads the file. The position is `None` if the file does not exist yet.
    pub(super) fn open(path: PathBuf) -> Result<(Self, Option<Position>), Error> {
        // The target of a link is replaced, not the link.
        let path = fs::canonicalize(&path).unwrap_or(path);
        let position = match read(&path) {
            Ok(text) => Some(parse(&text).ok_or_else(|| unreadable(&path, &text))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let operation = format!("could not read position file {}", path.display());
                return Err(Error::io(operation)(error));
            }
        };
        Ok((
            Self {
                path,
                stored: position.clone(),
            },
            position,
        ))
    }

    /// Replaces the file atomically and syncs it to the disk.
    pub(super) fn write(&mut self, position: &Position) -> Result<(), Error> {
        if self.contains(position) {
            return Ok(());
        }
        let operation = format!("could not write position file {}", self.path.display());
        replace(&self.path, &format!("{position}\n")).map_err(Error::io(operation))?;
        self.stored = Some(position.clone());
        Ok(())
    }

    /// Whether this is the position in the file.
    pub(super) fn contains(&self, position: &Position) -> bool {
        self.stored.as_ref() == Some(position)
    }

    /// Returns the error for a position of the file that cannot be used.
    pub(super) fn rejected(&self, error: PositionError) -> Error {
        Error::PositionRejected {
            path: self.path.clone(),
            error,
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(
        &mut io::Read::take(fs::File::open(path)?, MAX_BYTES as u64),
        &mut bytes,
    )?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Parses a position and its newline. Without the newline, a truncated list of transactions would
/// look like a shorter one.
fn parse(text: &str) -> Option<Position> {
    text.strip_suffix('\n')?.parse().ok()
}

fn unreadable(path: &Path, text: &str) -> Error {
    let start: String = text.chars().take(80).collect();
    let rest = if start.len() < text.len() { " …" } else { "" };
    Error::PositionFileInvalid {
        path: path.to_owned(),
        found: format!("{start:?}{rest}"),
    }
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let directory = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    // The permissions of a new file, before the umask applies.
    let mut file = tempfile::Builder::new()
        .prefix(".position-")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
