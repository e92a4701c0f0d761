//! The server's configuration files.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, fchown};
use std::path::Path;

use super::error::LocalError;
use super::os_user::OsUser;
use super::{PORT, ROLE};

/// The name of the file that is written anew at each start.
pub(super) const FILE: &str = "sqern.conf";

/// What is put at the end of `postgresql.conf` once.
pub(super) const INCLUDE: &str = "\n# sqern's settings; written anew at each start.\ninclude_if_exists = 'sqern.conf'\n\
                                  # Your own go below this line, and win.\n";

/// The settings of every private server, then `more`, which win.
pub(super) fn settings(socket_dir: &Path, more: &[(String, String)]) -> String {
    let dir = socket_dir.display().to_string();
    let port = PORT.to_string();
    let ours = [
        ("listen_addresses", ""),
        ("port", &port),
        ("unix_socket_directories", &dir),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
        ("log_line_prefix", "%m [%p] "),
        ("logging_collector", "off"),
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
    ];
    let ours = ours.into_iter().chain(more.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let lines = ours.map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''")));
    format!("# Written by sqern local up; changes here are lost. Yours go into postgresql.conf.\n{}", lines.collect::<String>())
}

/// `pg_hba.conf`: who gets in how.
pub(super) fn hba() -> String {
    "# Everybody comes by the socket, and is who the operating system says (pg_ident.conf tells whom that makes).\n\
     local all all peer map=sqern\n\
     local replication all peer map=sqern\n"
        .to_owned()
}

/// `pg_ident.conf`: the owner, root and the server's user each are the superuser role.
pub(super) fn ident(owner: &OsUser, server: &OsUser) -> String {
    let mut names = vec!["root", &owner.name, &server.name];
    names.sort_unstable();
    names.dedup();
    let lines = names.into_iter().map(|name| format!("sqern \"{}\" {ROLE}\n", name.replace('"', "\"\"")));
    format!("# map, user of the operating system, role; one more line lets one more user in.\n{}", lines.collect::<String>())
}

/// Writes a file of the server's whole or not at all, as `owner`'s, for nobody else to read.
///
/// The directory belongs to an unprivileged user and the writer may be root: the new file is made aside and renamed, which
/// replaces a link that lies in wait instead of following it.
pub(super) fn write(path: &Path, text: &str, owner: &OsUser) -> Result<(), LocalError> {
    let failed = |source| LocalError::Io { what: "write", path: path.to_owned(), source };
    let parent = path.parent().unwrap_or(path);
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
    fchown(file.as_file(), Some(owner.uid), Some(owner.gid)).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_stands_once_and_quotes_are_doubled() {
        let user = |name: &str| OsUser { uid: 1, gid: 1, name: name.into() };
        let text = ident(&user("root"), &user("post gres"));
        assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), ["sqern \"post gres\" sqern", "sqern \"root\" sqern"]);
        let text = settings(Path::new("/it's"), &[("fsync".into(), "off".into())]);
        assert!(text.contains("unix_socket_directories = '/it''s'\n") && text.ends_with("fsync = 'off'\n"), "{text}");
    }
}
