//! The record in the service file of the user (libpq's manual, 34.17), by which psql and psycopg
//! find the server.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use super::error::LocalError;
use super::os_user::OsUser;

/// Adds the section `name` to the file, or replaces it.
pub(super) fn put(
    path: &Path,
    name: &str,
    pairs: &[(&str, String)],
    caller: &OsUser,
) -> Result<(), LocalError> {
    edit(path, caller, |text| with_section(text, name, pairs))
}

/// Removes the section `name` from the file.
pub(super) fn remove(path: &Path, name: &str, caller: &OsUser) -> Result<(), LocalError> {
    if path.exists() {
        edit(path, caller, |text| without_section(text, name))
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

/// Returns an error if another user can determine which file root would edit: by a symbolic link
/// instead of the file, or by a directory in its path. `HOME` of root can be the home directory of
/// another user, for example in a shell of sudo.
fn check_for_root(path: &Path) -> Result<(), LocalError> {
    let unsafe_file = |problem: String| LocalError::UnsafeServiceFile {
        path: path.to_owned(),
        problem,
    };
    if path.is_symlink() {
        return Err(unsafe_file("it is a symbolic link".to_owned()));
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let parent = absolute.parent().unwrap_or(&absolute);
    // A link in the path can be changed by the owner of its directory.
    let real = parent.canonicalize().unwrap_or_default();
    let directories = parent.ancestors().chain(real.ancestors());
    for directory in directories.filter(|directory| !directory.as_os_str().is_empty()) {
        let Ok(found) = fs::symlink_metadata(directory) else {
            continue;
        };
        let problem = if found.uid() != 0 {
            let owner = OsUser::from_uid(found.uid());
            let owner = owner.map_or_else(|| found.uid().to_string(), |owner| owner.name);
            format!("directory {} is owned by user {owner}", directory.display())
        } else if is_writable_by_others(&found, directory == parent || directory == real) {
            format!("other users can write to directory {}", directory.display())
        } else {
            continue;
        };
        return Err(unsafe_file(problem));
    }
    Ok(())
}

/// Returns whether other users can replace entries of a directory. In a sticky directory such as
/// `/tmp`, they can only create entries, which matters for the directory of the file itself.
fn is_writable_by_others(directory: &fs::Metadata, contains_file: bool) -> bool {
    let mode = directory.mode();
    directory.is_dir() && mode & 0o022 != 0 && (contains_file || mode & 0o1000 == 0)
}

/// Replaces the file atomically. Its owner and mode are kept, and for a user other than root also a
/// symbolic link to it.
fn edit(
    path: &Path,
    caller: &OsUser,
    change: impl FnOnce(&str) -> String,
) -> Result<(), LocalError> {
    if caller.is_root() {
        check_for_root(path)?;
    }
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

    /// Returns a user; whether it is root determines the checks.
    fn user(uid: u32) -> OsUser {
        let name = "test".to_owned();
        OsUser {
            uid,
            gid: uid,
            name,
        }
    }

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
        put(&link, "server", &pairs(), &user(1)).expect("put");
        assert!(
            link.is_symlink()
                && fs::read_to_string(&real)
                    .expect("read")
                    .contains("[server]")
        );
        assert_eq!(fs::metadata(&real).expect("meta").mode() & 0o777, 0o640);
        remove(&link, "server", &user(1)).expect("remove");
        assert_eq!(fs::read_to_string(&real).expect("read"), "# mine\n");
        let new = dir.path().join("new");
        put(&new, "server", &pairs(), &user(1)).expect("put");
        assert_eq!(fs::metadata(&new).expect("meta").mode() & 0o777, 0o600);
        remove(&new, "server", &user(1)).expect("remove");
        assert!(!new.exists());
    }

    #[test]
    fn root_edits_no_file_that_another_user_can_exchange() {
        let home = tempfile::tempdir().expect("dir");
        let victim = home.path().join("victim");
        fs::write(&victim, "secret\n").expect("write");
        let link = home.path().join("link");
        std::os::unix::fs::symlink(&victim, &link).expect("link");
        let shared = home.path().join("shared");
        fs::create_dir(&shared).expect("dir");
        fs::set_permissions(&shared, Permissions::from_mode(0o1777)).expect("mode");
        let others = home.path().join("others");
        fs::create_dir(&others).expect("dir");
        let to_root = others.join("to-root");
        std::os::unix::fs::symlink(home.path(), &to_root).expect("link");
        let is_root = nix::unistd::geteuid().is_root();
        if is_root {
            fchown(File::open(&others).expect("open"), Some(1), Some(1)).expect("owner");
        }
        // Only root can create a directory of root.
        let problem = |problem| if is_root { problem } else { "is owned by user" };
        for (file, problem) in [
            (link.clone(), "it is a symbolic link"),
            (shared.join("new"), problem("other users can write")),
            (others.join("new"), "is owned by user"),
            (to_root.join("new"), "is owned by user"),
        ] {
            let error = put(&file, "server", &pairs(), &user(0)).expect_err("an unsafe file");
            assert!(error.to_string().contains(problem), "{error}");
        }
        let error = remove(&link, "server", &user(0)).expect_err("a link");
        assert!(matches!(error, LocalError::UnsafeServiceFile { .. }));
        assert_eq!(fs::read_to_string(&victim).expect("read"), "secret\n");
        assert!(!home.path().join("new").exists());
        if is_root {
            put(&victim, "server", &pairs(), &user(0)).expect("a file of root");
        }
    }

    proptest! {
        #[test]
        fn adding_and_removing_a_section_restores_the_text(lines in proptest::collection::vec("\\[[a-c]\\]|#?[a-z =]{0,6}", 0..8)) {
            let text: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
            prop_assert_eq!(without_section(&with_section(&text, "server", &pairs()), "server"), text);
        }
    }
}
