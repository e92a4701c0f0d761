//! Relations between packages: `Depends: a (>= 1) | b, c:any [amd64] <!nocheck>` (Debian Policy
//! §7.1).

pub(crate) use crate::relation::{Dependency, Operator};

/// The length limit of a name or version in bytes.
const TEXT_BYTES: usize = 255;

/// A field that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RelationError {
    /// A relation is invalid.
    #[error("expected NAME[:ARCH] [(<<|<=|=|>=|>> VERSION)], found {actual:?}")]
    Invalid {
        /// The invalid part.
        actual: String,
    },
    /// The field contains too many relevant relations.
    #[error("expected at most {limit} relevant relations, found more")]
    TooMany {
        /// The maximum number.
        limit: usize,
    },
}

impl Operator {
    fn parse(text: &str) -> Option<(Self, &str)> {
        const OPERATORS: [(&str, Operator); 7] = [
            ("<<", Operator::Earlier),
            ("<=", Operator::EarlierOrEqual),
            (">=", Operator::LaterOrEqual),
            (">>", Operator::Later),
            ("<", Operator::EarlierOrEqual),
            (">", Operator::LaterOrEqual),
            ("=", Operator::Equal),
        ];
        OPERATORS
            .iter()
            .find_map(|(sign, operator)| Some((*operator, text.strip_prefix(sign)?)))
    }
}

/// A relation that is not copied yet.
struct Relation<'a> {
    name: &'a str,
    version: Option<(Operator, &'a str)>,
}

/// Splits an alternative into its name and the remaining text. `:any` and `:native`, which select an
/// architecture (multi-arch), are removed from the name. The index determines the architecture.
fn split_name(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| c.is_whitespace() || "([<".contains(c))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    (name.split(':').next().unwrap_or(name), rest)
}

impl<'a> Relation<'a> {
    fn parse(text: &'a str) -> Result<Self, RelationError> {
        let malformed = || RelationError::Invalid {
            actual: text.chars().take(80).collect(),
        };
        let (name, rest) = split_name(text);
        if name.is_empty()
            || !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
        {
            return Err(malformed());
        }
        let Some(bound) = rest.trim_start().strip_prefix('(') else {
            return Ok(Self {
                name,
                version: None,
            });
        };
        let (bound, _restrictions) = bound.split_once(')').ok_or_else(malformed)?;
        let (operator, version) = Operator::parse(bound.trim_start()).ok_or_else(malformed)?;
        let version = version.trim();
        if version.is_empty() || version.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(malformed());
        }
        Ok(Self {
            name,
            version: Some((operator, version)),
        })
    }

    /// Returns a copy.
    fn to_dependency(&self) -> Result<Dependency, RelationError> {
        let version = self.version.map_or("", |(_, version)| version);
        if self.name.len().max(version.len()) > TEXT_BYTES {
            return Err(RelationError::Invalid {
                actual: format!("{}…", self.name.chars().take(80).collect::<String>()),
            });
        }
        Ok(Dependency {
            name: self.name.to_owned(),
            version: self
                .version
                .map(|(operator, version)| (operator, version.to_owned())),
        })
    }
}

/// Parses the value of a `Depends`, `Pre-Depends` or `Provides` field: all of the outer list, and
/// one alternative of each inner list. The result contains only relations to relevant names. Other
/// relations are not checked, as in apt.
///
/// Restrictions to architectures and build profiles only occur in source packages, and are ignored.
///
/// # Errors
///
/// Returns an error if a relevant relation is invalid, or if there are more than `limit` of them.
pub(crate) fn parse(
    field: &str,
    limit: usize,
    is_relevant: impl Fn(&str) -> bool,
) -> Result<Vec<Vec<Dependency>>, RelationError> {
    let mut relations = Vec::new();
    let mut count = 0;
    for relation in field
        .split(',')
        .map(str::trim)
        .filter(|relation| !relation.is_empty())
    {
        let mut alternatives = Vec::new();
        for alternative in relation.split('|') {
            let alternative = alternative.trim();
            if !is_relevant(split_name(alternative).0) {
                continue;
            }
            count += 1;
            if count > limit {
                return Err(RelationError::TooMany { limit });
            }
            alternatives.reserve_exact(1);
            alternatives.push(Relation::parse(alternative)?.to_dependency()?);
        }
        if !alternatives.is_empty() {
            relations.push(alternatives);
        }
    }
    Ok(relations)
}

/// Parses a field with all its relations.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn parse_all(field: &str) -> Result<Vec<Vec<Dependency>>, RelationError> {
    parse(field, usize::MAX, |_| true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relation::VersionOrder;
    use proptest::prelude::*;

    fn shown(field: &str) -> String {
        let relations = parse_all(field).expect("relations");
        let one = |alternatives: &Vec<Dependency>| {
            alternatives
                .iter()
                .map(Dependency::to_string)
                .collect::<Vec<_>>()
                .join(" | ")
        };
        relations.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn invalid_relations_to_other_packages_are_ignored() {
        let is_kbuild = |name: &str| name.starts_with("linux-kbuild");
        let field = "${misc:Depends}, foo/bar, foo (, , linux-kbuild-6.1 (>= 1) | foo (=)";
        let relations = parse(field, 9, is_kbuild).expect("relations");
        assert_eq!(relations.len(), 1);
        assert_eq!(relations[0][0].to_string(), "linux-kbuild-6.1 (>= 1)");
        assert!(parse("foo, linux-kbuild-6.1 (", 9, is_kbuild).is_err());
    }

    #[test]
    fn relations_are_parsed_as_in_the_policy() {
        for (field, expected) in [
            ("", ""),
            ("a", "a"),
            (
                "linux-headers-6.1.0-25-common (= 6.1.106-3), gcc-12",
                "linux-headers-6.1.0-25-common (= 6.1.106-3), gcc-12",
            ),
            (
                "a(>=1)|b:any (<< 2~), c [amd64 !i386] <!nocheck>",
                "a (>= 1) | b (<< 2~), c",
            ),
            (
                "a (< 1), b (> 1),\n c ( =  1:2-3 )",
                "a (<= 1), b (>= 1), c (= 1:2-3)",
            ),
            ("a, , b,", "a, b"),
        ] {
            assert_eq!(shown(field), expected, "{field:?}");
        }
    }

    #[test]
    fn invalid_relations_are_errors() {
        for field in [
            "a (>= 1",
            "a (1)",
            "a (>=)",
            "a |",
            "ä",
            "a (>= 1 2)",
            "a (= 1\0)",
            "a (= 1\u{9b}m)",
        ] {
            assert!(parse_all(field).is_err(), "{field:?}");
        }
        assert_eq!(
            parse_all("ok, a (1)"),
            Err(RelationError::Invalid {
                actual: "a (1)".into()
            })
        );
    }

    #[test]
    fn only_relevant_relations_are_returned_and_limited() {
        let is_relevant = |name: &str| name.starts_with("linux-");
        let field = "gcc, linux-a | gcc-12, linux-b (= 1) | linux-c, libc6";
        let shown: Vec<Vec<String>> = parse(field, 3, is_relevant)
            .expect("relations")
            .iter()
            .map(|alternatives| alternatives.iter().map(Dependency::to_string).collect())
            .collect();
        assert_eq!(shown, [vec!["linux-a"], vec!["linux-b (= 1)", "linux-c"]]);
        assert_eq!(
            parse(field, 2, is_relevant),
            Err(RelationError::TooMany { limit: 2 })
        );
        assert!(parse("linux-a, linux-b (1)", 3, is_relevant).is_err());
        let long = format!("linux-{}", "a".repeat(250));
        assert!(parse(&long, 3, is_relevant).is_err());
        assert_eq!(parse(&long, 3, |_| false), Ok(vec![]));
    }

    #[test]
    fn long_invalid_relations_are_truncated_in_errors() {
        let error = parse_all(&format!("a (= 1{}", "2".repeat(100_000)))
            .expect_err("no end")
            .to_string();
        assert!(error.len() < 200, "{} bytes", error.len());
    }

    #[test]
    fn bounds_are_compared_correctly() {
        for (field, version, expected) in [
            ("a (<< 2)", "2", false),
            ("a (<= 2)", "2", true),
            ("a (= 2)", "2-0", true),
            ("a (>= 2)", "1:0", true),
            ("a (>> 2)", "2", false),
            ("a", "anything", true),
        ] {
            assert_eq!(
                parse_all(field).expect("relations")[0][0]
                    .is_satisfied_by(version, VersionOrder::Deb),
                expected,
                "{field} {version}"
            );
        }
    }

    proptest! {
        #[test]
        fn parser_never_panics(field in "\\PC*") {
            let _ = parse_all(&field);
        }

        #[test]
        fn displayed_relations_parse_to_the_same_value(field in "[a-c]{1,3}( \\((<<|<=|=|>=|>>) [0-9.]{1,4}\\))?([,|] ?[a-c]{1,3}){0,3}") {
            let relations = parse_all(&field).expect("relations");
            prop_assert_eq!(parse_all(&shown(&field)), Ok(relations));
        }
    }
}
