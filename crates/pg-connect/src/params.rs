//! The parameters of one connection, before they are understood.

use std::collections::BTreeMap;
use std::path::Path;

use super::env::ConnectEnv;
use super::error::ConnectError;
use super::keyword::{self, Handling, KEYWORDS};
use super::secret::hide_passwords;

/// Where a parameter was written, for errors.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written<'a> {
    /// The conninfo string.
    Conninfo,
    /// The URI's query.
    Uri,
    /// A line of a service file.
    Service { path: &'a Path, line: usize },
}

impl std::fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Conninfo => f.write_str("the connection string"),
            Self::Uri => f.write_str("the connection URI"),
            Self::Service { path, line } => write!(f, "{}, line {line}", path.display()),
        }
    }
}

/// Parameters by libpq's names.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Params(BTreeMap<&'static str, String>);

impl Params {
    /// Sets a parameter; a later one replaces an earlier one, as in a conninfo string.
    pub(super) fn set(&mut self, name: &str, value: impl Into<String>, written: Written<'_>) -> Result<(), ConnectError> {
        let place = || written.to_string();
        let Some(keyword) = keyword::find(name) else {
            return Err(ConnectError::UnknownKey { key: name.to_owned(), place: place(), near: keyword::near(name) });
        };
        let value = value.into();
        match keyword.handling {
            Handling::Refused(instead) if !value.is_empty() => {
                Err(ConnectError::RefusedKey { key: keyword.name, place: place(), instead })
            }
            Handling::Refused(_) | Handling::Harmless => Ok(()),
            Handling::Used => {
                self.0.insert(keyword.name, value);
                Ok(())
            }
        }
    }

    /// Takes from `lower`, which has less to say, what is not set yet.
    pub(super) fn fill_from(&mut self, lower: Params) {
        for (name, value) in lower.0 {
            self.0.entry(name).or_insert(value);
        }
    }

    /// The value of `name`; set to nothing counts as not set, as in libpq.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of `name`, which it no longer has afterwards.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// Whether no parameter is set.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parameters that the environment's variables give.
    pub(super) fn from_env(env: &ConnectEnv) -> Result<Self, ConnectError> {
        let mut params = Self::default();
        for keyword in KEYWORDS {
            let Some((variable, value)) = keyword.env.and_then(|name| Some((name, env.var(name)?))) else { continue };
            match keyword.handling {
                Handling::Refused(instead) => {
                    return Err(ConnectError::RefusedKey { key: keyword.name, place: variable.to_owned(), instead });
                }
                Handling::Harmless => {}
                Handling::Used => _ = params.0.insert(keyword.name, value.to_owned()),
            }
        }
        Ok(params)
    }
}

impl<const N: usize> From<[(&'static str, String); N]> for Params {
    fn from(pairs: [(&'static str, String); N]) -> Self {
        Self(BTreeMap::from(pairs))
    }
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(hide_passwords(&self.0)).finish()
    }
}
