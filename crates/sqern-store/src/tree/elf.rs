//! Sections of ELF files (System V ABI, "Object Files") of both classes and byte orders.

use std::io::{self, Read, Seek, SeekFrom};

use sqern_model::counted;

/// The size limit of a section. The sections that are read here contain names and module
/// descriptions.
const MAX_SECTION_BYTES: u64 = 4 << 20;

/// The limit of needed libraries. Programs of the kernel need fewer than 10.
const MAX_LIBRARIES: usize = 100;
/// The limit of the name of a library in bytes, which is that of file names.
const MAX_LIBRARY_BYTES: usize = 255;

/// The tag of a needed library in `.dynamic` (System V ABI, "Dynamic Section").
const DT_NEEDED: u64 = 1;

/// An ELF file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ElfError {
    /// The magic number is missing.
    #[error("not an ELF file")]
    NotElf,
    /// The section table is missing or has an unknown format.
    #[error("no section table")]
    NoSectionTable,
    /// The table of section names is missing.
    #[error("no section names")]
    NoSectionNames,
    /// The requested section is missing.
    #[error("no section {0}")]
    NoSection(String),
    /// The name of a needed library is missing or invalid.
    #[error("library without a valid name")]
    UnnamedLibrary,
    /// The file needs more libraries than a program of the kernel.
    #[error("more than {MAX_LIBRARIES} libraries")]
    TooManyLibraries,
    /// A section exceeds the size limit.
    #[error("section of {} exceeds the limit of {MAX_SECTION_BYTES} bytes", counted(*.0, "byte"))]
    TooLarge(u64),
    /// The file ends before a section.
    #[error("truncated ELF file")]
    Truncated,
    /// The file could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The class and byte order of a file.
#[derive(Debug, Clone, Copy)]
struct Layout {
    is_64: bool,
    is_little: bool,
}

/// The location of a section, and the offset of its name in the table of names.
struct Section {
    name: u64,
    offset: u64,
    size_bytes: u64,
}

/// Returns the data of the section `name`.
///
/// # Errors
///
/// Returns an error if the file is not a complete ELF file with this section.
pub(super) fn section(file: &mut (impl Read + Seek), name: &str) -> Result<Vec<u8>, ElfError> {
    let ident = read_at(file, 0, 16)?;
    if !ident.starts_with(b"\x7fELF") {
        return Err(ElfError::NotElf);
    }
    let layout = Layout::new(&ident);
    let header = read_at(file, 0, if layout.is_64 { 64 } else { 52 })?;
    let ([table, table_width], [width, count, names]) = if layout.is_64 {
        ([0x28, 8], [0x3a, 0x3c, 0x3e])
    } else {
        ([0x20, 4], [0x2e, 0x30, 0x32])
    };
    let table = layout.number(&header, table, table_width);
    let [width, count, names] =
        [width, count, names].map(|offset| layout.number(&header, offset, 2));
    if width != if layout.is_64 { 64 } else { 40 } || names >= count {
        return Err(ElfError::NoSectionTable);
    }
    let table = read_at(file, table, width * count)?;
    let sections: Vec<Section> = table
        .chunks_exact(if layout.is_64 { 64 } else { 40 })
        .map(|entry| layout.section(entry))
        .collect();
    let names = usize::try_from(names)
        .ok()
        .and_then(|names| sections.get(names))
        .ok_or(ElfError::NoSectionNames)?;
    let names = read_at(file, names.offset, names.size_bytes)?;
    let name_at = |offset: u64| {
        let rest = names.get(usize::try_from(offset).ok()?..)?;
        Some(rest.split(|byte| *byte == 0).next().unwrap_or_default())
    };
    match sections
        .iter()
        .find(|section| name_at(section.name) == Some(name.as_bytes()))
    {
        Some(section) => read_at(file, section.offset, section.size_bytes),
        None => Err(ElfError::NoSection(name.to_owned())),
    }
}

/// Returns the sonames of the libraries that a dynamic program or library loads. They consist of printable
/// ASCII characters without blanks.
///
/// # Errors
///
/// Returns an error if the file is not a complete dynamic ELF file, or if the number or the names of the
/// libraries exceed a limit.
pub(super) fn needed(file: &mut (impl Read + Seek)) -> Result<Vec<String>, ElfError> {
    let layout = Layout::new(&read_at(file, 0, 16)?);
    let (entries, names) = (section(file, ".dynamic")?, section(file, ".dynstr")?);
    let width = if layout.is_64 { 8 } else { 4 };
    let needed = entries
        .chunks_exact(2 * width)
        .filter(|entry| layout.number(entry, 0, width) == DT_NEEDED);
    let name_of = |entry: &[u8]| {
        let offset = usize::try_from(layout.number(entry, width, width)).ok()?;
        let name = names.get(offset..)?.split(|byte| *byte == 0).next()?;
        let is_name =
            (1..=MAX_LIBRARY_BYTES).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
        is_name.then(|| String::from_utf8_lossy(name).into_owned())
    };
    let names: Vec<String> = needed
        .take(MAX_LIBRARIES + 1)
        .map(|entry| name_of(entry).ok_or(ElfError::UnnamedLibrary))
        .collect::<Result<_, _>>()?;
    if names.len() > MAX_LIBRARIES {
        return Err(ElfError::TooManyLibraries);
    }
    Ok(names)
}

impl Layout {
    /// Returns the layout in the first 16 bytes of a file.
    fn new(ident: &[u8]) -> Self {
        Self {
            is_64: ident[4] == 2,
            is_little: ident[5] == 1,
        }
    }

    fn number(self, bytes: &[u8], offset: usize, width: usize) -> u64 {
        let bytes = &bytes[offset..offset + width];
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        if self.is_little {
            bytes.iter().rev().fold(0, add)
        } else {
            bytes.iter().fold(0, add)
        }
    }

    fn section(self, entry: &[u8]) -> Section {
        let (offset, size, width) = if self.is_64 { (24, 32, 8) } else { (16, 20, 4) };
        let number = |offset, width| self.number(entry, offset, width);
        Section {
            name: number(0, 4),
            offset: number(offset, width),
            size_bytes: number(size, width),
        }
    }
}

fn read_at(
    file: &mut (impl Read + Seek),
    offset: u64,
    size_bytes: u64,
) -> Result<Vec<u8>, ElfError> {
    if size_bytes > MAX_SECTION_BYTES {
        return Err(ElfError::TooLarge(size_bytes));
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(size_bytes).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size_bytes {
        Ok(bytes)
    } else {
        Err(ElfError::Truncated)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use proptest::prelude::*;

    /// Returns an ELF file with an empty section, these sections and the section names.
    fn elf(is_64: bool, is_little: bool, sections: &[(&str, &[u8])]) -> Vec<u8> {
        let number = |value: usize, width: usize| -> Vec<u8> {
            let bytes = (value as u64).to_be_bytes()[8 - width..].to_vec();
            if is_little {
                bytes.into_iter().rev().collect()
            } else {
                bytes
            }
        };
        let word = if is_64 { 8 } else { 4 };
        let header_bytes = if is_64 { 64 } else { 52 };
        let entry_bytes = if is_64 { 64 } else { 40 };
        let (mut names, mut data, mut table) = (b"\0".to_vec(), Vec::new(), vec![(0, 0, 0)]);
        for (name, content) in sections {
            table.push((names.len(), header_bytes + data.len(), content.len()));
            names.extend([name.as_bytes(), b"\0"].concat());
            data.extend(*content);
        }
        let name = names.len();
        names.extend(b".shstrtab\0");
        table.push((name, header_bytes + data.len(), names.len()));
        let mut file = [
            b"\x7fELF",
            &[1 + u8::from(is_64), 2 - u8::from(is_little), 1][..],
            &[0; 9],
        ]
        .concat();
        file.extend(
            [
                number(1, 2),
                number(62, 2),
                number(1, 4),
                number(0, word),
                number(0, word),
                number(header_bytes + data.len() + names.len(), word),
                number(0, 4),
            ]
            .concat(),
        );
        file.extend(
            [
                header_bytes,
                0,
                0,
                entry_bytes,
                table.len(),
                table.len() - 1,
            ]
            .map(|value| number(value, 2))
            .concat(),
        );
        file.extend([data, names].concat());
        for (name, offset, size) in table {
            let section = [
                number(name, 4),
                number(1, 4),
                number(0, word),
                number(0, word),
                number(offset, word),
                number(size, word),
            ];
            let mut section = section.concat();
            section.resize(entry_bytes, 0);
            file.extend(section);
        }
        file
    }

    const MODINFO: &[(&str, &[u8])] = &[(".modinfo", b"vermagic=6.1.0\0")];

    #[test]
    fn libraries_of_a_program_are_limited() {
        let needed_of = |count: u64, name: &[u8]| {
            let entry = [DT_NEEDED.to_le_bytes(), 0_u64.to_le_bytes()].concat();
            let entries = entry.repeat(usize::try_from(count).unwrap());
            let sections = [(".dynamic", &entries[..]), (".dynstr", name)];
            let found = needed(&mut Cursor::new(elf(true, true, &sections)));
            found.map_err(|error| error.to_string())
        };
        assert_eq!(
            needed_of(1, b"libelf.so.1\0").unwrap(),
            ["libelf.so.1".to_owned()]
        );
        let limit = MAX_LIBRARIES as u64;
        assert_eq!(needed_of(limit, b"a\0").unwrap().len(), MAX_LIBRARIES);
        assert_eq!(
            needed_of(limit + 1, b"a\0").unwrap_err(),
            "more than 100 libraries"
        );
        for name in [&b"\0"[..], b"a\x1b[2J\0", b"a b\0", b"\xff\0", &[b'a'; 256]] {
            assert_eq!(
                needed_of(1, name).unwrap_err(),
                "library without a valid name"
            );
        }
    }

    #[test]
    fn sections_are_read_in_each_class_and_byte_order() {
        for (is_64, is_little) in [(true, true), (true, false), (false, true), (false, false)] {
            let file = elf(is_64, is_little, MODINFO);
            assert_eq!(
                section(&mut Cursor::new(file), ".modinfo").unwrap(),
                b"vermagic=6.1.0\0"
            );
        }
    }

    #[test]
    fn other_files_and_missing_sections_are_errors() {
        let error = |file: &[u8], name: &str| {
            section(&mut Cursor::new(file), name)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(error(b"#!/bin/sh and more", ".modinfo"), "not an ELF file");
        assert_eq!(error(b"\x7fELF", ".modinfo"), "truncated ELF file");
        assert_eq!(error(&elf(true, true, &[]), ".text"), "no section .text");
    }

    proptest! {
        #[test]
        fn damaged_files_never_panic(offset in 0_usize..260, byte: u8, length in 0_usize..300) {
            let mut file = elf(true, true, MODINFO);
            let offset = offset % file.len();
            file[offset] = byte;
            file.truncate(length);
            let _ = section(&mut Cursor::new(&file), ".modinfo");
            let _ = needed(&mut Cursor::new(file));
        }
    }
}
