//! The payload of an rpm file: a cpio archive in the "newc" format, or in rpm's "stripped" format.

use std::collections::HashMap;

use super::{Item, ItemKind, Payload};

/// An entry in the form that both the header and the payload use.
pub(super) struct Node<'a> {
    pub(super) item: &'a Item,
    /// The permissions, with the file type bits.
    pub(super) mode: u32,
    /// The content of the file or the target of the link. For a further name, the content of the
    /// file.
    pub(super) content: &'a [u8],
    pub(super) inode: u32,
    names: u32,
    /// Whether the payload stores the content with this entry, which is the case for the last name
    /// of a file.
    has_data: bool,
}

/// Returns all entries. A further name of a file that is not in the payload becomes an empty file.
pub(super) fn nodes(payload: &Payload) -> Vec<Node<'_>> {
    let mut files: HashMap<&[u8], (u32, &[u8])> = HashMap::new();
    let mut nodes = Vec::new();
    for (item, number) in payload.items.iter().zip(1..) {
        let (kind, inode, content): (_, _, &[u8]) = match &item.kind {
            ItemKind::File(content) => (0o100_000, number, content),
            ItemKind::Directory => (0o040_000, number, &[]),
            ItemKind::Symlink(target) => (0o120_000, number, target),
            ItemKind::HardLink(to) => {
                let (inode, content) = files.get(&to[..]).copied().unwrap_or((number, &[]));
                (0o100_000, inode, content)
            }
            ItemKind::CharDevice => (0o020_000, number, &[]),
            ItemKind::BlockDevice => (0o060_000, number, &[]),
            ItemKind::Fifo => (0o010_000, number, &[]),
        };
        if kind == 0o100_000 {
            files.insert(&item.name, (inode, content));
        }
        nodes.push(Node {
            item,
            mode: kind | item.mode,
            content,
            inode,
            names: 1,
            has_data: true,
        });
    }
    let mut names: HashMap<u32, u32> = HashMap::new();
    for node in nodes.iter_mut().rev() {
        let count = names.entry(node.inode).or_default();
        node.has_data = *count == 0;
        *count += 1;
    }
    for node in &mut nodes {
        node.names = names.get(&node.inode).copied().unwrap_or(1);
    }
    nodes
}

/// Returns the payload in the newc format.
pub(super) fn newc(nodes: &[Node<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for node in nodes {
        let content = if node.has_data { node.content } else { &[] };
        let name = [b"./", &node.item.name[..]].concat();
        entry(
            &mut archive,
            &name,
            [node.inode, node.mode, 0, 0, node.names, node.item.mtime_s],
            content,
        );
    }
    entry(&mut archive, b"TRAILER!!!", [0, 0, 0, 0, 1, 0], &[]);
    archive
}

/// Returns the payload with file numbers of the header instead of names.
pub(super) fn stripped(nodes: &[Node<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        archive.extend(format!("07070X{number:08x}").bytes());
        pad(&mut archive);
        archive.extend(if node.has_data { node.content } else { &[] });
        pad(&mut archive);
    }
    entry(&mut archive, b"TRAILER!!!", [0, 0, 0, 0, 1, 0], &[]);
    archive
}

fn entry(archive: &mut Vec<u8>, name: &[u8], first: [u32; 6], content: &[u8]) {
    let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let name_bytes = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
    archive.extend(b"070701");
    for field in first.into_iter().chain([size, 0, 0, 0, 0, name_bytes, 0]) {
        archive.extend(format!("{field:08x}").bytes());
    }
    archive.extend([name, b"\0"].concat());
    pad(archive);
    archive.extend(content);
    pad(archive);
}

fn pad(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}
