//! Suggestions for mistyped names.

/// Returns the `candidates` that differ from `name` by at most a third of its letters, nearest
/// first. Case is ignored.
pub(super) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let limit = name.chars().count() / 3 + 1;
    let distance = |candidate: &str| strsim::levenshtein(&name, &candidate.to_lowercase());
    let mut found: Vec<_> = candidates
        .map(|candidate| (distance(candidate), candidate))
        .collect();
    found.retain(|(distance, _)| *distance <= limit);
    found.sort_unstable();
    found.into_iter().map(|(_, candidate)| candidate).collect()
}
