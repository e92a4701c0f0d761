//! The section `.modinfo` of kernel modules (modinfo(8)).

use std::io::Cursor;
use std::path::Path;

use super::elf;
use crate::{Error, ErrorKind};

/// Returns the `vermagic` of a module with this content: the release of its kernel, then the build options that both
/// must have in common.
///
/// # Errors
///
/// Returns an error if the file is not a module with a vermagic.
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
    value(&section, "vermagic").ok_or_else(|| invalid("no vermagic in .modinfo".into()))
}

/// Returns the value of a key. The section consists of null-terminated entries `key=value`.
fn value(section: &[u8], key: &str) -> Option<String> {
    let mut fields = section.split(|byte| *byte == 0);
    let value = fields.find_map(|field| field.strip_prefix(key.as_bytes())?.strip_prefix(b"="))?;
    Some(String::from_utf8_lossy(value).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_complete_keys() {
        let section =
            b"license=GPL\0vermagic_x=1\0vermagic=6.1.0-25-amd64 SMP mod_unload \0\0name=x\0";
        assert_eq!(
            value(section, "vermagic").as_deref(),
            Some("6.1.0-25-amd64 SMP mod_unload")
        );
        assert_eq!(value(section, "vermag"), None);
    }
}
