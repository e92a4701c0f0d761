//! Suggestions for mistyped names.

use strsim::levenshtein;

/// Returns at most 3 of the existing `names` that are similar to `got`, the most similar first.
#[must_use]
pub fn similar_names<'a>(got: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let limit = (got.chars().count() / 3).max(2);
    let mut similar: Vec<(usize, &str)> = names
        .into_iter()
        .map(|name| (levenshtein(got, name), name))
        .filter(|(distance, name)| *distance <= limit || name.starts_with(got))
        .collect();
    similar.sort_unstable();
    similar
        .into_iter()
        .take(3)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// Returns the hint that suggests similar names; `None` if there are none.
#[must_use]
pub fn did_you_mean(similar: &[String]) -> Option<String> {
    (!similar.is_empty()).then(|| format!("Did you mean {}?", similar.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistyped_and_abbreviated_names_have_suggestions() {
        let names = ["debian11", "debian12", "ubuntu-22.04", "alma8"];
        assert_eq!(similar_names("debain12", names), ["debian12"]);
        assert_eq!(similar_names("ubuntu", names), ["ubuntu-22.04"]);
        assert_eq!(similar_names("windows", names), Vec::<String>::new());
    }
}
