//! Values of parameters: numbers, and texts of a fixed set.

use std::str::FromStr;

use super::error::ConnectError;
use super::params::Params;

/// Returns the value of `key` from a fixed set; `None` if the parameter is not set.
pub(super) fn choose<T: Clone>(
    params: &Params,
    key: &'static str,
    values: &[(&str, T)],
) -> Result<Option<T>, ConnectError> {
    let Some(text) = params.get(key) else {
        return Ok(None);
    };
    let found = values
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, value)| value.clone());
    found.map(Some).ok_or_else(|| {
        let names: Vec<_> = values.iter().map(|(name, _)| *name).collect();
        ConnectError::BadValue {
            key,
            expected: names.join(", "),
            found: format!("{text:?}"),
        }
    })
}

/// Returns the value of `key` as a number; `None` if the parameter is not set.
pub(super) fn number<T: FromStr>(
    params: &Params,
    key: &'static str,
) -> Result<Option<T>, ConnectError> {
    let Some(text) = params.get(key) else {
        return Ok(None);
    };
    let bad_value = |_| ConnectError::BadValue {
        key,
        expected: "an integer".into(),
        found: format!("{text:?}"),
    };
    text.trim().parse().map(Some).map_err(bad_value)
}
