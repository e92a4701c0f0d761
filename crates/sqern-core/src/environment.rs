//! The environment of commands that users specify.
//!
//! The log of a command is readable by all readers of the database, and its tail is recorded. The
//! environment therefore contains only named variables, and not those of passwords and tokens.

use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;

/// The variables that a command always receives.
const INHERITED: [&str; 9] = [
    "PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL",
];
/// The prefixes of the variables that a command always receives.
const INHERITED_PREFIXES: [&str; 2] = ["LC_", "SQERN_"];
/// Parts of the names of variables with secrets, which a command receives only if they are named.
const SECRETS: [&str; 5] = ["PASSWORD", "SECRET", "TOKEN", "KEY", "CREDENTIAL"];

/// The name of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct VariableName(String);

impl FromStr for VariableName {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.contains(['=', '\0']) {
            return Err("must be the name of an environment variable, without a value".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for VariableName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Selects the variables of a command: those that each command receives, and those with these
/// names. A name without a variable has no effect.
pub fn select(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    names: &[VariableName],
) -> Vec<(OsString, OsString)> {
    let is_selected =
        |name: &str| names.iter().any(|selected| selected.0 == name) || is_inherited(name);
    variables
        .into_iter()
        .filter(|(name, _)| name.to_str().is_some_and(is_selected))
        .collect()
}

fn is_inherited(name: &str) -> bool {
    let is_known = INHERITED.contains(&name)
        || INHERITED_PREFIXES
            .iter()
            .any(|prefix| name.starts_with(prefix));
    is_known && !SECRETS.iter().any(|secret| name.contains(secret))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use super::*;

    #[test]
    fn only_known_and_named_variables_are_selected() {
        let all = [
            "PATH",
            "LC_ALL",
            "PGPASSWORD",
            "PGSERVICE",
            "GITHUB_TOKEN",
            "SQERN_STORE",
            "SQERN_API_TOKEN",
            "CC",
            "LD_PRELOAD",
        ];
        let selected = |names: &[&str]| -> Vec<String> {
            let names: Vec<VariableName> = names.iter().map(|name| name.parse().unwrap()).collect();
            let variables = all.map(|name| (OsString::from(name), OsString::from("value")));
            select(variables, &names)
                .into_iter()
                .map(|(name, _)| name.into_string().unwrap())
                .collect()
        };
        assert_eq!(selected(&[]), ["PATH", "LC_ALL", "SQERN_STORE"]);
        assert_eq!(
            selected(&["PGSERVICE", "SQERN_API_TOKEN", "ABSENT"]),
            [
                "PATH",
                "LC_ALL",
                "PGSERVICE",
                "SQERN_STORE",
                "SQERN_API_TOKEN"
            ]
        );
    }

    #[test]
    fn names_contain_no_value() {
        for text in ["", "A=b", "=", "A\0"] {
            assert!(text.parse::<VariableName>().is_err(), "{text:?}");
        }
    }
}
