//! The selected sandbox.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::str::FromStr;
use std::sync::mpsc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqern_process::OutputTail;

use crate::availability::availability;
use crate::running::{Output, Running};
use crate::{Applied, Error, Obstacle, Policy, Program};

/// Determines the isolation of a command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Requires [`Method::Bubblewrap`].
    Require,
    /// Uses the best available method, or none.
    #[default]
    Auto,
    /// Runs the command without a sandbox.
    Off,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Require, Self::Auto, Self::Off];

    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Require => "require",
            Self::Auto => "auto",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| format!("must be require, auto or off, found {text:?}"))
    }
}

/// A method of isolation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Namespaces, created by bwrap(1).
    Bubblewrap,
    /// Access rights of the process (landlock(7)).
    Landlock,
}

impl Method {
    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bubblewrap => "bubblewrap",
            Self::Landlock => "landlock",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The program that [`launcher::run`](crate::launcher::run) is a part of, and the user of commands
/// that root starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launcher {
    /// The absolute path of the program.
    pub program: PathBuf,
    /// The user of commands that root starts. If it does not exist, the user is `nobody`.
    pub user: String,
}

/// A selected method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    pub(crate) method: Option<Method>,
    pub(crate) launcher: Option<Launcher>,
    obstacle: Option<Obstacle>,
}

/// The result of [`Sandbox::run`].
#[derive(Debug)]
pub struct Finished {
    /// The exit status; `None` if the time limit was exceeded and the command was killed.
    pub status: Option<ExitStatus>,
    /// The last part of standard output and standard error.
    pub output: String,
    /// The result files, in the order of the policy; `None` for a file that does not exist.
    pub results: Vec<Option<Vec<u8>>>,
    /// The restrictions; `None` without a sandbox.
    pub applied: Option<Applied>,
}

impl Sandbox {
    /// Returns a sandbox without restrictions. The policy only determines the environment and the
    /// files of the scratch directory.
    #[must_use]
    pub fn off() -> Self {
        Self {
            method: None,
            launcher: None,
            obstacle: None,
        }
    }

    /// Returns a sandbox with this method, without a check of its availability.
    #[must_use]
    pub fn with(method: Method, launcher: Launcher) -> Self {
        Self {
            method: Some(method),
            launcher: Some(launcher),
            obstacle: None,
        }
    }

    /// Selects a method. The first call with a mode other than [`Mode::Off`] runs a command with
    /// the method; the result is cached in the process.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Unavailable`] if [`Mode::Require`] is not possible.
    pub fn select(mode: Mode, launcher: &Launcher) -> Result<Self, Error> {
        if mode == Mode::Off {
            return Ok(Self::off());
        }
        let Err(obstacle) = availability(Method::Bubblewrap, launcher) else {
            return Ok(Self::with(Method::Bubblewrap, launcher.clone()));
        };
        if mode == Mode::Require {
            return Err(Error::Unavailable(obstacle.clone()));
        }
        let sandbox = match availability(Method::Landlock, launcher) {
            Ok(_) => Self::with(Method::Landlock, launcher.clone()),
            Err(_) => Self::off(),
        };
        Ok(Self {
            obstacle: Some(obstacle.clone()),
            ..sandbox
        })
    }

    /// Returns the method; `None` without a sandbox.
    #[must_use]
    pub fn method(&self) -> Option<Method> {
        self.method
    }

    /// Returns the reason why the selected method is not [`Method::Bubblewrap`].
    #[must_use]
    pub fn obstacle(&self) -> Option<&Obstacle> {
        self.obstacle.as_ref()
    }

    /// Starts a command. Calls `on_exit` on another thread when it exits.
    ///
    /// # Errors
    ///
    /// Returns an error if the process cannot be started. An error of the sandbox itself is
    /// returned by [`Running::finish`].
    pub fn start(
        &self,
        policy: &Policy,
        program: &Program,
        output: Output,
        on_exit: impl FnOnce() + Send + 'static,
    ) -> Result<Running, Error> {
        Running::start(self, policy, program, output, on_exit)
    }

    /// Runs a command until it exits or exceeds its time limit, then kills all its processes.
    /// Standard input is empty. The result contains at most `max_bytes` bytes of output.
    ///
    /// # Errors
    ///
    /// Returns an error if the command or the sandbox cannot be started.
    pub fn run(
        &self,
        policy: &Policy,
        program: &Program,
        time_limit: Duration,
        max_bytes: usize,
    ) -> Result<Finished, Error> {
        let (writer, tail) = OutputTail::pipe(max_bytes).map_err(Error::Wait)?;
        let output = Output {
            stdout: writer.try_clone().map_err(Error::Wait)?.into(),
            stderr: writer.into(),
        };
        let (sender, exited) = mpsc::channel();
        let running = self.start(policy, program, output, move || {
            let _ = sender.send(());
        })?;
        let in_time = exited.recv_timeout(time_limit).is_ok();
        let exit = running.finish();
        let output = tail.into_text();
        let exit = match exit {
            // bwrap prints its errors.
            Err(Error::Setup(reason)) if !output.trim().is_empty() => {
                return Err(Error::Setup(format!("{reason}: {}", output.trim())));
            }
            // A killed launcher cannot report an exit status.
            Err(Error::Setup(_)) if !in_time => None,
            exit => Some(exit?),
        };
        Ok(Finished {
            status: exit.as_ref().filter(|_| in_time).map(|exit| exit.status),
            output,
            results: exit
                .as_ref()
                .map(|exit| exit.results.clone())
                .unwrap_or_default(),
            applied: exit.and_then(|exit| exit.applied),
        })
    }
}
