//! Client certificates, certificate authorities and HTTP credentials, from files that the source
//! names.

use std::fs::File;
use std::path::{Path, PathBuf};

use sqern_model::{RpmMdSource, Source};
use url::Url;

use super::path::base_url;
use crate::http::{Credentials, CredentialsFile, TlsFiles};
use crate::regular_file::{CONFIGURATION_BYTES, open_regular, read_bounded};
use crate::{Client, Error, ErrorKind};

/// Returns the client for a source: one with its certificates and credentials, or else the shared
/// one.
pub(crate) fn identified(client: &Client, source: &Source) -> Result<Client, Error> {
    let (client, file) = match source {
        Source::Apt(source) => (client.clone(), &source.credentials),
        Source::RpmMd(source) => (with_tls(client, source)?, &source.credentials),
    };
    let bases = own_bases(source);
    let client = client.with_configured(configured_urls(source, &bases));
    let Some(file) = file else { return Ok(client) };
    let found = credentials(Path::new(file))?;
    if !bases.iter().any(|base| found.login(base).is_some()) {
        let hint = "An entry without a scheme applies to https only. The path of an entry must match whole path components of the URL.";
        let reason = "the file contains no entry for a base URL of the source";
        return Err(Error::failed(
            ErrorKind::Configuration,
            "cannot use credentials file",
            reason,
            file,
        )
        .with_hint(hint));
    }
    Ok(client.with_credentials(Credentials::new(found, &bases)))
}

/// Returns the base URLs of a source. Invalid ones are reported when they are requested.
fn own_bases(source: &Source) -> Vec<Url> {
    let bases = match source {
        Source::Apt(source) => &source.base,
        Source::RpmMd(source) => &source.base,
    };
    bases
        .iter()
        .filter_map(|base| base_url(base).ok())
        .collect()
}

/// Returns the base URLs of a source, those of its mirror lists, and its other hosts of packages. The
/// mirrors in a list are not configured.
fn configured_urls(source: &Source, bases: &[Url]) -> Vec<Url> {
    let lists = match source {
        Source::Apt(_) => vec![],
        Source::RpmMd(source) => source.mirrorlist.iter().chain(&source.metalink).collect(),
    };
    let lists = lists.into_iter().filter_map(|list| base_url(list).ok());
    let hosts = source.package_hosts().iter();
    let hosts = hosts.filter_map(|host| base_url(&format!("https://{host}")).ok());
    bases.iter().cloned().chain(lists).chain(hosts).collect()
}

fn with_tls(client: &Client, source: &RpmMdSource) -> Result<Client, Error> {
    let files = TlsFiles {
        identity: match (&source.client_certificate, &source.client_key) {
            (Some(certificate), Some(key)) => Some((newest(certificate)?, newest(key)?)),
            _ => None,
        },
        authorities: source.ca.as_deref().map(newest).transpose()?,
    };
    if files == TlsFiles::default() {
        Ok(client.clone())
    } else {
        client.with_tls(&files)
    }
}

/// Reads user names and passwords from a file. Errors do not contain its content, because they are
/// logged.
fn credentials(path: &Path) -> Result<CredentialsFile, Error> {
    let unreadable =
        |reason: String| Error::failed(ErrorKind::Io, "could not read", reason, path.display());
    let failed = |error: std::io::Error| unreadable(error.to_string());
    let file = open_regular(path).map_err(failed)?;
    private(&file, path)?;
    let bytes = read_bounded(file, CONFIGURATION_BYTES).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("invalid UTF-8".to_owned()))?;
    CredentialsFile::parse(&text).map_err(|expected| {
        Error::unexpected(
            ErrorKind::Configuration,
            expected,
            "other content",
            path.display(),
        )
    })
}

/// Returns an error if other users can read a file with passwords.
#[cfg(unix)]
fn private(file: &File, path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt as _;
    // The check uses the open file, because the path might refer to another one.
    let metadata = file
        .metadata()
        .map_err(|error| Error::io("could not read the mode of", error, path.display()))?;
    let mode = metadata.permissions().mode();
    // The lowest 6 bits are those of group and others.
    if mode.trailing_zeros() >= 6 {
        return Ok(());
    }
    let reason = format!(
        "other users can access the file (mode {:04o})",
        mode & 0o7777
    );
    let failure = Error::failed(
        ErrorKind::Configuration,
        "cannot use credentials file",
        reason,
        path.display(),
    );
    Err(failure.with_hint(format!("chmod 600 {}", path.display())))
}

#[cfg(not(unix))]
fn private(_file: &File, _path: &Path) -> Result<(), Error> {
    Ok(())
}

/// Returns the file of a path. `*` in the last component matches any text, and the last matching
/// name is returned. The file names of entitlements contain serial numbers.
pub(super) fn newest(pattern: &str) -> Result<PathBuf, Error> {
    let path = Path::new(pattern);
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let Some((before, after)) = name.split_once('*') else {
        return Ok(path.to_owned());
    };
    let none = |actual: String| {
        Error::failed(ErrorKind::NotFound, "could not find", actual, pattern)
            .with_hint("Run subscription-manager register, or specify the file in the source section of the distribution file.")
    };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let entries = std::fs::read_dir(folder).map_err(|error| none(error.to_string()))?;
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    let matches = |name: &String| {
        let fits = name.len() >= before.len() + after.len()
            && name.starts_with(before)
            && name.ends_with(after);
        // The directory contains a key for each certificate, as NUMBER-key.pem for NUMBER.pem.
        fits && (pattern.ends_with("-key.pem") || !name.ends_with("-key.pem"))
    };
    names
        .filter(matches)
        .max()
        .map(|name| folder.join(name))
        .ok_or_else(|| none("no file matches the pattern".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_finds_latest_certificate_and_its_key() {
        let folder = tempfile::tempdir().expect("a directory");
        for name in ["1-key.pem", "1.pem", "2-key.pem", "2.pem", "x"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        let found = |pattern: &str| newest(&format!("{}/{pattern}", folder.path().display()));
        assert_eq!(found("*.pem"), Ok(folder.path().join("2.pem")));
        assert_eq!(found("*-key.pem"), Ok(folder.path().join("2-key.pem")));
        assert_eq!(found("fixed.pem"), Ok(folder.path().join("fixed.pem")));
        assert!(
            found("*.crt")
                .expect_err("none")
                .to_string()
                .contains("subscription-manager")
        );
    }

    #[cfg(unix)]
    #[test]
    fn unsafe_and_invalid_password_files_are_rejected() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("credentials");
        let netrc = "machine h login user password secret\n";
        for (text, mode, expected) in [
            ("user:secret\n", 0o600, None),
            (netrc, 0o400, None),
            ("user:secret", 0o644, Some("chmod 600")),
            (netrc, 0o640, Some("chmod 600")),
            ("secret", 0o600, Some("USER:PASSWORD")),
        ] {
            let _ = std::fs::remove_file(&file);
            std::fs::write(&file, text).expect("written");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("a mode");
            match (credentials(&file), expected) {
                (Ok(found), None) => assert!(
                    found
                        .login(&base_url("https://h/p").expect("a URL"))
                        .is_some()
                ),
                (Err(failure), Some(expected)) => {
                    let failure = failure.to_string();
                    assert!(
                        failure.contains(expected) && !failure.contains("secret"),
                        "{failure}"
                    );
                }
                (other, _) => panic!("{other:?} for {text:?}"),
            }
        }
    }
}
