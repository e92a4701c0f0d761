//! Serialization of regular expressions as text.

use regex::Regex;
use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(super) fn serialize<S: Serializer>(regex: &Regex, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(regex.as_str())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Regex, D::Error> {
    Regex::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// Serialization of optional regular expressions.
pub(super) mod option {
    use regex::Regex;
    use serde::{Deserializer, Serializer};

    #[allow(clippy::ref_option, reason = "serde requires this signature")]
    pub(in super::super) fn serialize<S: Serializer>(
        regex: &Option<Regex>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match regex {
            Some(regex) => super::serialize(regex, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Regex>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}
