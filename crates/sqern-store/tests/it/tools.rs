//! The same as others unpack.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqern_store::{Limits, unpack};

use crate::package::*;

/// What lies below a folder: kind, whether it is executable, and content or where it leads.
fn contents(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let (entry, below) = {
                let path = entry.unwrap().path();
                (path.clone(), path.strip_prefix(root).unwrap().to_owned())
            };
            let metadata = entry.symlink_metadata().unwrap();
            let shown = if metadata.is_dir() {
                open.push(entry.clone());
                "folder".to_owned()
            } else if metadata.is_symlink() {
                format!("link to {}", std::fs::read_link(&entry).unwrap().display())
            } else {
                let executable = metadata.permissions().mode() & 0o111 != 0;
                format!("file {executable} {:?}", std::fs::read(&entry).unwrap())
            };
            found.insert(below, shown);
        }
    }
    found
}

/// A made tree: names, depths and contents as they may come.
fn entries() -> Vec<Entry> {
    let mut entries = vec![folder("./"), folder("./usr/"), folder("./usr/src/")];
    for number in 0..40_usize {
        entries.push(folder(&format!("./usr/src/f{number}/")));
        let text = "0123456789abcdef\n".repeat(number * number);
        entries.push(Entry {
            mode: if number % 3 == 0 { 0o755 } else { 0o644 },
            ..file(&format!("./usr/src/f{number}/file"), &text)
        });
        entries.push(link(&format!("./usr/src/f{number}/link"), "file"));
    }
    entries
}

/// What `dpkg-deb -x` does, in Python's own modules: not a line in common with ours.
const EXTRACT: &str = "
import io, sys, tarfile
data = open(sys.argv[1], 'rb').read()
place = 8
while place < len(data):
    name, size = data[place:place + 16].decode().strip(), int(data[place + 48:place + 58])
    if name.startswith('data.tar'):
        tarfile.open(fileobj=io.BytesIO(data[place + 60:place + 60 + size])).extractall(sys.argv[2])
    place += 60 + size + size % 2
";

#[test]
fn a_deb_is_unpacked_as_others_do_in_every_compression() {
    let plain = tar(&entries());
    let theirs = tempfile::tempdir().unwrap();
    for (name, data) in [
        ("data.tar.gz", gzip(&plain)),
        ("data.tar", plain.clone()),
        ("data.tar.xz", liblzma::encode_all(plain.as_slice(), 6).unwrap()),
        ("data.tar.zst", zstd::encode_all(plain.as_slice(), 3).unwrap()),
    ] {
        let (packages, ours) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let package = deb_of(packages.path(), name, data);
        unpack(&package, ours.path(), &Limits::default()).unwrap();
        if name == "data.tar.gz" {
            let done = Command::new("python3").args(["-c", EXTRACT]).arg(&package).arg(theirs.path()).status();
            assert!(done.expect("python3 is on this machine").success());
        }
        let found = contents(ours.path());
        assert_eq!(found.len(), 2 + 40 * 3);
        assert_eq!(found, contents(theirs.path()), "{name}");
    }
}
