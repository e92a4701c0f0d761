//! Sections of ELF files (System V ABI, "Object Files"), of either class and byte order: kernel modules, and programs of a tree.

use std::io::{self, Read, Seek, SeekFrom};

use sqern_model::counted;

/// No section that is read here is near that: names, and a module's description of itself.
const MOST_SECTION_BYTES: u64 = 1 << 20;

/// How numbers are written, and how wide addresses are.
#[derive(Debug, Clone, Copy)]
struct Layout {
    is_64: bool,
    is_little: bool,
}

/// Where a section lies, and the place of its name in the table of names.
struct Section {
    name: u64,
    offset: u64,
    size_bytes: u64,
}

/// The data of the section `name`, or what is wrong with the file.
pub(super) fn section(file: &mut (impl Read + Seek), name: &str) -> Result<Vec<u8>, String> {
    let ident = read_at(file, 0, 16)?;
    if !ident.starts_with(b"\x7fELF") {
        return Err("no ELF file".into());
    }
    let layout = Layout { is_64: ident[4] == 2, is_little: ident[5] == 1 };
    let header = read_at(file, 0, if layout.is_64 { 64 } else { 52 })?;
    let ([table, table_width], [width, count, names]) =
        if layout.is_64 { ([0x28, 8], [0x3a, 0x3c, 0x3e]) } else { ([0x20, 4], [0x2e, 0x30, 0x32]) };
    let table = layout.number(&header, table, table_width);
    let [width, count, names] = [width, count, names].map(|at| layout.number(&header, at, 2));
    if width != if layout.is_64 { 64 } else { 40 } || names >= count {
        return Err("no section table".into());
    }
    let table = read_at(file, table, width * count)?;
    let sections: Vec<Section> =
        table.chunks_exact(if layout.is_64 { 64 } else { 40 }).map(|entry| layout.section(entry)).collect();
    let names = usize::try_from(names).ok().and_then(|names| sections.get(names)).ok_or("no section names")?;
    let names = read_at(file, names.offset, names.size_bytes)?;
    let name_at = |at: u64| Some(names.get(usize::try_from(at).ok()?..)?.split(|byte| *byte == 0).next().unwrap_or_default());
    match sections.iter().find(|section| name_at(section.name) == Some(name.as_bytes())) {
        Some(section) => read_at(file, section.offset, section.size_bytes),
        None => Err(format!("no section {name}")),
    }
}

/// The tag of a needed library in `.dynamic` (System V ABI, "Dynamic Section").
const DT_NEEDED: u64 = 1;

/// Returns the sonames of the libraries that a dynamic program or library loads.
pub(super) fn needed(file: &mut (impl Read + Seek)) -> Result<Vec<String>, String> {
    let ident = read_at(file, 0, 16)?;
    let layout = Layout { is_64: ident[4] == 2, is_little: ident[5] == 1 };
    let (entries, names) = (section(file, ".dynamic")?, section(file, ".dynstr")?);
    let width = if layout.is_64 { 8 } else { 4 };
    let needed = entries.chunks_exact(2 * width).filter(|entry| layout.number(entry, 0, width) == DT_NEEDED);
    let name_of = |entry: &[u8]| {
        let at = usize::try_from(layout.number(entry, width, width)).ok()?;
        let name = names.get(at..)?.split(|byte| *byte == 0).next()?;
        String::from_utf8(name.to_vec()).ok().filter(|name| !name.is_empty())
    };
    needed.map(|entry| name_of(entry).ok_or_else(|| "a library without a name".to_owned())).collect()
}

impl Layout {
    fn number(self, bytes: &[u8], at: usize, width: usize) -> u64 {
        let bytes = &bytes[at..at + width];
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        if self.is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
    }

    fn section(self, entry: &[u8]) -> Section {
        let (offset, size, width) = if self.is_64 { (24, 32, 8) } else { (16, 20, 4) };
        let number = |at, width| self.number(entry, at, width);
        Section { name: number(0, 4), offset: number(offset, width), size_bytes: number(size, width) }
    }
}

fn read_at(file: &mut (impl Read + Seek), offset: u64, size_bytes: u64) -> Result<Vec<u8>, String> {
    if size_bytes > 4 * MOST_SECTION_BYTES {
        return Err(format!("a part of {}", counted(size_bytes, "byte")));
    }
    let mut read = || -> io::Result<Vec<u8>> {
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(size_bytes).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| error.to_string())?;
    if bytes.len() as u64 == size_bytes { Ok(bytes) } else { Err("a truncated ELF file".into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use proptest::prelude::*;

    /// An ELF file of three sections: none, `.modinfo`, and the names.
    fn elf(is_64: bool, is_little: bool, data: &[u8]) -> Vec<u8> {
        let number = |value: usize, width: usize| -> Vec<u8> {
            let bytes = (value as u64).to_be_bytes()[8 - width..].to_vec();
            if is_little { bytes.into_iter().rev().collect() } else { bytes }
        };
        let word = if is_64 { 8 } else { 4 };
        let header_bytes = if is_64 { 64 } else { 52 };
        let names = b"\0.modinfo\0.shstrtab\0";
        let mut file = [b"\x7fELF", &[1 + u8::from(is_64), 2 - u8::from(is_little), 1][..], &[0; 9]].concat();
        file.extend([number(1, 2), number(62, 2), number(1, 4), number(0, word), number(0, word)].concat());
        file.extend([number(header_bytes + data.len() + names.len(), word), number(0, 4)].concat());
        let entry_bytes = if is_64 { 64 } else { 40 };
        file.extend([header_bytes, 0, 0, entry_bytes, 3, 2].map(|value| number(value, 2)).concat());
        file.extend([data, names].concat());
        let start = header_bytes;
        for (name, offset, size) in [(0, 0, 0), (1, start, data.len()), (10, start + data.len(), names.len())] {
            let section =
                [number(name, 4), number(1, 4), number(0, word), number(0, word), number(offset, word), number(size, word)];
            let mut section = section.concat();
            section.resize(entry_bytes, 0);
            file.extend(section);
        }
        file
    }

    #[test]
    fn a_section_is_read_in_each_class_and_byte_order() {
        for (is_64, is_little) in [(true, true), (true, false), (false, true), (false, false)] {
            let file = elf(is_64, is_little, b"vermagic=6.1.0\0");
            assert_eq!(section(&mut Cursor::new(file), ".modinfo").unwrap(), b"vermagic=6.1.0\0");
        }
    }

    #[test]
    fn a_file_that_is_none_or_lacks_the_section_is_told() {
        assert_eq!(section(&mut Cursor::new(b"#!/bin/sh and more"), ".modinfo").unwrap_err(), "no ELF file");
        assert_eq!(section(&mut Cursor::new(b"\x7fELF"), ".modinfo").unwrap_err(), "a truncated ELF file");
        assert_eq!(section(&mut Cursor::new(elf(true, true, b"")), ".text").unwrap_err(), "no section .text");
    }

    proptest! {
        #[test]
        fn no_spoiled_file_makes_it_panic(at in 0_usize..260, byte: u8, length in 0_usize..300) {
            let mut file = elf(true, true, b"vermagic=6.1.0\0");
            let at = at % file.len();
            file[at] = byte;
            file.truncate(length);
            let _ = section(&mut Cursor::new(&file), ".modinfo");
            let _ = needed(&mut Cursor::new(file));
        }
    }
}
