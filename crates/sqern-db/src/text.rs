//! From the database's texts to the model's types, and back to a user who mistyped one.

use sqern_model::{DistroName, KernelVersion};
use strsim::levenshtein;

use crate::DbError;

/// A distro's name as it was read; the schema's checks promise that it is one.
pub(crate) fn distro(text: &str) -> Result<DistroName, DbError> {
    DistroName::new(text).map_err(|_| DbError::Unexpected {
        expected: "a distribution name",
        place: "distro.name",
        got: text.to_owned(),
    })
}

/// A kernel version as it was read; the schema's checks promise that it is one.
pub(crate) fn version(text: &str) -> Result<KernelVersion, DbError> {
    KernelVersion::new(text).map_err(|_| DbError::Unexpected {
        expected: "a kernel version",
        place: "kver.version",
        got: text.to_owned(),
    })
}

/// Up to three of `names` that `got` may have been meant for, the nearest first.
#[must_use]
pub fn nearest<'a>(got: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let limit = (got.chars().count() / 3).max(2);
    let mut near: Vec<(usize, &str)> = names
        .map(|name| (levenshtein(got, name), name))
        .filter(|(distance, name)| *distance <= limit || name.starts_with(got))
        .collect();
    near.sort_unstable();
    near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_finds_the_one_that_was_meant() {
        let names = ["debian11", "debian12", "ubuntu-22.04", "alma8"];
        assert_eq!(nearest("debain12", names.into_iter()), ["debian12"]);
        assert_eq!(nearest("ubuntu", names.into_iter()), ["ubuntu-22.04"]);
        assert_eq!(nearest("windows", names.into_iter()), Vec::<String>::new());
    }
}
