//! The payload of an rpm must agree with its header, also in packages of rpmbuild.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use sqern_archive::Compression;
use sqern_store::{Limits, PackageIdentity};
use sqern_testkit::clean_command;
use sqern_testkit::package::{Payload, RpmFile};

use crate::support::{UnpackTest, list, rejection};

/// Hard links of 3 files, in which the directory of documentation is skipped, and of 2 empty files.
const INSTALL: &str = "
d=%{buildroot}/usr/src/kernels/a
mkdir -p $d/include/empty %{buildroot}/usr/share/doc/a %{buildroot}/lib/modules/a
echo 'all:' > $d/Makefile
printf '#!/bin/sh\\n' > $d/program; chmod 755 $d/program
ln $d/program $d/include/program; ln $d/program %{buildroot}/usr/share/doc/a/program
: > $d/empty; : > $d/void; ln $d/void $d/include/void
echo 'a log' > $d/ghost; ln $d/ghost $d/include/ghost
ln -s Makefile $d/link; ln -s /usr/src/kernels/a %{buildroot}/lib/modules/a/build
find %{buildroot} -exec touch -h -d @1767225600 {} +
";
const FILES: &str = "%defattr(-,root,root)\n%ghost /usr/src/kernels/a/ghost\n%ghost /usr/src/kernels/a/include/ghost\n\
    %dir /usr/src/kernels/a/include/empty\n/usr/src/kernels/a/Makefile\n/usr/src/kernels/a/program\n\
    /usr/src/kernels/a/include/program\n/usr/share/doc/a/program\n/usr/src/kernels/a/empty\n/usr/src/kernels/a/void\n\
    /usr/src/kernels/a/include/void\n/usr/src/kernels/a/link\n/lib/modules/a/build\n";

/// Builds a package of [`FILES`] with rpmbuild. `payload` is the value of the macro `_binary_payload`.
fn rpmbuild(directory: &Path, payload: &str) -> Vec<u8> {
    let spec = directory.join("a.spec");
    let text = format!(
        "Name: kernel-devel\nEpoch: 7\nVersion: 4.18.0\nRelease: 1.el8\nSummary: Headers\nLicense: GPL\n\
         %description\nHeaders.\n%install{INSTALL}%files\n{FILES}"
    );
    fs::write(&spec, text).expect("a file");
    let made = clean_command("rpmbuild")
        .args(["-bb", "--quiet", "--nodeps", "--target", "x86_64-linux"])
        .arg("--define")
        .arg(format!("_binary_payload {payload}"))
        .args(["--define", "debug_package %{nil}"])
        .args(["--define", "__os_install_post %{nil}", "--define"])
        .arg(format!("_topdir {}", directory.display()))
        .arg(&spec)
        .env("HOME", directory)
        .output()
        .expect("rpmbuild, which scripts/setup installs");
    let errors = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{errors}");
    fs::read(directory.join("RPMS/x86_64/kernel-devel-4.18.0-1.el8.x86_64.rpm")).expect("a package")
}

#[test]
fn packages_of_rpmbuild_are_unpacked_completely() {
    let directory = tempfile::tempdir().unwrap();
    for payload in ["w6.gzdio", "w2.xzdio", "w3.zstdio", "w6.bzdio"] {
        let bytes = rpmbuild(directory.path(), payload);
        let package = directory.path().join("a.rpm");
        fs::write(&package, &bytes).unwrap();
        assert_eq!(
            PackageIdentity::read(&package, &Limits::default()).unwrap(),
            PackageIdentity::new("kernel-devel", "7:4.18.0-1.el8", "x86_64")
        );
        let test = UnpackTest::new();
        let unpacked = test.unpack("a.rpm", &bytes).unwrap();
        let files: Vec<String> = list(&test.root().join("usr/src/kernels/a"))
            .into_iter()
            .collect();
        assert_eq!(
            files,
            [
                "Makefile 644 1767225600 x1 all:\\n",
                "empty 644 1767225600 x1 ",
                "include/ 755",
                "include/empty/ 755",
                "include/program 755 1767225600 x2 #!/bin/sh\\n",
                "include/void 644 1767225600 x2 ",
                "link -> Makefile",
                "program 755 1767225600 x2 #!/bin/sh\\n",
                "void 644 1767225600 x2 ",
            ],
            "{payload}"
        );
        assert_eq!((unpacked.symlinks, unpacked.skipped), (2, 1));
        // Each file that is not a further hard link.
        assert_eq!((unpacked.files, unpacked.checked), (4, 4));
    }
}

/// Changes the payload of a package whose payload is compressed with gzip. The signature of the header
/// remains valid.
fn with_payload(package: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let start = package
        .windows(3)
        .rposition(|bytes| bytes == b"\x1f\x8b\x08")
        .expect("a payload in gzip");
    let mut payload = Vec::new();
    sqern_archive::open(
        std::io::Cursor::new(package[start..].to_vec()),
        Compression::Gzip,
    )
    .expect("a payload in gzip")
    .read_to_end(&mut payload)
    .expect("a payload in gzip");
    change(&mut payload);
    [
        &package[..start],
        &Compression::Gzip
            .compress(&payload)
            .expect("a payload in gzip"),
    ]
    .concat()
}

fn replace(payload: &mut [u8], old: &[u8], new: &[u8]) {
    let found = payload.windows(old.len()).position(|bytes| bytes == old);
    let start = found.expect("the text is in the payload");
    payload[start..start + old.len()].copy_from_slice(new);
}

#[test]
fn altered_payloads_of_rpmbuild_are_invalid() {
    let directory = tempfile::tempdir().unwrap();
    let package = rpmbuild(directory.path(), "w6.gzdio");
    for (old, new, expected) in [
        ("#!/bin/sh", "#!/bin/rm", "as in the package header, found "),
        ("a/void\0", "a/link\0", "expected an entry of mode 120777"),
        ("a/void\0", "a/none\0", "found another file"),
        ("a/include/void\0", "a/include/noid\0", "found another file"),
        ("include/program\0", "./////./program\0", "twice"),
        (
            "kernels/a/Makefile\0",
            "kernels/./a//ghost\0",
            "no such entry in the payload, at usr/src/kernels/a/Makefile",
        ),
        ("TRAILER!!!", "trailer!!!", "found another file"),
    ] {
        let altered = with_payload(&package, |payload| {
            replace(payload, old.as_bytes(), new.as_bytes());
        });
        let message = rejection(UnpackTest::new().unpack("a.rpm", &altered));
        assert!(message.contains(expected), "{old:?}: {message}");
    }
}

/// The header that an attacker cannot change, and payloads that differ from it.
#[test]
fn hard_links_must_match_the_header() {
    let file = |listed: &Payload, payload: &Payload| {
        RpmFile::new("kernel-devel", "6.1.0", "25", "x86_64")
            .payload(payload)
            .listed(listed)
            .without_payload_digest()
    };
    let listed = Payload::new()
        .file("usr/src/a", "good")
        .file("usr/src/b", "evil");
    let linked = Payload::new()
        .file("usr/src/b", "good")
        .hard_link("usr/src/a", "usr/src/b");
    let pair = |content: &str| {
        Payload::new()
            .file("usr/src/a", content)
            .hard_link("usr/src/b", "usr/src/a")
    };
    for (file, expected) in [
        // The payload declares links of files that are different in the header.
        (
            file(&listed, &linked),
            "expected 4 bytes as in the header, found 0 bytes, at ./usr/src/b",
        ),
        (
            file(&listed, &linked).linked_in_header(&["usr/src/a", "usr/src/b"]),
            "expected size and SHA-256 of its hard link usr/src/a in the header, found another size or SHA-256, \
             at usr/src/b",
        ),
        (
            file(&listed, &pair("evil"))
                .linked_in_header(&["usr/src/a", "usr/src/b"])
                .stripped(),
            "expected size and SHA-256 of its hard link usr/src/b in the header, found another size or SHA-256, \
             at usr/src/a",
        ),
        // No link has data.
        (
            file(&pair("good"), &pair("")),
            "expected 4 bytes as in the header, found no data after any hard link, at usr/src/a",
        ),
        (
            file(&pair(""), &pair("evil")).without_sha256(),
            "expected 0 bytes as in the header, found 4 bytes, at ./usr/src/b",
        ),
        // A link is missing.
        (
            file(&pair("good"), &Payload::new().file("usr/src/b", "good")),
            "expected all files that the header lists, found no such entry in the payload, at usr/src/a",
        ),
    ] {
        let message = rejection(UnpackTest::new().unpack("a.rpm", &file.bytes().unwrap()));
        assert_eq!(message, expected);
    }
}

#[test]
fn a_payload_contains_exactly_the_files_of_the_header() {
    let base = || Payload::new().file("usr/src/a", "a");
    let missing =
        "expected all files that the header lists, found no such entry in the payload, at ";
    for (listed, payload, expected) in [
        (
            base().file("usr/src/b", "b"),
            base(),
            &*format!("{missing}usr/src/b"),
        ),
        (
            base().directory("usr/src/b"),
            base(),
            &format!("{missing}usr/src/b"),
        ),
        (
            base().symlink("usr/src/b", "a"),
            base(),
            &format!("{missing}usr/src/b"),
        ),
        (
            base(),
            base().file("usr/share/b", "b"),
            "expected a file that the header lists, found another file, at ./usr/share/b",
        ),
        (
            base().file("usr/share/b", "b"),
            base().file("usr/share/b", "b").file("usr/share/b", "b"),
            "cannot unpack usr/share/b: the package contains the path twice",
        ),
        (
            Payload::new().file("usr/src/a", ""),
            base(),
            "expected 0 bytes as in the header, found 1 byte, at ./usr/src/a",
        ),
    ] {
        let file = RpmFile::new("kernel-devel", "6.1.0", "25", "x86_64")
            .payload(&payload)
            .listed(&listed)
            .without_sha256();
        let message = rejection(UnpackTest::new().unpack("a.rpm", &file.bytes().unwrap()));
        assert_eq!(message, expected);
    }
}

/// The payload of a package of rpm before 4.11 can contain ghost files.
#[test]
fn ghost_files_are_not_written() {
    let payload = Payload::new().file("usr/src/a", "a");
    // A ghost with the inode of another file is no hard link of it.
    let listed = payload.clone().file("usr/src/ghost", "ghost");
    let with_ghost = Payload::new()
        .file("usr/src/ghost", "other")
        .file("usr/src/a", "a");
    let file = RpmFile::new("kernel-devel", "6.1.0", "25", "x86_64")
        .payload(&payload)
        .listed(&listed)
        .ghosts(&["usr/src/ghost"])
        .linked_in_header(&["usr/src/a", "usr/src/ghost"])
        .without_payload_digest();
    let numbered = file.clone().payload(&with_ghost).listed(&with_ghost);
    let message =
        rejection(UnpackTest::new().unpack("a.rpm", &numbered.stripped().bytes().unwrap()));
    assert_eq!(
        message,
        "expected a file that the header lists, found number 0, at offset 0"
    );
    for file in [
        file.clone().payload(&with_ghost),
        file.clone(),
        file.stripped(),
    ] {
        let test = UnpackTest::new();
        test.unpack("a.rpm", &file.bytes().unwrap()).unwrap();
        assert!(!test.root().join("usr/src/ghost").exists());
        assert_eq!(fs::read(test.root().join("usr/src/a")).unwrap(), b"a");
    }
}
