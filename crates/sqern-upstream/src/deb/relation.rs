//! Relations between packages: `Depends: a (>= 1) | b, c:any [amd64] <!nocheck>` (Debian Policy
//! §7.1).

pub(crate) use crate::relation::{Dependency, Operator};

/// An invalid relation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected NAME[:ARCH] [(<<|<=|=|>=|>> VERSION)], found {actual:?}")]
pub(crate) struct RelationError {
    /// The invalid part.
    pub actual: String,
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

impl Dependency {
    fn parse(text: &str) -> Result<Self, RelationError> {
        let malformed = || RelationError {
            actual: text.chars().take(80).collect(),
        };
        let end = text
            .find(|c: char| c.is_whitespace() || "([<".contains(c))
            .unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        // `:any` and `:native` select an architecture (multi-arch), which the index determines.
        let name = name.split(':').next().unwrap_or(name);
        if name.is_empty()
            || !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
        {
            return Err(malformed());
        }
        let Some(bound) = rest.trim_start().strip_prefix('(') else {
            return Ok(Self {
                name: name.to_owned(),
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
            name: name.to_owned(),
            version: Some((operator, version.to_owned())),
        })
    }
}

/// Parses the value of a `Depends`, `Pre-Depends` or `Provides` field: all of the outer list, and
/// one alternative of each inner list.
///
/// Restrictions to architectures and build profiles only occur in source packages, and are ignored.
///
/// # Errors
///
/// Returns an error if a relation is invalid.
pub(crate) fn parse(field: &str) -> Result<Vec<Vec<Dependency>>, RelationError> {
    field
        .split(',')
        .map(str::trim)
        .filter(|relation| !relation.is_empty())
        .map(|relation| {
            relation
                .split('|')
                .map(|alternative| Dependency::parse(alternative.trim()))
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relation::VersionOrder;
    use proptest::prelude::*;

    fn shown(field: &str) -> String {
        let relations = parse(field).expect("relations");
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
            assert!(parse(field).is_err(), "{field:?}");
        }
        assert_eq!(
            parse("ok, a (1)"),
            Err(RelationError {
                actual: "a (1)".into()
            })
        );
    }

    #[test]
    fn long_invalid_relations_are_truncated_in_errors() {
        let error = parse(&format!("a (= 1{}", "2".repeat(100_000)))
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
                parse(field).expect("relations")[0][0].is_satisfied_by(version, VersionOrder::Deb),
                expected,
                "{field} {version}"
            );
        }
    }

    proptest! {
        #[test]
        fn parser_never_panics(field in "\\PC*") {
            let _ = parse(&field);
        }

        #[test]
        fn displayed_relations_parse_to_the_same_value(field in "[a-c]{1,3}( \\((<<|<=|=|>=|>>) [0-9.]{1,4}\\))?([,|] ?[a-c]{1,3}){0,3}") {
            let relations = parse(&field).expect("relations");
            prop_assert_eq!(parse(&shown(&field)), Ok(relations));
        }
    }
}
