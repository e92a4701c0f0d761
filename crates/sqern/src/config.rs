//! The configuration file: defaults of options.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use sqern_core::input::parse_retention;
use sqern_core::sandbox::Mode;
use sqern_model::DistroName;

use crate::error::CliError;

/// The configuration file. Options and environment variables override its values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The service of `pg_service.conf` that is used if neither an option nor a variable selects a
    /// database.
    pub service: Option<String>,
    /// The default of `--store`.
    pub store: Option<PathBuf>,
    /// The default of `--sandbox` of `sqern fetch`.
    #[serde(default)]
    pub sandbox: Option<Mode>,
    /// The default of `--target`.
    #[serde(default, deserialize_with = "target")]
    pub target: Option<String>,
    /// The default of repeatable `--distro` options.
    #[serde(default)]
    pub distros: Vec<DistroName>,
    /// The default of `--keep-crawls`.
    #[serde(default, deserialize_with = "keep_crawls")]
    pub keep_crawls: Option<String>,
    /// The default of `--keep-logs`.
    #[serde(default, deserialize_with = "keep_logs")]
    pub keep_logs: Option<String>,
}

fn keep_crawls<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    checked(value, "keep-crawls", |text| parse_retention(text).map(drop))
}

fn keep_logs<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    checked(value, "keep-logs", |text| parse_retention(text).map(drop))
}

fn target<'de, D: Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    checked(value, "target", |text| {
        if text.is_empty() {
            Err("must not be empty".to_owned())
        } else {
            Ok(())
        }
    })
}

/// Checks the default of an option. clap would report an invalid default as the value of an option
/// that the user did not specify.
fn checked<'de, D: Deserializer<'de>>(
    value: D,
    key: &str,
    check: impl FnOnce(&str) -> Result<(), String>,
) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(value)?;
    check(&text).map_err(|reason| D::Error::custom(format!("{key}: {reason}")))?;
    Ok(Some(text))
}

/// The commands without configured defaults. The modules that a command makes available must not
/// depend on a file.
const EXPLICIT_COMMANDS: [&str; 1] = ["available"];

impl Config {
    /// Reads the configuration file. A file that does not exist is empty, unless it is required.
    ///
    /// # Errors
    ///
    /// Returns an error with the line if the file is invalid, or if it could not be read.
    pub fn read(path: &Path, is_required: bool) -> Result<Self, CliError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_err(|(line, reason)| {
                CliError::failed(format!(
                    "invalid configuration file {}:{line}: {reason}",
                    path.display()
                ))
                .hint("The keys are service, store, sandbox, target, distros, keep-crawls and keep-logs.")
            }),
            // A directory of the path can be a file: system users can have the home /dev/null.
            Err(error)
                if !is_required
                    && matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                    ) =>
            {
                Ok(Self::default())
            }
            Err(error) => {
                let message = format!(
                    "could not read configuration file {}: {error}",
                    path.display()
                );
                Err(CliError::failed(message).hint(if is_required {
                    "Correct or unset SQERN_CONFIG."
                } else {
                    "Correct the file, or select another file with SQERN_CONFIG=FILE."
                }))
            }
        }
    }

    /// Parses the text of a file; an error contains its line.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        toml::from_str(text).map_err(|error| {
            let before = error
                .span()
                .map_or("", |span| text.get(..span.start).unwrap_or_default());
            (before.matches('\n').count() + 1, error.message().to_owned())
        })
    }

    /// Sets the configured defaults of options in a command and its subcommands.
    #[must_use]
    pub fn apply(&self, command: Command) -> Command {
        // Usually there are no defaults, and a copy of all commands would slow down each start.
        let has_defaults = !self.distros.is_empty()
            || [&self.target, &self.keep_crawls, &self.keep_logs]
                .iter()
                .any(|value| value.is_some());
        if !has_defaults {
            return command;
        }
        let command = command.mut_subcommands(|subcommand| {
            if EXPLICIT_COMMANDS.contains(&subcommand.get_name()) {
                subcommand
            } else {
                self.apply(subcommand)
            }
        });
        command.mut_args(|arg| {
            let defaults = self.defaults(&arg);
            if defaults.is_empty() {
                return arg;
            }
            // clap prints the new default instead of the default of the help text.
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let help = help.split(" [default:").next().unwrap_or_default();
            arg.help(help.to_owned()).default_values(defaults)
        })
    }

    /// Returns the default values of an option; none if the file does not specify them.
    fn defaults(&self, arg: &Arg) -> Vec<String> {
        match arg.get_long() {
            Some("target") => self.target.iter().cloned().collect(),
            Some("keep-crawls") => self.keep_crawls.iter().cloned().collect(),
            Some("keep-logs") => self.keep_logs.iter().cloned().collect(),
            Some("distro") if matches!(arg.get_action(), ArgAction::Append) => {
                self.distros.iter().map(ToString::to_string).collect()
            }
            _ => vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_parsed_with_the_line_of_an_error() {
        let config =
            Config::parse("service = \"prod\"\ntarget = \"sp-prod\"\ndistros = [\"debian12\"]\n")
                .unwrap();
        assert_eq!(
            (config.service.as_deref(), config.target.as_deref()),
            (Some("prod"), Some("sp-prod"))
        );
        let (line, reason) = Config::parse("service = \"prod\"\ntargets = \"x\"\n").unwrap_err();
        assert_eq!(line, 2);
        assert!(reason.contains("unknown field `targets`"), "{reason}");
        assert_eq!(Config::parse("distros = [\" \"]").unwrap_err().0, 1);
        for (line, reason) in [
            ("keep-crawls = \"soon\"", "keep-crawls: expected an age"),
            ("keep-logs = \"200 years\"", "keep-logs: expected an age"),
            ("target = \"\"", "target: must not be empty"),
        ] {
            let (found, message) =
                Config::parse(&format!("service = \"a\"\n{line}\n")).unwrap_err();
            assert!(
                found == 2 && message.starts_with(reason),
                "{found}: {message}"
            );
        }
    }

    #[test]
    fn a_missing_file_is_an_error_only_if_it_is_required() {
        let absent = Path::new("/nonexistent/config.toml");
        assert_eq!(Config::read(absent, false).unwrap(), Config::default());
        let below_file = Path::new("/dev/null/.config/sqern/config.toml");
        assert_eq!(Config::read(below_file, false).unwrap(), Config::default());
        assert!(
            Config::read(absent, true)
                .unwrap_err()
                .message()
                .starts_with("could not read configuration file")
        );
    }

    #[test]
    fn defaults_apply_to_options_that_are_absent() {
        let config = Config {
            target: Some("t".into()),
            distros: vec!["debian12".parse().unwrap()],
            ..Config::default()
        };
        let command = || {
            let target = Arg::new("target")
                .long("target")
                .help("Release target [default: all]");
            let distro = Arg::new("distros").long("distro").action(ArgAction::Append);
            config.apply(Command::new("x").subcommand(Command::new("y").args([target, distro])))
        };
        let values = |line: &[&str], id: &str| -> Vec<String> {
            let matches = command().try_get_matches_from(line).unwrap();
            let (_, matches) = matches.subcommand().unwrap();
            matches.get_many::<String>(id).unwrap().cloned().collect()
        };
        assert_eq!(values(&["x", "y"], "target"), ["t"]);
        assert_eq!(values(&["x", "y", "--target", "u"], "target"), ["u"]);
        assert_eq!(values(&["x", "y"], "distros"), ["debian12"]);
        assert_eq!(
            values(&["x", "y", "--distro", "alma9"], "distros"),
            ["alma9"]
        );
    }
}
