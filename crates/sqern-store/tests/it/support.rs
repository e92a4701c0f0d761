//! A directory for unpacking, next to files that must not change.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use sqern_model::diagnostic::Problem;
use sqern_store::{Error, ErrorKind, Limits, Unpacked, unpack};
use sqern_testkit::package::{DebFile, Payload, RpmFile};
use tempfile::TempDir;

/// A temporary directory with the target directory `into` and a file next to it.
pub(crate) struct UnpackTest {
    directory: TempDir,
}

impl UnpackTest {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let into = directory.path().join("into");
        fs::create_dir(&into).expect("a directory");
        fs::set_permissions(&into, fs::Permissions::from_mode(0o700))
            .expect("the directory of this process");
        fs::write(directory.path().join("beside"), "beside").expect("a file");
        Self { directory }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("into")
    }

    /// Unpacks a package with this name and content.
    pub(crate) fn unpack(&self, name: &str, bytes: &[u8]) -> Result<Unpacked, Error> {
        self.unpack_with(name, bytes, &Limits::default())
    }

    pub(crate) fn unpack_with(
        &self,
        name: &str,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<Unpacked, Error> {
        let package = self.directory.path().join(name);
        fs::write(&package, bytes).expect("a file");
        let result = unpack(&package, &self.root(), limits);
        fs::remove_file(&package).expect("the file");
        self.assert_nothing_outside();
        result
    }

    /// Lists the target directory.
    pub(crate) fn tree(&self) -> Vec<String> {
        list(&self.root())
    }

    fn assert_nothing_outside(&self) {
        let entries = fs::read_dir(self.directory.path()).expect("the directory");
        let mut names: Vec<_> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("a name")
            })
            .collect();
        names.sort();
        assert_eq!(names, ["beside", "into"]);
        let beside = self.directory.path().join("beside");
        assert_eq!(fs::read_to_string(&beside).expect("the file"), "beside");
        assert_eq!(fs::metadata(beside).expect("the file").nlink(), 1);
    }
}

/// Lists a directory: path, kind, mode, modification time, number of links, and content of each
/// entry. The lines are sorted.
pub(crate) fn list(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    list_below(root, "", &mut lines);
    lines.sort();
    lines
}

fn list_below(root: &Path, parent: &str, lines: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(parent)).expect("a directory") {
        let name = entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("a name");
        let path = if parent.is_empty() {
            name
        } else {
            format!("{parent}/{name}")
        };
        let full = root.join(&path);
        let metadata = fs::symlink_metadata(&full).expect("an entry");
        let mode = metadata.mode() & 0o7_777;
        if metadata.is_dir() {
            lines.push(format!("{path}/ {mode:o}"));
            list_below(root, &path, lines);
        } else if metadata.is_symlink() {
            lines.push(format!(
                "{path} -> {}",
                fs::read_link(&full).expect("a link").display()
            ));
        } else {
            let content = fs::read(&full).expect("a file");
            lines.push(format!(
                "{path} {mode:o} {} x{} {}",
                metadata.mtime(),
                metadata.nlink(),
                content.escape_ascii()
            ));
        }
    }
}

pub(crate) fn deb(payload: &Payload) -> Vec<u8> {
    DebFile::new("linux-headers", "6.1.106-3", "amd64")
        .payload(payload)
        .bytes()
        .expect("a package")
}

pub(crate) fn rpm(payload: &Payload) -> Vec<u8> {
    RpmFile::new("kernel-devel", "6.1.0", "25", "x86_64")
        .payload(payload)
        .bytes()
        .expect("a package")
}

/// Returns the message of an invalid package, with the location inside the package.
pub(crate) fn rejection(result: Result<Unpacked, Error>) -> String {
    let error = result.expect_err("an invalid package");
    assert_eq!(error.kind(), ErrorKind::InvalidPackage, "{error}");
    let description = error.description();
    let location = description
        .location
        .split_once(": ")
        .map_or(&*description.location, |(_, location)| location);
    match &description.problem {
        Problem::Unexpected { expected, found } => {
            format!("expected {expected}, found {found}, at {location}")
        }
        Problem::Failed { operation, reason } => format!("{operation} {location}: {reason}"),
    }
}
