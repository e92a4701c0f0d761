//! Completion of commands, options and values, which the shell requests from the program.

use std::ffi::OsStr;
use std::io;
use std::time::Duration;

use clap::{Arg, Command, CommandFactory as _};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};
use sqern_core::Database;
use sqern_db::completion::{self, ValueKind};
use sqern_model::escape::{escape_value, is_unprintable};

use super::Cli;
use crate::config::Config;
use crate::settings::Settings;

/// The variable that contains the name of the shell if it requests completions.
const VARIABLE: &str = "SQERN_COMPLETE";
/// The maximum duration of a completion. A shell does not react until then.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The special characters of shells, except the blank (POSIX, Shell Command Language, 2.2).
const SPECIAL: &str = "|&;<>()$`\\\"'*?[]{}#!";

/// Answers a request for completions, and exits. Returns if the shell requested none.
pub fn complete() {
    CompleteEnv::with_factory(|| with_values(Cli::command(), &[]))
        .var(VARIABLE)
        .complete();
}

/// Returns the script with which a shell requests completions; `None` for an unsupported shell.
pub(super) fn registration(shell: &str) -> io::Result<Option<Vec<u8>>> {
    let mut script = Vec::new();
    match Shells::builtins().completer(shell) {
        Some(completer) => completer
            .write_registration(VARIABLE, "sqern", "sqern", "sqern", &mut script)
            .map(|()| Some(script)),
        None => Ok(None),
    }
}

/// Adds the values of the database to the arguments of a command and its subcommands.
fn with_values(command: Command, path: &[&str]) -> Command {
    // mut_arg and mut_subcommand would move their argument or subcommand to the end.
    let command = command.mut_subcommands(|subcommand| {
        let name = subcommand.get_name().to_owned();
        with_values(subcommand, &[path, &[&name]].concat())
    });
    command.mut_args(|arg| match kind(&arg, path) {
        Some(kind) => arg.add(ArgValueCompleter::new(move |current: &OsStr| {
            candidates(kind, current)
        })),
        None => arg,
    })
}

/// Returns the kind of the values of an argument; `None` if they are not in the database.
fn kind(arg: &Arg, path: &[&str]) -> Option<ValueKind> {
    match (arg.get_long(), arg.get_id().as_str(), path) {
        // The name of a new distribution, or of a cluster that runs tests.
        (_, "name", ["distro", "add"]) | (Some("cluster"), _, ["test", ..]) => None,
        (Some("distro"), ..) | (None, "distro", _) | (None, "name", ["distro", ..]) => {
            Some(ValueKind::Distro)
        }
        (Some("kernel"), ..) | (None, "kernel" | "kernels", _) => Some(ValueKind::Kernel),
        (Some("cluster"), ..) | (None, "cluster", _) => Some(ValueKind::Cluster),
        (Some("build"), ..) | (None, "id", ["build", ..]) => Some(ValueKind::Build),
        (Some("test"), ..) | (None, "id", ["test", ..]) => Some(ValueKind::Test),
        (Some("target"), ..) => Some(ValueKind::Target),
        (Some("revision"), ..) => Some(ValueKind::Revision),
        _ => None,
    }
}

/// Returns the values in the database. Errors result in no values, because a shell cannot show
/// them.
fn candidates(kind: ValueKind, current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(prefix) = current.to_str() else {
        return vec![];
    };
    let config: Config = Settings::read_config().unwrap_or_default();
    let Ok(settings) = Settings::from_environment(config) else {
        return vec![];
    };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    else {
        return vec![];
    };
    let database = Database {
        request: pg_connect::ConnectRequest::default(),
        env: settings.connect_env(),
    };
    let query = async {
        let session = database.open().await.ok()?;
        completion::values(&session.client, kind, prefix).await.ok()
    };
    let values = runtime
        .block_on(async { tokio::time::timeout(TIMEOUT, query).await.ok().flatten() })
        .unwrap_or_default();
    let candidate = |(order, (value, help)): (usize, (String, Option<String>))| {
        CompletionCandidate::new(value)
            .help(help.map(|help| escape_value(&help).into_owned().into()))
            .display_order(Some(order))
    };
    values
        .into_iter()
        .filter(|(value, _)| is_literal(value))
        .enumerate()
        .map(candidate)
        .collect()
}

/// Returns whether shells insert a value without a change of its meaning. They insert a candidate
/// without quotes, so that special characters could run a command.
fn is_literal(value: &str) -> bool {
    !value.contains(|character| is_unprintable(character) || SPECIAL.contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_contain_nothing_that_a_shell_interprets() {
        for value in [
            "acme-1",
            "Acme, Europe",
            "debian12/6.1.0-1+b~1",
            "=x",
            "日本",
        ] {
            assert!(is_literal(value), "{value}");
        }
        for value in [
            "x;reboot",
            "$(reboot)",
            "`x`",
            "a|b",
            "a\u{202e}b",
            "'a",
            "a\nb",
            "*",
        ] {
            assert!(!is_literal(value), "{value:?}");
        }
    }

    #[test]
    fn arguments_keep_their_order() {
        let order = |command: Command| -> Vec<String> {
            let ignore = command.find_subcommand("ignore").unwrap();
            let add = ignore.find_subcommand("add").unwrap();
            let ids = add.get_arguments().map(|arg| arg.get_id().to_string());
            let names = command
                .get_subcommands()
                .map(|subcommand| subcommand.get_name().to_owned());
            ids.chain(names).collect()
        };
        let expected = order(Cli::command());
        assert_eq!(order(with_values(Cli::command(), &[])), expected);
    }

    #[test]
    fn arguments_have_the_values_of_their_kind() {
        let mut command = Cli::command();
        command.build();
        let kind_of = |path: &[&str], id: &str| {
            let command = path.iter().fold(&command, |command, name| {
                command.find_subcommand(name).unwrap()
            });
            kind(
                command
                    .get_arguments()
                    .find(|arg| arg.get_id() == id)
                    .unwrap(),
                path,
            )
        };
        assert_eq!(
            kind_of(&["kver", "list"], "distros"),
            Some(ValueKind::Distro)
        );
        assert_eq!(kind_of(&["distro", "add"], "name"), None);
        assert_eq!(kind_of(&["distro", "set"], "name"), Some(ValueKind::Distro));
        assert_eq!(kind_of(&["why"], "kernel"), Some(ValueKind::Kernel));
        assert_eq!(kind_of(&["build", "show"], "id"), Some(ValueKind::Build));
        assert_eq!(kind_of(&["test", "start"], "cluster"), None);
        assert_eq!(
            kind_of(&["report", "risk"], "clusters"),
            Some(ValueKind::Cluster)
        );
        assert_eq!(kind_of(&["generation", "show"], "id"), None);
    }
}
