//! What a module says of itself (modinfo(8)).

use std::fs::File;
use std::path::Path;

use super::elf;
use crate::Failure;

/// The module's `vermagic`: the release of its kernel as the first word, then what both must have been built with.
pub(super) fn vermagic(module: &Path) -> Result<String, Failure> {
    let wrong = |got: String| Failure::new("a kernel module with vermagic", got, module.display());
    let mut file = File::open(module).map_err(|error| wrong(error.to_string()))?;
    let section = elf::section(&mut file, ".modinfo").map_err(wrong)?;
    value(&section, "vermagic").ok_or_else(|| wrong("no vermagic in .modinfo".into()))
}

/// The value of a key in `.modinfo`: `key=value`, each ended by a zero byte.
fn value(section: &[u8], key: &str) -> Option<String> {
    let mut fields = section.split(|byte| *byte == 0);
    let value = fields.find_map(|field| field.strip_prefix(key.as_bytes())?.strip_prefix(b"="))?;
    Some(String::from_utf8_lossy(value).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_among_others() {
        let section = b"license=GPL\0vermagic_x=1\0vermagic=6.1.0-25-amd64 SMP mod_unload \0\0name=x\0";
        assert_eq!(value(section, "vermagic").as_deref(), Some("6.1.0-25-amd64 SMP mod_unload"));
        assert_eq!(value(section, "vermag"), None);
    }
}
