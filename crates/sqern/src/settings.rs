//! The environment, read once. No other module reads it.

mod command_line;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use pg_connect::ConnectEnv;
use pg_local::{LocalEnv, LocalServer, OsUser};
use rustix::process::geteuid;
use sqern_core::Clock;
use sqern_core::sandbox::Launcher;

use self::command_line::{with_flag, with_placeholders};
use crate::config::Config;
use crate::error::CliError;
use crate::private_server::{PROGRAM, configured_server, default_server};

pub(crate) use self::command_line::{without_secrets, without_userinfo};

/// The default store of root.
const ROOTS_STORE: &str = "/var/lib/sqern/store";

/// The default directory of logs of root.
const ROOTS_LOGS: &str = "/var/log/sqern";

/// The user of the services of the packages.
const SERVICE_USER: &str = "sqern";

/// The directory of distribution files, unless `SQERN_SOURCES_DIR` is set.
const SOURCES_DIR: &str = "/etc/sqern/distros.d";

/// The directory of package lists of apt (apt-get(8), FILES).
pub const APT_LISTS: &str = "/var/lib/apt/lists";

/// The environment variables that sqern reads besides those of libpq, with their help texts.
pub const VARIABLES: [(&str, &str); 13] = [
    ("SQERN_STORE", "directory of fetched headers"),
    ("SQERN_LOGS", "directory of logs of builds and tests"),
    ("SQERN_DATA_DIR", "directory of the private server"),
    (
        "SQERN_SOURCES_DIR",
        "directory of distribution files [default: /etc/sqern/distros.d]",
    ),
    (
        "SQERN_PG_BIN",
        "directory of the server programs of PostgreSQL",
    ),
    (
        "SQERN_CONFIG",
        "configuration file [default: ~/.config/sqern/config.toml]",
    ),
    (
        "SQERN_NOW",
        "current time for tests, such as 2026-01-31T12:00:00Z",
    ),
    ("NO_COLOR", "disables color if not empty"),
    (
        "PAGER",
        "pager of long lists [default: less]; cat disables it",
    ),
    ("HOME", "home directory, with .pg_service.conf and .pgpass"),
    (
        "XDG_CONFIG_HOME",
        "directory of configuration files [default: ~/.config]",
    ),
    (
        "XDG_DATA_HOME",
        "directory of user data [default: ~/.local/share]",
    ),
    (
        "XDG_STATE_HOME",
        "directory of user state, such as logs [default: ~/.local/state]",
    ),
];

/// The variables that Jenkins sets for a job.
#[derive(Debug, Clone, Default)]
pub struct Jenkins {
    /// `JOB_NAME` and `BUILD_NUMBER`: `nightly #12`.
    pub job: Option<String>,
    /// `GERRIT_CHANGE_ID` of the Gerrit trigger, else `CHANGE_ID` of multibranch pipelines.
    pub change_id: Option<String>,
}

/// The pager of long lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pager {
    /// The shell command that starts the pager.
    pub command: OsString,
    /// Whether `LESS` contains options of less(1).
    pub has_less_options: bool,
}

/// The maximum length of a default comment, in characters.
const MAX_COMMENT: usize = 1000;

/// The settings from the environment and the configuration file.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The variables of libpq (`PGSERVICE`, `PGHOST`, …).
    pub postgres: BTreeMap<String, String>,
    /// The home directory of the user (`HOME`).
    pub home: Option<PathBuf>,
    /// The directory of user data (`XDG_DATA_HOME`).
    pub data_home: Option<PathBuf>,
    /// The search path of programs (`PATH`).
    pub path: Option<OsString>,
    store: Option<PathBuf>,
    logs: Option<PathBuf>,
    /// The directory of the private server (`SQERN_DATA_DIR`).
    pub data_dir: Option<PathBuf>,
    sources: Option<PathBuf>,
    state_home: Option<PathBuf>,
    /// The Jenkins job, if any.
    pub jenkins: Jenkins,
    /// The directory of the server programs of PostgreSQL (`SQERN_PG_BIN`).
    pub pg_bin: Option<PathBuf>,
    /// `SQERN_NOW`, which replaces the clock.
    now: Option<Timestamp>,
    /// Whether color is allowed (`NO_COLOR`, `TERM`).
    pub color: bool,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// `COLUMNS`, if it is a positive number.
    pub columns: Option<usize>,
    /// The pager; `None` if it is disabled or not installed.
    pub pager: Option<Pager>,
    /// The command line, for the comment of a generation.
    pub command_line: String,
    /// The content of the configuration file.
    pub config: Config,
    /// The arguments without secrets.
    arguments: Vec<String>,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// Returns an error if `SQERN_NOW` is not a time.
    pub fn from_environment(config: Config) -> Result<Self, CliError> {
        let path = std::env::var_os("PATH");
        Ok(Self {
            postgres: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .filter(|(name, _)| name.starts_with("PG"))
                .collect(),
            home: directory("HOME"),
            data_home: directory("XDG_DATA_HOME"),
            pager: pager(path.as_deref()),
            path,
            store: directory("SQERN_STORE"),
            logs: directory("SQERN_LOGS"),
            data_dir: directory("SQERN_DATA_DIR"),
            sources: directory("SQERN_SOURCES_DIR"),
            state_home: directory("XDG_STATE_HOME"),
            jenkins: jenkins(),
            pg_bin: directory("SQERN_PG_BIN"),
            now: fixed_time()?,
            color: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb"),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            columns: std::env::var("COLUMNS")
                .ok()
                .and_then(|columns| columns.parse().ok())
                .filter(|columns| *columns > 0),
            command_line: command_line(),
            config,
            arguments: with_placeholders(arguments()),
        })
    }

    /// Reads the configuration file: `SQERN_CONFIG`, else `sqern/config.toml` below
    /// `XDG_CONFIG_HOME` or `~/.config`.
    ///
    /// # Errors
    ///
    /// Returns an error if the file is invalid, or if the file of `SQERN_CONFIG` could not be read.
    pub fn read_config() -> Result<Config, CliError> {
        if let Some(path) = directory("SQERN_CONFIG") {
            return Config::read(&path, true);
        }
        let directory = directory("XDG_CONFIG_HOME")
            .or_else(|| directory("HOME").map(|home| home.join(".config")));
        directory.map_or_else(
            || Ok(Config::default()),
            |path| Config::read(&path.join("sqern/config.toml"), false),
        )
    }

    /// Returns the comment of a generation if none is specified: the command line. A long command
    /// line is shortened, because the database limits the length of a comment.
    #[must_use]
    pub fn default_comment(&self) -> String {
        match self.command_line.char_indices().nth(MAX_COMMENT) {
            Some((end, _)) => format!("{}…", &self.command_line[..end]),
            None => self.command_line.clone(),
        }
    }

    /// Returns the current time, or the time of `SQERN_NOW`.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// Returns the clock for use cases: that of this machine, or the time of `SQERN_NOW`.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.now.map_or(Clock::System, Clock::Fixed)
    }

    /// Returns the default store: `SQERN_STORE`, else that of the configuration file, else
    /// `/var/lib/sqern/store` for root, else `sqern/store` below `XDG_DATA_HOME` or
    /// `~/.local/share`. Returns `None` if the user has no home directory.
    #[must_use]
    pub fn store_dir(&self) -> Option<PathBuf> {
        let below_home = || {
            let data = self
                .data_home
                .clone()
                .or_else(|| Some(self.home.as_ref()?.join(".local/share")));
            data.map(|data| data.join("sqern/store"))
        };
        let is_root = geteuid().is_root();
        let configured = self.store.as_ref().or(self.config.store.as_ref());
        configured.cloned().or_else(|| {
            if is_root {
                Some(PathBuf::from(ROOTS_STORE))
            } else {
                below_home()
            }
        })
    }

    /// Returns the default directory of logs: `SQERN_LOGS`, else `/var/log/sqern` for root, else
    /// `sqern/logs` below `XDG_STATE_HOME` or `~/.local/state`; `None` if the user has no home
    /// directory.
    #[must_use]
    pub fn logs_dir(&self) -> Option<PathBuf> {
        let below_home = || {
            let state = self
                .state_home
                .clone()
                .or_else(|| Some(self.home.as_ref()?.join(".local/state")));
            state.map(|state| state.join("sqern/logs"))
        };
        let is_root = geteuid().is_root();
        self.logs.clone().or_else(|| {
            if is_root {
                Some(PathBuf::from(ROOTS_LOGS))
            } else {
                below_home()
            }
        })
    }

    /// Returns the variables of the environment, from which those of commands are selected.
    pub fn variables() -> impl Iterator<Item = (OsString, OsString)> {
        std::env::vars_os()
    }

    /// Returns the launcher of sandboxes, which is this program. Commands of root run as the user of
    /// the services, or as `nobody`.
    #[must_use]
    pub fn launcher(&self) -> Launcher {
        Launcher {
            program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/usr/bin/sqern")),
            user: SERVICE_USER.to_owned(),
        }
    }

    /// Returns the environment of a connection.
    #[must_use]
    pub fn connect_env(&self) -> ConnectEnv {
        let user = OsUser::current();
        let local_dir = self
            .data_dir
            .clone()
            .or_else(|| self.default_local_dir(user.as_ref()?));
        ConnectEnv {
            vars: self.postgres.clone(),
            home: self.home.clone(),
            application_name: PROGRAM.name.to_owned(),
            default_server: Some(match self.config.service.clone() {
                Some(service) => configured_server(service),
                None => default_server(local_dir),
            }),
            user_name: user.map(|user| user.name),
            ..ConnectEnv::default()
        }
    }

    /// Returns the environment of the private server; `None` if the user has no name, or neither a
    /// home directory nor `SQERN_DATA_DIR`.
    ///
    /// The default directory does not depend on `SQERN_DATA_DIR`, so that a server in that
    /// directory has its own service record, as with `--data-dir`.
    #[must_use]
    pub fn local_env(&self) -> Option<LocalEnv> {
        let user = OsUser::current()?;
        let dir = self
            .default_local_dir(&user)
            .or_else(|| self.data_dir.clone())?;
        let service_file = self
            .postgres
            .get("PGSERVICEFILE")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        Some(LocalEnv {
            pg_bin: self.pg_bin.clone(),
            path: self.path.clone(),
            library_path: std::env::var_os("LD_LIBRARY_PATH"),
            service_file: service_file
                .or_else(|| self.home.as_ref().map(|home| home.join(".pg_service.conf"))),
            ..LocalEnv::new(PROGRAM, user, dir)
        })
    }

    /// Returns the private server in a directory, by default in `SQERN_DATA_DIR` or the default
    /// directory.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no default directory, or if the directory is invalid.
    pub fn private_server(&self, dir: Option<&Path>) -> Result<LocalServer, CliError> {
        let env = self
            .local_env()
            .ok_or_else(|| no_default_dir(geteuid().as_raw(), OsUser::current().is_some()))?;
        let dir = dir.or(self.data_dir.as_deref()).unwrap_or(&env.default_dir);
        Ok(LocalServer::at(dir, &env)?)
    }

    fn default_local_dir(&self, user: &OsUser) -> Option<PathBuf> {
        PROGRAM.default_dir(user, self.home.as_deref(), self.data_home.as_deref())
    }

    /// Returns the path of the running program if the shell cannot find it as `sqern` in `PATH`.
    #[must_use]
    pub fn program_outside_path(&self) -> Option<PathBuf> {
        let program = std::env::current_exe().ok()?;
        let mut in_path =
            std::env::split_paths(self.path.as_ref()?).map(|directory| directory.join("sqern"));
        (!in_path.any(|file| file.canonicalize().is_ok_and(|file| file == program)))
            .then_some(program)
    }

    /// Whether apt has package lists on this machine.
    #[must_use]
    pub fn has_apt_lists(&self) -> bool {
        let lists = std::fs::read_dir(APT_LISTS).into_iter().flatten().flatten();
        lists
            .filter_map(|entry| entry.file_name().into_string().ok())
            .any(|name| name.contains("_Packages"))
    }

    /// Returns the command line with another flag and without some flags, quoted for a shell, as a
    /// hint. It contains no passwords.
    #[must_use]
    pub fn command_with(&self, flag: &str, removed: &[&str]) -> String {
        with_flag(&self.arguments, flag, removed)
    }

    /// Returns the settings with another command line.
    #[must_use]
    pub fn for_command(&self, command_line: String) -> Self {
        Self {
            command_line,
            ..self.clone()
        }
    }

    /// Returns the directory of distribution files: `SQERN_SOURCES_DIR`, which must exist, else
    /// `/etc/sqern/distros.d` if it exists.
    #[must_use]
    pub fn sources_dir(&self) -> Option<&Path> {
        let default = Path::new(SOURCES_DIR);
        self.sources
            .as_deref()
            .or_else(|| default.is_dir().then_some(default))
    }
}

/// Returns the pager: `PAGER`, else less(1) if it is installed. `cat` or an empty value disables
/// it.
fn pager(path: Option<&OsStr>) -> Option<Pager> {
    let is_installed = |program: &str| {
        std::env::split_paths(path?).find(|directory| directory.join(program).is_file())
    };
    let command = match std::env::var_os("PAGER") {
        Some(command) => Some(command).filter(|command| !command.is_empty() && command != "cat"),
        None => is_installed("less").map(|_| OsString::from("less")),
    };
    command.map(|command| Pager {
        command,
        has_less_options: std::env::var_os("LESS").is_some(),
    })
}

/// Returns the error for a missing default directory. `initdb` and peer authentication require a
/// user with a name.
fn no_default_dir(uid: u32, has_name: bool) -> CliError {
    if has_name {
        return CliError::failed("could not determine the directory of the private server: the user has no home directory")
            .hint("Set HOME or SQERN_DATA_DIR to a directory.");
    }
    CliError::failed(format!("cannot run PostgreSQL as user ID {uid}: the user has no name")).hint(format!(
        "Add a user with useradd --uid {uid} NAME, or use nss_wrapper in containers that cannot change /etc/passwd."
    ))
}

/// Returns the time of `SQERN_NOW`, if it is set.
fn fixed_time() -> Result<Option<Timestamp>, CliError> {
    let Some(text) = std::env::var("SQERN_NOW")
        .ok()
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let invalid = |_| {
        CliError::usage(format!(
            "SQERN_NOW must be a time such as 2026-01-31T12:00:00Z, found {text:?}"
        ))
    };
    text.parse().map(Some).map_err(invalid)
}

/// Reads the variables of Jenkins.
fn jenkins() -> Jenkins {
    let text = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.trim().is_empty())
    };
    let job = text("JOB_NAME").map(|job| match text("BUILD_NUMBER") {
        Some(number) => format!("{job} #{number}"),
        None => job,
    });
    Jenkins {
        job,
        change_id: text("GERRIT_CHANGE_ID").or_else(|| text("CHANGE_ID")),
    }
}

/// Reads a variable that contains a directory; an empty value counts as unset.
fn directory(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn arguments() -> impl Iterator<Item = String> {
    std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
}

/// Returns the command line without the directory of the program, such as `sqern distro import`.
fn command_line() -> String {
    without_secrets(arguments())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_without_a_name_is_reported_with_its_number() {
        let failure = no_default_dir(54321, false);
        assert_eq!(
            failure.message(),
            "cannot run PostgreSQL as user ID 54321: the user has no name"
        );
        assert!(
            failure.hints()[0].contains("useradd --uid 54321 NAME"),
            "{:?}",
            failure.hints()
        );
        assert_eq!(
            no_default_dir(54321, true).hints(),
            ["Set HOME or SQERN_DATA_DIR to a directory."]
        );
    }
}
