//! A running command.

use std::fs::{self, File};
use std::io::{self, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fs::{FileType, Mode, OFlags};
use sqern_process::ProcessGroup;

use crate::identity::{identity, processes_of};
use crate::launcher::ARGUMENT;
use crate::message::{self, Report, Request, TERMINATE};
use crate::{Applied, Error, Launcher, Method, Policy, Program, Sandbox, Scratch, bubblewrap};

/// The time in which the launcher kills the processes of the command before the launcher itself is
/// killed.
const GRACE: Duration = Duration::from_secs(5);

/// The standard output and standard error of a command.
#[derive(Debug)]
pub struct Output {
    /// Standard output.
    pub stdout: Stdio,
    /// Standard error.
    pub stderr: Stdio,
}

/// The end of a command.
#[derive(Debug)]
pub struct Exit {
    /// The exit status.
    pub status: ExitStatus,
    /// The result files, in the order of the policy; `None` for a file that does not exist.
    pub results: Vec<Option<Vec<u8>>>,
    /// The restrictions; `None` without a sandbox.
    pub applied: Option<Applied>,
}

/// A running command. Dropping it kills all its processes.
#[derive(Debug)]
pub struct Running {
    /// `None` after [`Running::finish`].
    process: Option<Process>,
}

#[derive(Debug)]
struct Process {
    group: ProcessGroup,
    exited: Receiver<()>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// A command without a sandbox.
    Direct { scratch: Scratch },
    /// A launcher.
    Launched {
        control: UnixStream,
        reports: JoinHandle<io::Result<Reports>>,
    },
}

/// The reports of a launcher.
#[derive(Debug, Default)]
struct Reports {
    applied: Option<Applied>,
    failure: Option<String>,
    status: Option<i32>,
    results: Vec<Option<Vec<u8>>>,
}

impl Running {
    pub(crate) fn start(
        sandbox: &Sandbox,
        policy: &Policy,
        program: &Program,
        output: Output,
        on_exit: impl FnOnce() + Send + 'static,
    ) -> Result<Self, Error> {
        let (sender, exited) = mpsc::channel();
        let on_exit = move || {
            let _ = sender.send(());
            on_exit();
        };
        let (command, launch) = match (sandbox.method, &sandbox.launcher) {
            (Some(method), Some(launcher)) => {
                let (command, request) = launch(method, launcher, policy, program)?;
                (command, Some(request))
            }
            _ => (direct(policy, program)?, None),
        };
        let spawn = |mut command: Command, stdin: Stdio| {
            command
                .stdin(stdin)
                .stdout(output.stdout)
                .stderr(output.stderr);
            let name = command.get_program().into();
            ProcessGroup::spawn(command, on_exit).map_err(|error| Error::Start {
                program: name,
                error,
            })
        };
        let Some(request) = launch else {
            let group = spawn(command, Stdio::null())?;
            let kind = Kind::Direct {
                scratch: policy.scratch.clone(),
            };
            return Ok(Self {
                process: Some(Process {
                    group,
                    exited,
                    kind,
                }),
            });
        };
        let (control, stdin) = UnixStream::pair().map_err(setup)?;
        let group = spawn(command, OwnedFd::from(stdin).into())?;
        let names = policy.scratch.results.len();
        let max_bytes = policy.scratch.max_result_bytes;
        let stream = control.try_clone().map_err(setup)?;
        let reports = thread::Builder::new()
            .name("sandbox-reports".to_owned())
            .spawn(move || read_reports(stream, names, max_bytes))
            .map_err(setup)?;
        // If the launcher could not be started, bwrap has printed the reason.
        let _ = message::send(&control, &request);
        Ok(Self {
            process: Some(Process {
                group,
                exited,
                kind: Kind::Launched { control, reports },
            }),
        })
    }

    /// Requests the command to terminate (SIGTERM).
    pub fn terminate(&self) {
        match self.process.as_ref() {
            Some(Process {
                kind: Kind::Launched { control, .. },
                ..
            }) => {
                let mut control = control;
                let _ = control.write_all(&[TERMINATE]);
            }
            Some(process) => process.group.terminate(),
            None => {}
        }
    }

    /// Kills all processes of the command, and returns its exit status. If the command has already
    /// exited, its exit status is not affected. Blocks until the processes have exited.
    ///
    /// # Errors
    ///
    /// Returns an error if the sandbox could not be created, or if the exit status is not
    /// available.
    pub fn finish(mut self) -> Result<Exit, Error> {
        match self.process.take() {
            Some(process) => process.finish(),
            None => Err(Error::Wait(io::ErrorKind::NotFound.into())),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            // The caller might be an asynchronous task that must not wait.
            thread::spawn(move || process.finish());
        }
    }
}

impl Process {
    fn finish(self) -> Result<Exit, Error> {
        let (control, reports) = match self.kind {
            Kind::Direct { scratch } => {
                let status = self.group.finish().map_err(Error::Wait)?;
                let names = scratch.results.iter();
                let results = names
                    .map(|name| read_result(&scratch.path.join(name), scratch.max_result_bytes));
                return Ok(Exit {
                    status,
                    results: results.collect(),
                    applied: None,
                });
            }
            Kind::Launched { control, reports } => (control, reports),
        };
        // The launcher must kill its processes, which are not all in its process group.
        let _ = control.shutdown(Shutdown::Write);
        let _ = self.exited.recv_timeout(GRACE);
        let status = self.group.finish().map_err(Error::Wait)?;
        let _ = control.shutdown(Shutdown::Both);
        let reports = reports
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("a thread has panicked")));
        let reports = reports.map_err(Error::Wait)?;
        match (reports.status, reports.failure) {
            (_, Some(failure)) if reports.applied.is_some() => {
                Err(Error::Wait(io::Error::other(failure)))
            }
            (_, Some(failure)) => Err(Error::Setup(failure)),
            (Some(status), None) => Ok(Exit {
                status: ExitStatus::from_raw(status),
                results: reports.results,
                applied: reports.applied,
            }),
            (None, None) => Err(Error::Setup(format!("the launcher ended with {status}"))),
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the signature of map_err")]
fn setup(error: io::Error) -> Error {
    Error::Setup(error.to_string())
}

/// Returns the command that runs a program without a sandbox, and writes the files of the scratch
/// directory.
fn direct(policy: &Policy, program: &Program) -> Result<Command, Error> {
    write_files(policy)?;
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .env_clear()
        .envs(policy.environment.iter().map(|(name, value)| (name, value)));
    if let Some(directory) = &program.directory {
        command.current_dir(directory);
    }
    Ok(command)
}

/// Returns the command that starts the launcher, and its request.
fn launch(
    method: Method,
    launcher: &Launcher,
    policy: &Policy,
    program: &Program,
) -> Result<(Command, Request), Error> {
    let identity = identity(&launcher.user);
    let command = match method {
        Method::Bubblewrap => {
            let bwrap = bubblewrap::find()
                .ok_or_else(|| Error::Setup("bubblewrap is not installed".to_owned()))?;
            bubblewrap::command(&bwrap, launcher, policy, identity)
        }
        Method::Landlock => {
            let mut command = Command::new(&launcher.program);
            command.env_clear().arg(ARGUMENT);
            command
        }
    };
    let uid = identity.map_or_else(
        || rustix::process::geteuid().as_raw(),
        |identity| identity.uid,
    );
    let request = Request {
        method,
        policy: policy.clone(),
        program: program.clone(),
        identity,
        other_processes: processes_of(uid),
    };
    Ok((command, request))
}

/// Writes the files of the scratch directory.
pub(crate) fn write_files(policy: &Policy) -> Result<(), Error> {
    for (name, content) in &policy.scratch.files {
        let path = policy.scratch.path.join(name);
        fs::write(&path, content).map_err(|error| Error::Scratch { path, error })?;
    }
    Ok(())
}

/// Returns the content of a result file. A link, a special file and a file that exceeds the maximum
/// size count as missing.
pub(crate) fn read_result(path: &Path, max_bytes: u64) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).ok()?;
    let stat = rustix::fs::fstat(&file).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let mut content = Vec::new();
    let limit = max_bytes.saturating_add(1);
    File::from(file)
        .take(limit)
        .read_to_end(&mut content)
        .ok()?;
    (u64::try_from(content.len()).ok()? <= max_bytes).then_some(content)
}

/// Reads the reports of a launcher until it exits. The command could have changed the launcher, so
/// the sizes of its messages are limited. Only a report before the start of the command describes
/// the restrictions.
fn read_reports(stream: UnixStream, results: usize, max_bytes: u64) -> io::Result<Reports> {
    let mut stream = BufReader::new(stream);
    let mut reports = Reports::default();
    loop {
        let report = match message::receive(&mut stream) {
            Ok(Some(report)) => report,
            Ok(None) => break,
            // bwrap failed, and exited before the launcher read the request. bwrap has printed the reason.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break,
            Err(error) => return Err(error),
        };
        match report {
            Report::Applied(applied) => reports.applied = reports.applied.or(Some(applied)),
            Report::Failed(reason) => {
                reports.failure = Some(reason);
                break;
            }
            Report::Exited {
                status,
                results: sizes,
            } => {
                for size in sizes.into_iter().take(results) {
                    let content = match size {
                        Some(size) if size <= max_bytes => {
                            let mut content = Vec::new();
                            (&mut stream).take(size).read_to_end(&mut content)?;
                            Some(content)
                        }
                        _ => None,
                    };
                    reports.results.push(content);
                }
                reports.status = Some(status);
                break;
            }
        }
    }
    Ok(reports)
}
