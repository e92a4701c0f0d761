//! The error of a command: code, message, hints and exit status.

pub mod code;

use std::fmt::Display;
use std::process::ExitCode;

use pg_connect::ConnectError;
use pg_local::LocalError;
use sqern_core::doctor::Problem;
use sqern_db::DbError;
use sqern_db::change::Finished;
use sqern_model::Diagnostic;

use crate::private_server::{HINT_TEXTS, PROGRAM};

/// The exit status of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Success: exit status 0.
    Success,
    /// Failure, also of a part of the work: exit status 1.
    Failed,
    /// Usage error: 2, as in clap.
    Usage,
    /// Interrupted by this signal before the work was done: 128 plus its number, as in a shell.
    Signal(u8),
    /// Internal error: 70, `EX_SOFTWARE` of sysexits.h.
    Internal,
}

impl From<ExitStatus> for ExitCode {
    fn from(exit: ExitStatus) -> Self {
        match exit {
            ExitStatus::Success => Self::SUCCESS,
            ExitStatus::Failed => Self::from(1),
            ExitStatus::Usage => Self::from(2),
            ExitStatus::Signal(number) => Self::from(128 + number),
            ExitStatus::Internal => Self::from(70),
        }
    }
}

/// The error of a command.
#[derive(Debug)]
pub struct CliError {
    code: &'static str,
    message: String,
    hints: Vec<String>,
    exit: ExitStatus,
}

impl CliError {
    /// Returns an error with exit status 1.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            code: code::FAILED,
            message: message.into(),
            hints: vec![],
            exit: ExitStatus::Failed,
        }
    }

    /// Returns a usage error that clap cannot detect.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            code: code::USAGE,
            message: message.into(),
            hints: vec![],
            exit: ExitStatus::Usage,
        }
    }

    /// Adds a hint: a command line or a sentence.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a change that was recorded before this error of the output.
    #[must_use]
    pub fn after(mut self, change: impl Display) -> Self {
        self.message += &format!("; {change}");
        self
    }

    /// Adds the operation that failed, as a text that starts with "could not".
    #[must_use]
    pub fn during(mut self, operation: impl Display) -> Self {
        self.message = format!("{operation}: {}", self.message);
        self
    }

    /// Adds the generation that was recorded before this error of the output, if any.
    #[must_use]
    pub fn after_generation(self, finished: Finished) -> Self {
        match finished.generation {
            Some(id) => self
                .after(format!("generation {id} is recorded"))
                .hint(format!("sqern generation show {id}")),
            None => self,
        }
    }

    /// Sets the code.
    #[must_use]
    pub fn with_code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    /// Returns the error of an interrupted command, which exits with the status of the signal.
    #[must_use]
    pub fn by_signal(self, number: u8) -> Self {
        Self {
            code: "interrupted",
            exit: ExitStatus::Signal(number),
            ..self
        }
    }

    /// Returns the code, a stable identifier of the kind of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns an error of a library with exit status 1.
    fn from_diagnostic(error: &impl Diagnostic) -> Self {
        let mut message = error.message();
        if let Some(detail) = error.detail() {
            message += "; ";
            message += detail;
        }
        let hints = error.hint().map(str::to_owned).into_iter().collect();
        Self {
            code: error.code(),
            message,
            hints,
            exit: ExitStatus::Failed,
        }
    }

    /// Returns the message without the hints.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the hints in the order of their output.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Returns the exit status.
    #[must_use]
    pub fn exit(&self) -> ExitStatus {
        self.exit
    }
}

impl From<CliError> for Problem {
    fn from(failure: CliError) -> Self {
        Self {
            message: failure.message,
            hint: failure.hints.into_iter().next(),
        }
    }
}

impl From<DbError> for CliError {
    fn from(error: DbError) -> Self {
        let exit = match &error {
            DbError::Unexpected { .. } => ExitStatus::Internal,
            DbError::Postgres(_)
            | DbError::Schema(_)
            | DbError::Position(_)
            | DbError::Unknown { .. }
            | DbError::Exists { .. }
            | DbError::Future { .. }
            | DbError::Locked { .. }
            | DbError::ReadModelLocked { .. }
            | DbError::ReadOnly { .. }
            | DbError::NotCrawler { .. } => ExitStatus::Failed,
        };
        let hints = error.suggestion().into_iter().chain(error.hint()).collect();
        Self {
            code: code::of_database(&error),
            message: error.to_string(),
            hints,
            exit,
        }
    }
}

impl From<sqern_core::Error> for CliError {
    fn from(error: sqern_core::Error) -> Self {
        match error {
            // These hints contain the options of the program and the commands of the private
            // server.
            sqern_core::Error::Connect(error) => error.into(),
            sqern_core::Error::PrivateServer(error) => error.into(),
            sqern_core::Error::Store(error) => error.into(),
            sqern_core::Error::Upstream(error) => error.into(),
            error => {
                let exit = match &error {
                    sqern_core::Error::UnknownSource { .. } => ExitStatus::Usage,
                    error if error.is_internal() => ExitStatus::Internal,
                    _ => ExitStatus::Failed,
                };
                Self {
                    code: code::of_use_case(&error),
                    message: error.to_string(),
                    hints: error.hints(),
                    exit,
                }
            }
        }
    }
}

impl From<sqern_store::Error> for CliError {
    fn from(error: sqern_store::Error) -> Self {
        Self::from_diagnostic(&error)
    }
}

impl From<ConnectError> for CliError {
    fn from(error: ConnectError) -> Self {
        let hints = error.hint(&HINT_TEXTS).into_iter().collect();
        Self {
            code: code::of_connection(&error),
            message: error.to_string(),
            hints,
            exit: ExitStatus::Failed,
        }
    }
}

impl From<LocalError> for CliError {
    fn from(error: LocalError) -> Self {
        let hints = error.hint(&PROGRAM).into_iter().collect();
        Self {
            code: "private-server",
            message: error.to_string(),
            hints,
            exit: ExitStatus::Failed,
        }
    }
}

impl From<sqern_upstream::Error> for CliError {
    fn from(error: sqern_upstream::Error) -> Self {
        Self::from_diagnostic(&error)
    }
}

impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        Self {
            code: code::IO,
            ..Self::failed(error.to_string())
        }
    }
}
