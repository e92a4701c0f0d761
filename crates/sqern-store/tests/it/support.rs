//! What the tests share: a folder to unpack into, with another beside it where nothing may be written.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use sqern_store::{Limits, UnpackError, Unpacked, unpack};
use sqern_testkit::package::{DebFile, Payload, RpmFile};
use tempfile::TempDir;

/// A folder with `into/` and what stands beside it.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let into = folder.path().join("into");
        fs::create_dir(&into).expect("a directory");
        fs::set_permissions(&into, fs::Permissions::from_mode(0o700)).expect("a folder of our own");
        fs::write(folder.path().join("beside"), "beside").expect("a file");
        Self { folder }
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("into")
    }

    /// Unpacks the bytes of a package of this name.
    pub fn unpack(&self, name: &str, bytes: &[u8]) -> Result<Unpacked, UnpackError> {
        self.unpack_with(name, bytes, &Limits::default())
    }

    pub fn unpack_with(&self, name: &str, bytes: &[u8], limits: &Limits) -> Result<Unpacked, UnpackError> {
        let package = self.folder.path().join(name);
        fs::write(&package, bytes).expect("a file");
        let result = unpack(&package, &self.root(), limits);
        fs::remove_file(&package).expect("the file");
        self.assert_nothing_outside();
        result
    }

    /// Everything in the folder.
    pub fn tree(&self) -> Vec<String> {
        list(&self.root())
    }

    fn assert_nothing_outside(&self) {
        let beside = fs::read_dir(self.folder.path()).expect("the folder");
        let mut names: Vec<_> = beside.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect();
        names.sort();
        assert_eq!(names, ["beside", "into"]);
        let beside = self.folder.path().join("beside");
        assert_eq!(fs::read_to_string(&beside).expect("the file"), "beside");
        assert_eq!(fs::metadata(beside).expect("the file").nlink(), 1);
    }
}

/// What lies in a folder, sorted: path, kind, mode, age and content, a line each.
pub fn list(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    list_below(root, "", &mut lines);
    lines.sort();
    lines
}

fn list_below(root: &Path, at: &str, lines: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(at)).expect("a directory") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        let path = if at.is_empty() { name } else { format!("{at}/{name}") };
        let full = root.join(&path);
        let metadata = fs::symlink_metadata(&full).expect("an entry");
        let mode = metadata.mode() & 0o7_777;
        if metadata.is_dir() {
            lines.push(format!("{path}/ {mode:o}"));
            list_below(root, &path, lines);
        } else if metadata.is_symlink() {
            lines.push(format!("{path} -> {}", fs::read_link(&full).expect("a link").display()));
        } else {
            let content = fs::read(&full).expect("a file");
            lines.push(format!("{path} {mode:o} {} x{} {}", metadata.mtime(), metadata.nlink(), content.escape_ascii()));
        }
    }
}

pub fn deb(payload: &Payload) -> Vec<u8> {
    DebFile::new("linux-headers", "6.1.106-3", "amd64").payload(payload).bytes().expect("a package")
}

pub fn rpm(payload: &Payload) -> Vec<u8> {
    RpmFile::new("kernel-devel", "6.1.0", "25", "x86_64").payload(payload).bytes().expect("a package")
}

/// What a refusal says: expected, got, and the place in the package.
pub fn refusal(result: Result<Unpacked, UnpackError>) -> String {
    match result {
        Err(UnpackError::Package(failure)) => {
            let place = failure.place.split_once(": ").map_or(&*failure.place, |(_, place)| place);
            format!("expected {}, found {}, at {place}", failure.expected, failure.got)
        }
        other => panic!("expected a package that is refused, found {other:?}"),
    }
}
