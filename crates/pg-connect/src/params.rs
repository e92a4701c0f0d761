//! The parameters of one connection as texts.

use std::collections::BTreeMap;
use std::path::Path;

use super::env::ConnectEnv;
use super::error::ConnectError;
use super::keyword::{self, Handling, KEYWORDS};
use super::secret::redact;

/// The location of a parameter, for error messages.
#[derive(Debug, Clone, Copy)]
pub(super) enum ParamSource<'a> {
    /// The conninfo string.
    Conninfo,
    /// The query of the URI.
    Uri,
    /// A line of a service file.
    Service { path: &'a Path, line: usize },
}

impl std::fmt::Display for ParamSource<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Conninfo => f.write_str("the connection string"),
            Self::Uri => f.write_str("the connection URI"),
            Self::Service { path, line } => write!(f, "{}, line {line}", path.display()),
        }
    }
}

/// Parameters by their names in libpq.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Params(BTreeMap<&'static str, String>);

impl Params {
    /// Sets a parameter. A later value replaces an earlier one, as in a conninfo string.
    ///
    /// # Errors
    ///
    /// Returns [`ConnectError::UnknownKey`] or [`ConnectError::UnsupportedKey`].
    pub(super) fn set(
        &mut self,
        name: &str,
        value: impl Into<String>,
        source: ParamSource<'_>,
    ) -> Result<(), ConnectError> {
        let location = || source.to_string();
        let Some(keyword) = keyword::find(name) else {
            return Err(ConnectError::UnknownKey {
                key: name.to_owned(),
                location: location(),
                similar: keyword::similar(name),
            });
        };
        let value = value.into();
        match keyword.handling {
            Handling::Unsupported(instead) if !value.is_empty() => {
                Err(ConnectError::UnsupportedKey {
                    key: keyword.name,
                    location: location(),
                    instead,
                })
            }
            Handling::Unsupported(_) | Handling::Ignored => Ok(()),
            Handling::Used => {
                self.0.insert(keyword.name, value);
                Ok(())
            }
        }
    }

    /// Adds the parameters of `lower` that are not set.
    pub(super) fn fill_from(&mut self, lower: Params) {
        for (name, value) in lower.0 {
            self.0.entry(name).or_insert(value);
        }
    }

    /// Returns the value of `name`. As in libpq, an empty value counts as not set.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Removes `name` and returns its value.
    pub(super) fn remove(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// Returns whether no parameter is set, not even to an empty value.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the parameters that the environment sets.
    ///
    /// # Errors
    ///
    /// Returns [`ConnectError::UnsupportedKey`] for a variable of an unsupported parameter.
    pub(super) fn from_env(env: &ConnectEnv) -> Result<Self, ConnectError> {
        let mut params = Self::default();
        for keyword in KEYWORDS {
            let Some((variable, value)) = keyword.env.and_then(|name| Some((name, env.var(name)?)))
            else {
                continue;
            };
            match keyword.handling {
                Handling::Unsupported(instead) => {
                    let location = variable.to_owned();
                    return Err(ConnectError::UnsupportedKey {
                        key: keyword.name,
                        location,
                        instead,
                    });
                }
                Handling::Ignored => {}
                Handling::Used => _ = params.0.insert(keyword.name, value.to_owned()),
            }
        }
        Ok(params)
    }
}

impl std::fmt::Debug for Params {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(redact(&self.0)).finish()
    }
}
