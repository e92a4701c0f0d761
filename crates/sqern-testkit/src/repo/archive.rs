//! Real packages, made here: what dpkg would unpack.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// A `.deb` (deb(5)) with these files (path and text) of mode 0644, in gzip.
pub(super) fn deb(files: &[(&str, &str)]) -> Vec<u8> {
    let members = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", tar_gz(&[("./control", "Package: x\n")])),
        ("data.tar.gz", tar_gz(files)),
    ];
    let mut bytes = b"!<arch>\n".to_vec();
    for (name, content) in members {
        // ar(5): name, time, owner, group and mode in columns, then the size and the end of the header.
        let _ = writeln!(bytes, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, 100_644, content.len());
        bytes.extend_from_slice(&content);
        if content.len() % 2 == 1 {
            bytes.push(b'\n');
        }
    }
    bytes
}

fn tar_gz(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(text.len() as u64);
        // Writing into memory fails only for paths that ustar has no room for.
        archive.append_data(&mut header, path, text.as_bytes()).expect("a path that ustar can hold");
    }
    let compressed = archive.into_inner().and_then(GzEncoder::finish);
    compressed.expect("writing into memory does not fail")
}
