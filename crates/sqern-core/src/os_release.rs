//! Detection of the distribution of this machine with os-release(5).

use std::path::Path;

use sqern_model::{DistroName, SourceSet};

use crate::Error;

/// The files of os-release(5), of which the first readable one is used.
const FILES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// Detects the distribution of this machine with the definitions of distributions.
///
/// # Errors
///
/// Returns [`Error::UnknownDistribution`] if no definition contains the values of this machine.
pub fn detect_distro(sources: &SourceSet) -> Result<DistroName, Error> {
    let text = FILES
        .iter()
        .find_map(|file| std::fs::read_to_string(Path::new(file)).ok())
        .unwrap_or_default();
    let (id, version_id) = (field(&text, "ID"), field(&text, "VERSION_ID"));
    let name = sources
        .detect(&id, &version_id)
        .map(|distro| distro.name.clone());
    name.ok_or(Error::UnknownDistribution { id, version_id })
}

/// Returns the value of a field without quotation marks; an empty string if it is absent.
fn field(text: &str, name: &str) -> String {
    let mut fields = text.lines().filter_map(|line| line.split_once('='));
    let value = fields
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.trim_matches(['"', '\'']));
    value.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_absent_fields_are_read() {
        let text = "NAME=\"Debian\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(
            (field(text, "ID"), field(text, "VERSION_ID")),
            ("debian".to_owned(), "12".to_owned())
        );
        assert_eq!(field(text, "BUILD_ID"), "");
    }
}
