//! The environment of commands that users specify.
//!
//! The log of a command is readable by all readers of the database, and its tail is recorded. The
//! environment therefore contains only variables whose names are known, and not those of passwords
//! and tokens. sqern adds the variables of the kernel and the run, such as `SQERN_VERSION`.

use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;

/// The variables of the user that a command always receives. The variables `LC_…` are those of
/// locale(7).
const INHERITED: [&str; 22] = [
    "PATH",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LC_ADDRESS",
    "LC_ALL",
    "LC_COLLATE",
    "LC_CTYPE",
    "LC_IDENTIFICATION",
    "LC_MEASUREMENT",
    "LC_MESSAGES",
    "LC_MONETARY",
    "LC_NAME",
    "LC_NUMERIC",
    "LC_PAPER",
    "LC_TELEPHONE",
    "LC_TIME",
    "TZ",
    "TMPDIR",
    "USER",
    "LOGNAME",
    "SHELL",
];

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
        |name: &str| INHERITED.contains(&name) || names.iter().any(|selected| selected.0 == name);
    variables
        .into_iter()
        .filter(|(name, _)| name.to_str().is_some_and(is_selected))
        .collect()
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
            "LC_SESSION",
            "PGPASSWORD",
            "PGSERVICE",
            "GITHUB_TOKEN",
            "SQERN_STORE",
            "SQERN_VERSION",
            "SQERN_DATABASE_URL",
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
        assert_eq!(selected(&[]), ["PATH", "LC_ALL"]);
        assert_eq!(
            selected(&["PGSERVICE", "SQERN_STORE", "ABSENT"]),
            ["PATH", "LC_ALL", "PGSERVICE", "SQERN_STORE"]
        );
    }

    #[test]
    fn names_contain_no_value() {
        for text in ["", "A=b", "=", "A\0"] {
            assert!(text.parse::<VariableName>().is_err(), "{text:?}");
        }
    }
}
