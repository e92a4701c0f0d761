//! The record in the service file of the user (libpq's manual, 34.17), by which psql and psycopg
//! find the server.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::error::LocalError;

/// Adds the section `name` to the file, or replaces it.
pub(super) fn put(path: &Path, name: &str, pairs: &[(&str, String)]) -> Result<(), LocalError> {
    edit(path, |text| with_section(text, name, pairs))
}

/// Removes the section `name` from the file.
pub(super) fn remove(path: &Path, name: &str) -> Result<(), LocalError> {
    if path.exists() {
        edit(path, |text| without_section(text, name))
    } else {
        Ok(())
    }
}

/// Returns `text` with the section. All other bytes are unchanged.
fn with_section(text: &str, name: &str, pairs: &[(&str, String)]) -> String {
    let section: String = pairs
        .iter()
        .flat_map(|(key, value)| [key, "=", value, "\n"])
        .collect();
    let section = format!("[{name}]\n{section}");
    let Some((before, comments, after)) = split(text, name) else {
        let gap = if text.is_empty() { "" } else { "\n" };
        let end = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        return format!("{text}{end}{gap}{section}");
    };
    format!("{before}{section}{comments}{after}")
}

/// Returns `text` without the section and the blank line that [`with_section`] adds before it.
/// Comments in the section are kept.
fn without_section(text: &str, name: &str) -> String {
    let Some((before, comments, after)) = split(text, name) else {
        return text.to_owned();
    };
    let before = before
        .strip_suffix("\n\n")
        .map_or_else(|| before.to_owned(), |rest| format!("{rest}\n"));
    format!("{before}{comments}{after}")
}

/// Returns the text before the section, the comments and blank lines in it, and the text after it.
fn split<'a>(text: &'a str, name: &str) -> Option<(&'a str, String, &'a str)> {
    let head = format!("[{name}]");
    let mut start = None;
    let mut body = 0;
    let mut end = text.len();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        match start {
            None if line.trim() == head => (start, body) = (Some(offset), offset + line.len()),
            Some(_) if line.trim_start().starts_with('[') => {
                end = offset;
                break;
            }
            _ => {}
        }
        offset += line.len();
    }
    let is_comment = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let comments = text[body..end]
        .split_inclusive('\n')
        .filter(is_comment)
        .collect();
    start.map(|start| (&text[..start], comments, &text[end..]))
}

/// Replaces the file atomically. Its owner and mode and a symbolic link to it are kept.
fn edit(path: &Path, change: impl FnOnce(&str) -> String) -> Result<(), LocalError> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let failed = |source| LocalError::Io {
        action: "write service file",
        path: path.clone(),
        source,
    };
    let dir = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .map_or_else(|| PathBuf::from("."), Path::to_owned);
    fs::create_dir_all(&dir).map_err(failed)?;
    // The lock serializes concurrent starts. A lock on the directory needs no additional file.
    let lock = File::open(&dir).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let old = match fs::read(&path) {
        Ok(bytes) => {
            String::from_utf8(bytes).map_err(|_| LocalError::ServiceFile { path: path.clone() })?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(error)),
    };
    let new = change(&old);
    if new == old {
        return Ok(());
    }
    if new.is_empty() {
        return fs::remove_file(&path).map_err(failed);
    }
    replace(&path, &dir, &new).map_err(failed)
}

fn replace(path: &Path, dir: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(text.as_bytes())?;
    let old = fs::metadata(path).ok();
    // A service file can contain passwords, so only the owner can read a new file.
    let mode = old.as_ref().map_or(0o600, |old| old.mode() & 0o7777);
    file.as_file()
        .set_permissions(Permissions::from_mode(mode))?;
    let new = file.as_file().metadata()?;
    if let Some(old) = old.filter(|old| (old.uid(), old.gid()) != (new.uid(), new.gid())) {
        fchown(file.as_file(), Some(old.uid()), Some(old.gid()))?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs() -> Vec<(&'static str, String)> {
        vec![("host", "/run/x".to_owned()), ("dbname", "d".to_owned())]
    }

    #[test]
    fn a_section_is_added_or_replaced_and_the_rest_is_unchanged() {
        let section = "[server]\nhost=/run/x\ndbname=d\n";
        let cases = [
            ("", section.to_owned()),
            ("[a]\nhost=1\n", format!("[a]\nhost=1\n\n{section}")),
            ("# no end", format!("# no end\n\n{section}")),
            (
                "[server]\nhost=old\n# keep\nport=1\n\n[b]\nx=1\n",
                format!("{section}# keep\n\n[b]\nx=1\n"),
            ),
            (
                "[server2]\nhost=1\n",
                format!("[server2]\nhost=1\n\n{section}"),
            ),
        ];
        for (before, after) in cases {
            assert_eq!(
                with_section(before, "server", &pairs()),
                after,
                "{before:?}"
            );
            assert_eq!(
                with_section(&after, "server", &pairs()),
                after,
                "again: {before:?}"
            );
        }
    }

    #[test]
    fn links_and_modes_are_kept_and_an_empty_file_is_removed() {
        let dir = tempfile::tempdir().expect("dir");
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&real, "# mine\n").expect("write");
        fs::set_permissions(&real, Permissions::from_mode(0o640)).expect("mode");
        std::os::unix::fs::symlink(&real, &link).expect("link");
        put(&link, "server", &pairs()).expect("put");
        assert!(
            link.is_symlink()
                && fs::read_to_string(&real)
                    .expect("read")
                    .contains("[server]")
        );
        assert_eq!(fs::metadata(&real).expect("meta").mode() & 0o777, 0o640);
        remove(&link, "server").expect("remove");
        assert_eq!(fs::read_to_string(&real).expect("read"), "# mine\n");
        let new = dir.path().join("new");
        put(&new, "server", &pairs()).expect("put");
        assert_eq!(fs::metadata(&new).expect("meta").mode() & 0o777, 0o600);
        remove(&new, "server").expect("remove");
        assert!(!new.exists());
    }

    proptest! {
        #[test]
        fn adding_and_removing_a_section_restores_the_text(lines in proptest::collection::vec("\\[[a-c]\\]|#?[a-z =]{0,6}", 0..8)) {
            let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
            prop_assert_eq!(without_section(&with_section(&text, "server", &pairs()), "server"), text);
        }
    }
}
