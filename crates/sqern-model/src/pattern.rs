//! Ignore patterns: a glob on the command line, and a LIKE pattern in the database.
//!
//! LIKE patterns follow the PostgreSQL manual, *Pattern Matching: LIKE*: `%` matches any text, `_`
//! matches one character, and `\` escapes the next character. Globs follow glob(7) without
//! brackets: `*`, `?` and `\`.

use std::fmt;

/// The error of converting a glob to a LIKE pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The pattern is empty and matches no version.
    #[error("pattern must not be empty")]
    Empty,
    /// LIKE has no character classes, so a bracket expression cannot be stored.
    #[error(
        "bracket expressions are not supported in pattern {glob:?}; use \\{bracket} to match the character '{bracket}'"
    )]
    Bracket {
        /// The bracket.
        bracket: char,
        /// The whole glob.
        glob: String,
    },
    /// A trailing backslash escapes no character.
    #[error("pattern {glob:?} must not end with an escape character")]
    TrailingBackslash {
        /// The whole glob.
        glob: String,
    },
    /// The pattern violates the constraint of text keys.
    #[error(transparent)]
    Name(#[from] crate::InvalidName),
}

/// A glob that must match a whole kernel version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

/// A LIKE pattern that must match a whole kernel version, with the escape character `\`, as in
/// `kver_ignore.pattern`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LikePattern(String);

impl Glob {
    /// Creates a glob. It is validated by [`to_like`](Self::to_like).
    #[must_use]
    pub fn new(glob: impl Into<String>) -> Self {
        Self(glob.into())
    }

    /// Returns the LIKE pattern that matches the same versions.
    ///
    /// # Errors
    /// Returns [`PatternError`] if there is no such pattern.
    pub fn to_like(&self) -> Result<LikePattern, PatternError> {
        if self.0.is_empty() {
            return Err(PatternError::Empty);
        }
        let mut like = String::with_capacity(self.0.len());
        let mut characters = self.0.chars();
        while let Some(character) = characters.next() {
            match character {
                '*' => like.push('%'),
                '?' => like.push('_'),
                '[' | ']' => {
                    return Err(PatternError::Bracket {
                        bracket: character,
                        glob: self.0.clone(),
                    });
                }
                '\\' => {
                    let literal =
                        characters
                            .next()
                            .ok_or_else(|| PatternError::TrailingBackslash {
                                glob: self.0.clone(),
                            })?;
                    push_escaped(&mut like, literal);
                }
                literal => push_escaped(&mut like, literal),
            }
        }
        crate::name::check_length("pattern", &like, crate::name::MAX_PATTERN)?;
        if !crate::name::is_text_key(&like) {
            return Err(crate::InvalidName::Characters {
                rule: crate::name::TEXT_KEY.rule,
                what: "pattern",
                got: self.0.clone(),
            }
            .into());
        }
        Ok(LikePattern(like))
    }
}

impl LikePattern {
    /// Creates a pattern from a value of the database.
    #[must_use]
    pub fn from_database(like: impl Into<String>) -> Self {
        Self(like.into())
    }

    /// Returns the pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the glob that matches the same versions.
    #[must_use]
    pub fn to_glob(&self) -> Glob {
        let mut glob = String::with_capacity(self.0.len());
        let mut characters = self.0.chars();
        while let Some(character) = characters.next() {
            match character {
                '%' => glob.push('*'),
                '_' => glob.push('?'),
                '\\' => glob.extend(characters.next().map(quote_for_glob).unwrap_or_default()),
                literal => glob.extend(quote_for_glob(literal)),
            }
        }
        Glob(glob)
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for LikePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

fn push_escaped(like: &mut String, character: char) {
    if matches!(character, '%' | '_' | '\\') {
        like.push('\\');
    }
    like.push(character);
}

fn quote_for_glob(character: char) -> Vec<char> {
    if matches!(character, '*' | '?' | '[' | ']' | '\\') {
        vec!['\\', character]
    } else {
        vec![character]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn like(glob: &str) -> Result<String, PatternError> {
        Glob::new(glob)
            .to_like()
            .map(|like| like.as_str().to_owned())
    }

    #[test]
    fn a_glob_is_converted_to_an_equivalent_like_pattern() {
        for (glob, expected) in [
            ("*-cloud-amd64", "%-cloud-amd64"),
            ("4.18.0-*.el8_10.x86_64", r"4.18.0-%.el8\_10.x86\_64"),
            ("6.1.0-?-amd64", "6.1.0-_-amd64"),
            ("100%", r"100\%"),
            (r"a\*b", "a*b"),
            (r"a\\b", r"a\\b"),
            (r"a\[b", "a[b"),
        ] {
            assert_eq!(like(glob).as_deref(), Ok(expected), "{glob}");
        }
    }

    #[test]
    fn a_glob_without_an_equivalent_like_pattern_is_rejected() {
        assert_eq!(like(""), Err(PatternError::Empty));
        assert!(matches!(
            like("6.[15].0"),
            Err(PatternError::Bracket { bracket: '[', .. })
        ));
        assert!(matches!(
            like("6.1\\"),
            Err(PatternError::TrailingBackslash { .. })
        ));
        assert!(matches!(like("6.1 "), Err(PatternError::Name(_))));
    }

    proptest! {
        #[test]
        fn conversion_to_like_and_back_returns_the_same_glob(glob in r"[a-z0-9.*?%_+-]{1,30}") {
            let like = Glob::new(glob.clone()).to_like().unwrap();
            prop_assert_eq!(like.to_glob().to_string(), glob);
        }
    }

    /// Returns whether a pattern matches a whole text, by backtracking. `\\` escapes a character.
    fn matches(pattern: &[char], text: &[char], many: char, one: char) -> bool {
        match pattern {
            [] => text.is_empty(),
            [first, rest @ ..] if *first == many => {
                (0..=text.len()).any(|passed| matches(rest, &text[passed..], many, one))
            }
            [first, rest @ ..] if *first == one => {
                !text.is_empty() && matches(rest, &text[1..], many, one)
            }
            ['\\', literal, rest @ ..] | [literal, rest @ ..] => {
                text.first() == Some(literal) && matches(rest, &text[1..], many, one)
            }
        }
    }

    proptest! {
        #[test]
        fn a_glob_and_its_like_pattern_match_the_same_texts(glob in r"([ab*?%_.]|\\[ab*?%_\\\[]){1,6}", version in r"[ab*%_\\\[]{1,5}") {
            let like: Vec<char> = Glob::new(&*glob).to_like().unwrap().as_str().chars().collect();
            let (glob, version): (Vec<char>, Vec<char>) = (glob.chars().collect(), version.chars().collect());
            prop_assert_eq!(matches(&like, &version, '%', '_'), matches(&glob, &version, '*', '?'));
        }
    }
}
