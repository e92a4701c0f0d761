//! The section `.modinfo` of kernel modules (modinfo(8)).

use std::io::Cursor;
use std::path::Path;

use sqern_model::counted;
use sqern_model::escape::escape_control;

use super::build_tools::MAX_PRINTED_BYTES;
use super::elf;
use crate::{Error, ErrorKind};

/// The maximum size of a vermagic. That of a kernel with all options (`include/linux/vermagic.h`, with
/// the hash of `RANDSTRUCT`) has about 200 bytes.
const MAX_VERMAGIC_BYTES: usize = 256;

/// Returns the `vermagic` of a module with this content: the release of its kernel, then the build options that both
/// must have in common. It is printable ASCII text of at most 256 bytes.
///
/// # Errors
///
/// Returns an error if the file is not a module with such a vermagic. Programs of the package create the
/// module, so they could write any text.
pub(super) fn vermagic(content: Option<&[u8]>, module: &Path) -> Result<String, Error> {
    let invalid = |reason: String| {
        Error::failed(
            ErrorKind::BuildFailed,
            "could not read the vermagic of",
            reason,
            module.display(),
        )
    };
    let content = content.ok_or_else(|| invalid("make created no module".into()))?;
    let section = elf::section(&mut Cursor::new(content), ".modinfo")
        .map_err(|error| invalid(error.to_string()))?;
    let vermagic = value(&section, "vermagic")
        .ok_or_else(|| invalid("no vermagic in .modinfo".into()))?
        .trim_ascii_end();
    if vermagic.len() > MAX_VERMAGIC_BYTES {
        return Err(invalid(format!(
            "it has {}, more than the limit of {MAX_VERMAGIC_BYTES}",
            counted(vermagic.len(), "byte")
        )));
    }
    match str::from_utf8(vermagic) {
        Ok(text) if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) => Ok(text.to_owned()),
        _ => Err(invalid("it is not printable ASCII text".into())),
    }
}

/// Returns whether a module with this content has versions of the symbols that it uses: in `__versions`,
/// or in `__version_ext_crcs` with `CONFIG_EXTENDED_MODVERSIONS` (Linux 6.14).
pub(super) fn has_symbol_versions(content: &[u8]) -> bool {
    ["__versions", "__version_ext_crcs"].iter().any(|name| {
        elf::section(&mut Cursor::new(content), name).is_ok_and(|section| !section.is_empty())
    })
}

/// Returns the compiler of a module with this content, as the compiler describes itself in the section
/// `.comment`: `GCC: (Debian 12.2.0-14) 12.2.0`. The result is escaped and has about 256 bytes at most.
pub(super) fn compiler(content: &[u8]) -> Option<String> {
    let section = elf::section(&mut Cursor::new(content), ".comment").ok()?;
    let text = section
        .split(|byte| *byte == 0)
        .find(|text| !text.is_empty())?;
    Some(escape_control(
        &String::from_utf8_lossy(text),
        MAX_PRINTED_BYTES,
    ))
}

/// Returns the value of a key. The section consists of null-terminated entries `key=value`.
fn value<'a>(section: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let mut fields = section.split(|byte| *byte == 0);
    fields.find_map(|field| field.strip_prefix(key.as_bytes())?.strip_prefix(b"="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_complete_keys() {
        let section =
            b"license=GPL\0vermagic_x=1\0vermagic=6.1.0-25-amd64 SMP mod_unload \0\0name=x\0";
        assert_eq!(
            value(section, "vermagic"),
            Some(&b"6.1.0-25-amd64 SMP mod_unload "[..])
        );
        assert_eq!(value(section, "vermag"), None);
    }
}
