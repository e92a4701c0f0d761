//! Enumerations whose values are words of the database.

/// Writes an enumeration whose values are words of the database.
macro_rules! words {
    ($(#[$of:meta])* $name:ident, $expected:literal, $place:literal: $($(#[$doc:meta])* $value:ident = $word:literal),+ $(,)?) => {
        $(#[$of])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $value),+
        }

        impl $name {
            /// All of them, in their order.
            pub const ALL: &[Self] = &[$(Self::$value),+];

            /// The word for it, as the view has it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $word),+
                }
            }

            /// The value of a word that was read.
            pub(crate) fn read(word: &str) -> Result<Self, DbError> {
                let unexpected = || DbError::Unexpected { expected: $expected, place: $place, got: word.to_owned() };
                Self::ALL.iter().copied().find(|one| one.as_str() == word).ok_or_else(unexpected)
            }
        }
    };
}

pub(crate) use words;
