//! The file that keeps a position from one run to the next.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sqern_db::follow::{Position, PositionError};

use crate::failure::Failure;

/// More than any position has: longer files are not read to their end.
const MOST_BYTES: usize = 1 << 20;

/// A file with one position and a line end.
#[derive(Debug)]
pub(super) struct PositionFile {
    path: PathBuf,
    kept: Option<Position>,
}

impl PositionFile {
    /// Reads the file. The position is `None` if the file does not exist yet.
    pub(super) fn open(path: PathBuf) -> Result<(Self, Option<Position>), Failure> {
        // What a link points to is replaced, not the link.
        let path = fs::canonicalize(&path).unwrap_or(path);
        let position = match read(&path) {
            Ok(text) => Some(parse(&text).ok_or_else(|| unreadable(&path, &text))?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::unmet(format!("could not read position file {}: {error}", path.display()))),
        };
        Ok((Self { path, kept: position.clone() }, position))
    }

    /// Replaces the file atomically and syncs it to the disk.
    pub(super) fn keep(&mut self, position: &Position) -> Result<(), Failure> {
        if self.holds(position) {
            return Ok(());
        }
        let written = replace(&self.path, &format!("{position}\n"));
        written.map_err(|error| Failure::unmet(format!("could not write position file {}: {error}", self.path.display())))?;
        self.kept = Some(position.clone());
        Ok(())
    }

    /// Whether this is the position in the file.
    pub(super) fn holds(&self, position: &Position) -> bool {
        self.kept.as_ref() == Some(position)
    }

    /// Returns the error for a position of the file that cannot be used.
    pub(super) fn refused(&self, error: &PositionError) -> Failure {
        Failure::unmet(format!("{error}; the position is from {}", self.path.display())).hint(begin_anew(&self.path))
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(fs::File::open(path)?, MOST_BYTES as u64), &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The line end is part of it: a list of transactions that was cut looks like a shorter one.
fn parse(text: &str) -> Option<Position> {
    text.strip_suffix('\n')?.parse().ok()
}

fn unreadable(path: &Path, text: &str) -> Failure {
    let start: String = text.chars().take(80).collect();
    let rest = if start.len() < text.len() { " …" } else { "" };
    let path_shown = path.display();
    Failure::unmet(format!("invalid position file {path_shown}: expected a position and a newline, found {start:?}{rest}"))
        .hint(begin_anew(path))
}

fn begin_anew(path: &Path) -> String {
    let path = path.display();
    format!("rm {path}; sqern event follow --position {path} --from start  # or: --from now, --from POSITION")
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // As any new file, not only the owner's; the umask takes from it.
    let mut file =
        tempfile::Builder::new().prefix(".position-").permissions(Permissions::from_mode(0o666)).tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
