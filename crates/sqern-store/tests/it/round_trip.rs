//! Random trees are written as packages and unpacked. The result is compared with the tree, and
//! with that of dpkg.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sqern_archive::Compression;
use sqern_testkit::clean_command;
use sqern_testkit::package::{DebFile, ItemKind, Payload, RpmFile};

use crate::support::{UnpackTest, list};

/// Generates trees by path. No path is below a file or link.
fn trees() -> impl Strategy<Value = BTreeMap<String, (ItemKind, u32)>> {
    let kind = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..2000).prop_map(ItemKind::File),
        2 => Just(ItemKind::Directory),
        1 => "[a-d]{1,3}(/[a-d]{1,3}){0,2}".prop_map(|target| ItemKind::Symlink(target.into_bytes())),
        1 => Just(ItemKind::HardLink(Vec::new())),
    ];
    let mode = prop::sample::select(vec![0o644, 0o600, 0o755, 0o700, 0o444]);
    let path = "[a-d]{1,3}(/[a-dä ]{1,40}){0,4}"
        .prop_map(|path| path.replace("/ ", "/_").replace(" /", "_/"));
    prop::collection::btree_map(path, (kind, mode), 1..25).prop_map(|mut tree| {
        let paths: Vec<String> = tree.keys().cloned().collect();
        for path in paths {
            let below = format!("{path}/");
            if tree.keys().any(|other| other.starts_with(&below)) {
                tree.insert(path, (ItemKind::Directory, 0o755));
            }
        }
        tree
    })
}

/// Returns the payload of a tree, whose hard links lead to its first file, and the expected result
/// of `list`.
fn payload(tree: &BTreeMap<String, (ItemKind, u32)>) -> (Payload, Vec<String>) {
    let first = tree.iter().find_map(|(path, (kind, mode))| match kind {
        ItemKind::File(content) => Some((path.clone(), content.clone(), *mode)),
        _ => None,
    });
    let (mut payload, mut lines, mut linked) = (Payload::new(), BTreeMap::new(), Vec::new());
    for (path, (kind, mode)) in tree {
        let is_written = !matches!(kind, ItemKind::HardLink(_))
            || first.as_ref().is_some_and(|(to, ..)| to < path);
        for (end, _) in path.match_indices('/').filter(|_| is_written) {
            lines.insert(format!("{}/", &path[..end]), " 755".to_owned());
        }
        match (kind, &first) {
            (ItemKind::HardLink(_), Some((to, ..))) if to < path => linked.push(path),
            (ItemKind::HardLink(_), _) => {}
            (ItemKind::File(_), Some((to, ..))) if to == path => {
                linked.push(path);
                payload = payload.item(path, kind.clone()).mode(*mode);
            }
            (ItemKind::File(content), _) => {
                lines.insert(path.clone(), file_line(*mode, 1, content));
                payload = payload.item(path, kind.clone()).mode(*mode);
            }
            (ItemKind::Directory, _) => {
                lines.insert(format!("{path}/"), " 755".to_owned());
                payload = payload.directory(path);
            }
            (ItemKind::Symlink(target), _) => {
                lines.insert(
                    path.clone(),
                    format!(" -> {}", String::from_utf8_lossy(target)),
                );
                payload = payload.symlink(path, target);
            }
            _ => unreachable!("no other kinds are generated"),
        }
    }
    if let Some((to, content, mode)) = &first {
        for path in linked.iter().filter(|path| **path != to) {
            payload = payload.hard_link(path, to).mode(*mode);
        }
        for path in &linked {
            lines.insert((*path).clone(), file_line(*mode, linked.len(), content));
        }
    }
    let mut lines: Vec<String> = lines.into_iter().map(|(path, rest)| path + &rest).collect();
    lines.sort();
    (payload, lines)
}

fn file_line(mode: u32, names: usize, content: &[u8]) -> String {
    let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
    format!(" {mode:o} 1767225600 x{names} {}", content.escape_ascii())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn unpacked_tree_equals_the_packed_one(
        tree in trees(),
        compression in prop::sample::select(vec![Compression::Gzip, Compression::Xz, Compression::Zstd]),
        stripped: bool,
    ) {
        let (payload, lines) = payload(&tree);
        let test = UnpackTest::new();
        let deb = DebFile::new("a", "1", "all").payload(&payload).compression(compression).bytes().unwrap();
        test.unpack("a.deb", &deb).unwrap();
        prop_assert_eq!(&test.tree(), &lines);
        let test = UnpackTest::new();
        let rpm = RpmFile::new("a", "1", "1", "noarch").payload(&payload).compression(compression);
        let rpm = if stripped { rpm.stripped() } else { rpm };
        test.unpack("a.rpm", &rpm.bytes().unwrap()).unwrap();
        prop_assert_eq!(&test.tree(), &lines);
    }

    #[test]
    fn dpkg_creates_the_same_tree(tree in trees()) {
        let (payload, _) = payload(&tree);
        let deb = DebFile::new("a", "1", "all").payload(&payload).bytes().unwrap();
        let test = UnpackTest::new();
        test.unpack("a.deb", &deb).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let (package, into) = (directory.path().join("a.deb"), directory.path().join("into"));
        std::fs::write(&package, deb).unwrap();
        let output = clean_command("dpkg-deb").arg("-x").args([&package, &into]).output();
        let output = output.expect("dpkg-deb runs; hint: scripts/setup installs dpkg");
        prop_assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // dpkg keeps all modes, the unpacker only uses 644 and 755.
        let masked = |line: String| line.replace(" 600 ", " 644 ").replace(" 444 ", " 644 ").replace(" 700 ", " 755 ");
        let mut expected: Vec<String> = list(&into).into_iter().map(masked).collect();
        expected.sort();
        prop_assert_eq!(test.tree(), expected);
    }

    #[test]
    fn damaged_packages_never_panic_or_write_outside(tree in trees(), offset: usize, byte: u8, is_rpm: bool) {
        let (payload, _) = payload(&tree);
        let (name, mut bytes) = if is_rpm {
            // Damage in gzip data often reaches the parsers of headers and names.
            ("a.rpm", RpmFile::new("a", "1", "1", "noarch").payload(&payload).compression(Compression::Gzip).bytes().unwrap())
        } else {
            ("a.deb", DebFile::new("a", "1", "all").payload(&payload).compression(Compression::Plain).bytes().unwrap())
        };
        let offset = offset % bytes.len();
        bytes[offset] = byte;
        let _ = UnpackTest::new().unpack(name, &bytes);
    }
}
