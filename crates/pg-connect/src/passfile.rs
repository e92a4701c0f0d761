//! Password files with lines `host:port:database:user:password` (libpq's manual, 34.16 *The
//! Password File*).

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::secret::Secret;

/// The fields that a line must match.
#[derive(Debug, Clone, Copy)]
pub(super) struct PasswordQuery<'a> {
    /// The host name, else its address; `localhost` for the default socket directory.
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// A password file.
#[derive(Debug, Clone)]
pub(super) struct PassFile {
    path: PathBuf,
    text: Secret,
}

impl PassFile {
    /// Reads the file; `None` if it does not exist.
    ///
    /// # Errors
    ///
    /// Returns a warning if the file is ignored: libpq does not use a file that other users can
    /// read.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, String> {
        let shown = path.display();
        let meta = match std::fs::metadata(path) {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("password file {shown} was ignored: {error}")),
        };
        if !meta.is_file() {
            return Err(format!(
                "password file {shown} was ignored: it is not a regular file"
            ));
        }
        let mode = meta.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(format!(
                "password file {shown} was ignored: its mode is {mode:04o}, but only the owner may have access; run chmod 0600 {shown}"
            ));
        }
        let bytes = std::fs::read(path)
            .map_err(|error| format!("password file {shown} was ignored: {error}"))?;
        let text = Secret::new(String::from_utf8_lossy(&bytes));
        Ok(Some(Self {
            path: path.to_owned(),
            text,
        }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the password of the first line that matches.
    pub(super) fn find(&self, query: PasswordQuery<'_>) -> Option<Secret> {
        let lines = self
            .text
            .reveal()
            .lines()
            .filter(|line| !line.starts_with('#'));
        lines.into_iter().find_map(|line| password_on(line, query))
    }
}

fn password_on(line: &str, query: PasswordQuery<'_>) -> Option<Secret> {
    let port = query.port.to_string();
    let mut rest = line;
    for expected in [query.host, &port, query.database, query.user] {
        rest = after_field(rest, expected)?;
    }
    Some(Secret::new(unescape(rest)))
}

/// Returns the rest after the field and its colon if the field is `*` or `expected`.
fn after_field<'a>(rest: &'a str, expected: &str) -> Option<&'a str> {
    if let Some(rest) = rest.strip_prefix("*:") {
        return Some(rest);
    }
    let mut expected = expected.chars();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            ':' => return expected.next().is_none().then(|| &rest[at + 1..]),
            '\\' => match chars.next() {
                Some((_, escaped)) if expected.next() == Some(escaped) => {}
                _ => return None,
            },
            _ if expected.next() == Some(c) => {}
            _ => return None,
        }
    }
    None
}

fn unescape(text: &str) -> String {
    let mut chars = text.trim_end_matches('\r').chars();
    let mut unescaped = String::new();
    while let Some(c) = chars.next() {
        unescaped.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    unescaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(text: &str) -> Option<String> {
        let file = PassFile {
            path: "/f".into(),
            text: Secret::new(text),
        };
        let query = PasswordQuery {
            host: "db:1",
            port: 5432,
            database: "ap\\p",
            user: "me",
        };
        file.find(query)
            .map(|password| password.reveal().to_owned())
    }

    #[test]
    fn lines_are_matched_as_by_libpq() {
        let cases = [
            (r"db\:1:5432:ap\\p:me:word", Some("word")),
            ("*:*:*:*:word", Some("word")),
            ("*:5433:*:*:no\n*:5432:*:*:yes", Some("yes")),
            ("# *:*:*:*:no\n*:*:*:me:yes\r\n", Some("yes")),
            (r"*:*:*:*:a\:b\\c", Some(r"a:b\c")),
            ("*:*:*:*:a:b", Some("a:b")),
            ("*:*:*:*:", Some("")),
            ("db*:*:*:*:no", None),
            ("db:*:*:*:no", None),
            ("*:*:*:m:no", None),
            ("*:*:*:mee:no", None),
            ("*:*:*", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(lookup(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_ignored_with_a_warning() {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), "*:*:*:*:tulip").expect("write");
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o644)).expect("mode");
        let warning = PassFile::read(file.path()).expect_err("too open");
        assert!(
            warning.contains("chmod 0600")
                && warning.contains("0644")
                && !warning.contains("tulip"),
            "{warning}"
        );
        std::fs::set_permissions(file.path(), PermissionsExt::from_mode(0o600)).expect("mode");
        assert!(PassFile::read(file.path()).expect("fine").is_some());
        assert!(
            PassFile::read(Path::new("/nowhere"))
                .expect("fine")
                .is_none()
        );
    }
}
