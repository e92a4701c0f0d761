//! The record in the user's service file (libpq's manual, 34.17), so that psql and psycopg find the server by name.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::error::LocalError;

/// Puts the section `name` with `pairs` into the file, in the place of one that is there.
pub(super) fn put(path: &Path, name: &str, pairs: &[(&str, String)]) -> Result<(), LocalError> {
    edit(path, |text| with_section(text, name, pairs))
}

/// Takes the section `name` out of the file.
pub(super) fn take(path: &Path, name: &str) -> Result<(), LocalError> {
    if path.exists() { edit(path, |text| without_section(text, name)) } else { Ok(()) }
}

/// `text` with the section; everything else stays as it is, byte for byte.
fn with_section(text: &str, name: &str, pairs: &[(&str, String)]) -> String {
    let section: String = pairs.iter().flat_map(|(key, value)| [key, "=", value, "\n"]).collect();
    let section = format!("[{name}]\n{section}");
    let Some((before, kept, after)) = split(text, name) else {
        let gap = if text.is_empty() { "" } else { "\n" };
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return format!("{text}{end}{gap}{section}");
    };
    format!("{before}{section}{kept}{after}")
}

/// `text` without the section, and without the blank line that [`with_section`] put before it. Comments in it stay.
fn without_section(text: &str, name: &str) -> String {
    let Some((before, kept, after)) = split(text, name) else { return text.to_owned() };
    let before = before.strip_suffix("\n\n").map_or_else(|| before.to_owned(), |rest| format!("{rest}\n"));
    format!("{before}{kept}{after}")
}

/// What is before the section, its lines that are not sqern's (comments, blanks), and what is after.
fn split<'a>(text: &'a str, name: &str) -> Option<(&'a str, String, &'a str)> {
    let head = format!("[{name}]");
    let mut start = None;
    let mut body = 0;
    let mut end = text.len();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        match start {
            None if line.trim() == head => (start, body) = (Some(at), at + line.len()),
            Some(_) if line.trim_start().starts_with('[') => {
                end = at;
                break;
            }
            _ => {}
        }
        at += line.len();
    }
    let foreign = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let kept = text[body..end].split_inclusive('\n').filter(foreign).collect();
    start.map(|start| (&text[..start], kept, &text[end..]))
}

/// Rewrites the file whole or not at all, keeping its owner and mode; a link to a file elsewhere stays a link.
fn edit(path: &Path, change: impl FnOnce(&str) -> String) -> Result<(), LocalError> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let failed = |source| LocalError::Io { what: "write service file", path: path.clone(), source };
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_owned);
    fs::create_dir_all(&dir).map_err(failed)?;
    // Two servers that start at once edit one after the other; the directory is a lock that leaves nothing behind.
    let lock = File::open(&dir).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let old = match fs::read(&path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| LocalError::ServiceFile { path: path.clone() })?,
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
    // A service file may hold passwords, so a new one is its owner's alone.
    let mode = old.as_ref().map_or(0o600, |old| old.mode() & 0o7777);
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    let ours = file.as_file().metadata()?;
    if let Some(old) = old.filter(|old| (old.uid(), old.gid()) != (ours.uid(), ours.gid())) {
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
    fn the_section_is_put_and_replaced_and_the_rest_stays() {
        let ours = "[ours]\nhost=/run/x\ndbname=d\n";
        let cases = [
            ("", ours.to_owned()),
            ("[a]\nhost=1\n", format!("[a]\nhost=1\n\n{ours}")),
            ("# no end", format!("# no end\n\n{ours}")),
            ("[ours]\nhost=old\n# keep\nport=1\n\n[b]\nx=1\n", format!("{ours}# keep\n\n[b]\nx=1\n")),
            ("[ours2]\nhost=1\n", format!("[ours2]\nhost=1\n\n{ours}")),
        ];
        for (before, after) in cases {
            assert_eq!(with_section(before, "ours", &pairs()), after, "{before:?}");
            assert_eq!(with_section(&after, "ours", &pairs()), after, "again: {before:?}");
        }
    }

    #[test]
    fn a_file_is_edited_through_a_link_and_keeps_its_mode_and_goes_when_empty() {
        let dir = tempfile::tempdir().expect("dir");
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::write(&real, "# mine\n").expect("write");
        fs::set_permissions(&real, Permissions::from_mode(0o640)).expect("mode");
        std::os::unix::fs::symlink(&real, &link).expect("link");
        put(&link, "ours", &pairs()).expect("put");
        assert!(link.is_symlink() && fs::read_to_string(&real).expect("read").contains("[ours]"));
        assert_eq!(fs::metadata(&real).expect("meta").mode() & 0o777, 0o640);
        take(&link, "ours").expect("take");
        assert_eq!(fs::read_to_string(&real).expect("read"), "# mine\n");
        let new = dir.path().join("new");
        put(&new, "ours", &pairs()).expect("put");
        assert_eq!(fs::metadata(&new).expect("meta").mode() & 0o777, 0o600);
        take(&new, "ours").expect("take");
        assert!(!new.exists());
    }

    proptest! {
        #[test]
        fn putting_and_taking_leaves_every_byte(lines in proptest::collection::vec("\\[[a-c]\\]|#?[a-z =]{0,6}", 0..8)) {
            let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
            prop_assert_eq!(without_section(&with_section(&text, "ours", &pairs()), "ours"), text);
        }
    }
}
