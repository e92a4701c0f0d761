//! Who asks: client certificates, the authorities to trust, and HTTP credentials, each from a file that the source names.

use std::path::{Path, PathBuf};

use sqern_model::RpmMdSource;

use crate::http::TlsFiles;
use crate::{Client, Failure};

/// The client that a source asks for: one with its certificate and its authorities, else the one that all share.
pub(crate) fn identified(client: &Client, source: &RpmMdSource) -> Result<Client, Failure> {
    let files = TlsFiles {
        identity: match (&source.client_certificate, &source.client_key) {
            (Some(certificate), Some(key)) => Some((newest(certificate)?, newest(key)?)),
            _ => None,
        },
        authorities: source.ca.as_deref().map(newest).transpose()?,
    };
    if files == TlsFiles::default() { Ok(client.clone()) } else { client.with_tls(&files) }
}

/// User name and password, where the source names a file with them.
pub(super) fn credentials(source: &RpmMdSource) -> Result<Option<(String, String)>, Failure> {
    let Some(file) = &source.credentials else { return Ok(None) };
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new("a readable file with USER:PASSWORD", error.to_string(), file))?;
    private(Path::new(file))?;
    // What the file holds is not shown: it would stand in logs.
    let line = text.lines().next().unwrap_or_default();
    let refused = || Failure::new("USER:PASSWORD in the first line", "something else", file);
    let (user, password) = line.split_once(':').filter(|(user, _)| !user.is_empty()).ok_or_else(refused)?;
    Ok(Some((user.to_owned(), password.to_owned())))
}

/// Refuses a file with a password that others can read.
#[cfg(unix)]
fn private(file: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).map_or(0, |metadata| metadata.permissions().mode());
    // The lowest six bits are the group's and the others'.
    if mode.trailing_zeros() >= 6 {
        return Ok(());
    }
    let got = format!("one with mode {:04o}", mode & 0o7777);
    let failure = Failure::new("a file that only its owner can read", got, file.display());
    Err(failure.hint(format!("chmod 600 {}", file.display())))
}

#[cfg(not(unix))]
fn private(_file: &Path) -> Result<(), Failure> {
    Ok(())
}

/// The file that a path names; a `*` in its last part stands for any text, and the last name in order counts: the serial number
/// of an entitlement is part of its file's name.
pub(crate) fn newest(pattern: &str) -> Result<PathBuf, Failure> {
    let path = Path::new(pattern);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((before, after)) = name.split_once('*') else { return Ok(path.to_owned()) };
    let none = |got: String| {
        Failure::new("a file of this name", got, pattern).hint("subscription-manager register, or name the file in the source")
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let entries = std::fs::read_dir(folder).map_err(|error| none(error.to_string()))?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let matches = |name: &String| {
        let fits = name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after);
        // A key stands beside each certificate, as NUMBER-key.pem beside NUMBER.pem.
        fits && (pattern.ends_with("-key.pem") || !name.ends_with("-key.pem"))
    };
    names.filter(matches).max().map(|name| folder.join(name)).ok_or_else(|| none("none".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_finds_the_certificate_and_its_key() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["1-key.pem", "1.pem", "2-key.pem", "2.pem", "x"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        let found = |pattern: &str| newest(&format!("{}/{pattern}", folder.path().display()));
        assert_eq!(found("*.pem"), Ok(folder.path().join("2.pem")));
        assert_eq!(found("*-key.pem"), Ok(folder.path().join("2-key.pem")));
        assert_eq!(found("fixed.pem"), Ok(folder.path().join("fixed.pem")));
        assert!(found("*.crt").expect_err("none").to_string().contains("subscription-manager"));
    }

    #[cfg(unix)]
    #[test]
    fn a_password_that_others_can_read_or_that_is_none_is_refused_without_showing_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("credentials");
        let source = RpmMdSource { credentials: Some(file.display().to_string()), ..RpmMdSource::default() };
        for (text, mode, expected) in
            [("user:secret\n", 0o600, None), ("user:secret", 0o644, Some("chmod 600")), ("secret", 0o600, Some("USER:PASSWORD"))]
        {
            std::fs::write(&file, text).expect("written");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("a mode");
            match (credentials(&source), expected) {
                (Ok(found), None) => assert_eq!(found, Some(("user".into(), "secret".into()))),
                (Err(failure), Some(expected)) => {
                    let failure = failure.to_string();
                    assert!(failure.contains(expected) && !failure.contains("secret"), "{failure}");
                }
                (other, _) => panic!("{other:?} for {text:?}"),
            }
        }
    }
}
