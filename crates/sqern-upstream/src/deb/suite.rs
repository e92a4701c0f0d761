//! Checks that a `Release` is that of the requested suite. A mirror might serve that of another
//! distribution.

/// The comparison of a `Release` with the requested suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SuiteMatch {
    /// `Suite` or `Codename` is the requested suite.
    Yes,
    /// The fields only match its family (`jammy` for `jammy-updates`), or are missing.
    Unsure,
    /// The fields are those of another suite.
    No,
}

/// Compares the requested suite (`bookworm-security`, `stable`, `stretch/updates`) with the fields
/// `Suite` and `Codename`.
#[must_use]
pub(crate) fn suite_match(
    requested: &str,
    suite: Option<&str>,
    codename: Option<&str>,
) -> SuiteMatch {
    let named: Vec<&str> = [suite, codename]
        .into_iter()
        .flatten()
        .filter(|name| !name.is_empty())
        .collect();
    if named.is_empty() {
        return SuiteMatch::Unsure;
    }
    let requested = requested.trim_matches('/');
    // In the old security archive of Debian, `stretch/updates` has the codename `stretch`.
    if named
        .iter()
        .any(|name| *name == requested || requested.split('/').any(|element| element == *name))
    {
        return SuiteMatch::Yes;
    }
    let family = |name: &str| name.split('-').next().unwrap_or(name).to_owned();
    let requested_family = family(requested.rsplit('/').next().unwrap_or(requested));
    if named.iter().any(|name| family(name) == requested_family) {
        SuiteMatch::Unsure
    } else {
        SuiteMatch::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn suite_matches_suite_or_codename() {
        for (requested, suite, codename, expected) in [
            (
                "bookworm-security",
                "oldstable-security",
                "bookworm-security",
                SuiteMatch::Yes,
            ),
            ("jammy-updates", "jammy-updates", "jammy", SuiteMatch::Yes),
            ("stable", "stable", "trixie", SuiteMatch::Yes),
            (
                "stretch/updates",
                "oldoldstable",
                "stretch",
                SuiteMatch::Yes,
            ),
            ("jammy-updates", "jammy", "jammy", SuiteMatch::Unsure),
            (
                "bookworm",
                "oldstable-security",
                "bookworm-security",
                SuiteMatch::Unsure,
            ),
            ("anything", "", "", SuiteMatch::Unsure),
            ("bookworm", "stable", "trixie", SuiteMatch::No),
            ("stable", "oldstable", "bookworm", SuiteMatch::No),
        ] {
            assert_eq!(
                suite_match(requested, Some(suite), Some(codename)),
                expected,
                "{requested} {suite} {codename}"
            );
        }
    }

    proptest! {
        #[test]
        fn suite_never_matches_another_family(requested in "[a-c]{1,3}(-[a-c]{1,3})?(/[d-f]{1,3})?", other in "[x-z]{1,3}(-[a-c]{1,3})?") {
            prop_assert_eq!(suite_match(&requested, Some(&requested), Some(&other)), SuiteMatch::Yes);
            prop_assert_eq!(suite_match(&requested, Some(&other), Some(&requested)), SuiteMatch::Yes);
            prop_assert_eq!(suite_match(&requested, Some(&other), None), SuiteMatch::No);
        }
    }
}
