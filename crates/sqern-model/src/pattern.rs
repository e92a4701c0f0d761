//! Ignore patterns: a shell glob on the command line, an SQL LIKE pattern in the database.
//!
//! The database's side follows PostgreSQL's manual, *Pattern Matching: LIKE*: `%` is any text, `_` any one character,
//! `\` makes the next character plain. The shell's side follows glob(7) without brackets: `*`, `?`, and `\`.

use std::fmt;

/// The error of converting a glob to a LIKE pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The pattern is empty and matches no version.
    #[error("pattern must not be empty")]
    Empty,
    /// LIKE has no character classes, so a bracket expression cannot be stored.
    #[error("bracket expressions are not supported in pattern {glob:?}; use \\{bracket} to match the character '{bracket}'")]
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

/// A shell glob over a whole kernel version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

/// An SQL LIKE pattern over a whole kernel version, with `\` as escape: what `kver_ignore.pattern` holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LikePattern(String);

impl Glob {
    /// The glob as it was typed.
    #[must_use]
    pub fn new(glob: impl Into<String>) -> Self {
        Self(glob.into())
    }

    /// The LIKE pattern that matches the same versions.
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
                '[' | ']' => return Err(PatternError::Bracket { bracket: character, glob: self.0.clone() }),
                '\\' => {
                    let plain = characters.next().ok_or_else(|| PatternError::TrailingBackslash { glob: self.0.clone() })?;
                    push_plain(&mut like, plain);
                }
                plain => push_plain(&mut like, plain),
            }
        }
        if !crate::name::is_text_key(&like) {
            return Err(crate::InvalidName { what: "pattern", got: self.0.clone() }.into());
        }
        Ok(LikePattern(like))
    }
}

impl LikePattern {
    /// A pattern as the database holds it.
    #[must_use]
    pub fn from_database(like: impl Into<String>) -> Self {
        Self(like.into())
    }

    /// The pattern as LIKE takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same pattern as a shell glob, to show to people.
    #[must_use]
    pub fn to_glob(&self) -> Glob {
        let mut glob = String::with_capacity(self.0.len());
        let mut characters = self.0.chars();
        while let Some(character) = characters.next() {
            match character {
                '%' => glob.push('*'),
                '_' => glob.push('?'),
                '\\' => glob.extend(characters.next().map(quote_for_glob).unwrap_or_default()),
                plain => glob.extend(quote_for_glob(plain)),
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

fn push_plain(like: &mut String, character: char) {
    if matches!(character, '%' | '_' | '\\') {
        like.push('\\');
    }
    like.push(character);
}

fn quote_for_glob(character: char) -> Vec<char> {
    if matches!(character, '*' | '?' | '[' | ']' | '\\') { vec!['\\', character] } else { vec![character] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn like(glob: &str) -> Result<String, PatternError> {
        Glob::new(glob).to_like().map(|like| like.as_str().to_owned())
    }

    #[test]
    fn a_glob_becomes_the_like_pattern_that_matches_the_same() {
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
    fn a_glob_that_like_cannot_say_is_refused() {
        assert_eq!(like(""), Err(PatternError::Empty));
        assert!(matches!(like("6.[15].0"), Err(PatternError::Bracket { bracket: '[', .. })));
        assert!(matches!(like("6.1\\"), Err(PatternError::TrailingBackslash { .. })));
        assert!(matches!(like("6.1 "), Err(PatternError::Name(_))));
    }

    proptest! {
        #[test]
        fn to_glob_and_back_is_the_same_pattern(glob in r"[a-z0-9.*?%_+-]{1,30}") {
            let like = Glob::new(glob.clone()).to_like().unwrap();
            prop_assert_eq!(like.to_glob().to_string(), glob);
        }
    }

    /// Whether a pattern matches a whole text, with `\\` before what is plain: every way is tried.
    fn matches(pattern: &[char], text: &[char], many: char, one: char) -> bool {
        match pattern {
            [] => text.is_empty(),
            [first, rest @ ..] if *first == many => (0..=text.len()).any(|passed| matches(rest, &text[passed..], many, one)),
            [first, rest @ ..] if *first == one => !text.is_empty() && matches(rest, &text[1..], many, one),
            ['\\', plain, rest @ ..] | [plain, rest @ ..] => text.first() == Some(plain) && matches(rest, &text[1..], many, one),
        }
    }

    proptest! {
        #[test]
        fn the_database_matches_what_the_shell_would(glob in r"([ab*?%_.]|\\[ab*?%_\\\[]){1,6}", version in r"[ab*%_\\\[]{1,5}") {
            let like: Vec<char> = Glob::new(&*glob).to_like().unwrap().as_str().chars().collect();
            let (glob, version): (Vec<char>, Vec<char>) = (glob.chars().collect(), version.chars().collect());
            prop_assert_eq!(matches(&like, &version, '%', '_'), matches(&glob, &version, '*', '?'));
        }
    }
}
