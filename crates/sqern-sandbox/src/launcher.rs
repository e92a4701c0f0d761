//! The process that runs in the sandbox and starts the command.
//!
//! 1. The caller starts the supervisor, which is the program of the caller with an [`ARGUMENT`].
//!    With bubblewrap, it is process 1 of a new process namespace. Standard input is a socket, over
//!    which it receives the request.
//! 2. The supervisor starts the program again. This second process restricts itself, and executes
//!    the command. The supervisor is not restricted, so the command can neither trace nor signal
//!    it.
//! 3. When the command has exited, or the caller closes the socket, the supervisor kills all
//!    processes that the command left, and reports the exit status.

mod processes;
mod restrict;
mod system_calls;

use std::ffi::OsString;
use std::io::{self, BufReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;

use rustix::fs::{Mode, OFlags};
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, kill_process_group, set_child_subreaper,
    set_dumpable_behavior, wait,
};

use self::processes::Processes;
use crate::message::{self, Applied, Report, Request, TERMINATE};
use crate::running::{read_result, write_files};
use crate::{Error, Method};

/// The argument with which the program of the caller is a launcher.
pub const ARGUMENT: &str = "sandbox-launcher";
/// The second argument of the process that executes the command.
const EXECUTE: &str = "execute";

/// Runs the launcher if the arguments of the program request it, and returns its exit code. Returns
/// `None` for other arguments. The program must call this function before it opens a file or starts a
/// thread.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    let executes = arguments.next().is_some_and(|argument| argument == EXECUTE);
    Some(if executes { execute() } else { supervise() })
}

/// Returns the socket in standard input, and replaces standard input with an empty file.
fn take_socket() -> io::Result<UnixStream> {
    let socket: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let empty = rustix::fs::open("/dev/null", flags, Mode::empty())?;
    rustix::stdio::dup2_stdin(empty)?;
    Ok(socket.into())
}

/// Closes the descriptors that the caller left open, so that the command neither inherits them nor
/// finds them in `/proc` (`/proc/PID/fd`). This process must not have opened files yet.
fn close_inherited() -> io::Result<()> {
    for descriptor in start_stdio::inherited_descriptors()? {
        nix::unistd::close(descriptor)?;
    }
    Ok(())
}

/// Runs the supervisor.
fn supervise() -> ExitCode {
    let closed = close_inherited();
    let Ok(socket) = take_socket() else {
        return ExitCode::FAILURE;
    };
    match closed.and_then(|()| supervise_command(&socket)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = message::send(&socket, &Report::Failed(error.to_string()));
            ExitCode::FAILURE
        }
    }
}

fn supervise_command(socket: &UnixStream) -> io::Result<()> {
    let mut input = BufReader::new(socket.try_clone()?);
    let Some(request) = message::receive::<Request>(&mut input)? else {
        return Err(io::Error::other("no request"));
    };
    // The memory of this process must not be accessible in /proc.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    set_child_subreaper(Some(rustix::process::getpid()))?;
    write_files(&request.policy).map_err(|error| match error {
        Error::Scratch { path, error } => {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        }
        error => io::Error::other(error),
    })?;
    if let (Method::Landlock, Some(identity)) = (request.method, request.identity) {
        let user = (Some(identity.uid), Some(identity.gid));
        std::os::unix::fs::lchown(&request.policy.scratch.path, user.0, user.1)?;
    }
    // The command could use up the open files of this machine, so /proc is opened before it starts.
    let (mut processes, of_control) = (Processes::open()?, Processes::open()?);
    let (command, applied) = match start(&request)? {
        Started::Running { command, applied } => (command, applied),
        Started::Failed(reason) => return Err(io::Error::other(reason)),
    };
    message::send(socket, &Report::Applied(applied))?;
    thread::Builder::new()
        .name("control".to_owned())
        .spawn(move || obey(input, command, of_control))?;
    let status = wait_for(command)?;
    processes
        .kill_descendants()
        .map_err(|error| not_killed(&error))?;
    let scratch = &request.policy.scratch;
    let results: Vec<Option<Vec<u8>>> = scratch
        .results
        .iter()
        .map(|name| read_result(&scratch.path.join(name), scratch.max_result_bytes))
        .collect();
    let sizes = results
        .iter()
        .map(|content| u64::try_from(content.as_ref()?.len()).ok())
        .collect();
    let mut socket = socket;
    message::send(
        socket,
        &Report::Exited {
            status,
            results: sizes,
        },
    )?;
    for content in results.iter().flatten() {
        socket.write_all(content)?;
    }
    Ok(())
}

/// The start of the command.
enum Started {
    Running { command: Pid, applied: Applied },
    Failed(String),
}

/// Starts the process that executes the command, and waits until it has restricted itself.
fn start(request: &Request) -> io::Result<Started> {
    let (socket, stdin) = UnixStream::pair()?;
    let child = Command::new(std::env::current_exe()?)
        .env_clear()
        .args([ARGUMENT, EXECUTE])
        .stdin(OwnedFd::from(stdin))
        .spawn()?;
    message::send(&socket, request)?;
    let mut reports = BufReader::new(socket);
    let mut applied = None;
    // The socket is closed when the command is executed.
    while let Some(report) = message::receive(&mut reports)? {
        match report {
            Report::Applied(restrictions) => applied = Some(restrictions),
            Report::Failed(reason) => return Ok(Started::Failed(reason)),
            Report::Exited { .. } => {}
        }
    }
    Ok(match applied {
        Some(applied) => Started::Running {
            command: Pid::from_child(&child),
            applied,
        },
        None => Started::Failed("the launcher was killed".to_owned()),
    })
}

/// Sends signals to the command at the request of the caller. The end of the input kills it.
fn obey(mut input: BufReader<UnixStream>, command: Pid, mut processes: Processes) {
    let mut byte = [0];
    while let Ok(1) = input.read(&mut byte) {
        if byte[0] == TERMINATE {
            let _ = kill_process_group(command, Signal::TERM);
        }
    }
    if let Err(error) = processes.kill_descendants() {
        let report = Report::Failed(not_killed(&error).to_string());
        let _ = message::send(input.get_ref(), &report);
    }
}

fn not_killed(error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("could not kill the processes of the command: {error}"),
    )
}

/// Waits until the command has exited, and returns its status. Also reaps the processes that the
/// command left.
fn wait_for(command: Pid) -> io::Result<i32> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((process, status))) if process == command => return Ok(status.as_raw()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Restricts this process, and executes the command.
fn execute() -> ExitCode {
    let Ok(socket) = take_socket() else {
        return ExitCode::FAILURE;
    };
    let error = execute_command(&socket);
    let _ = message::send(&socket, &Report::Failed(error));
    ExitCode::FAILURE
}

/// Returns the reason why the command was not executed.
fn execute_command(socket: &UnixStream) -> String {
    let request = match message::receive::<Request>(&mut BufReader::new(socket)) {
        Ok(Some(request)) => request,
        Ok(None) => return "no request".to_owned(),
        Err(error) => return error.to_string(),
    };
    let restrictions = match restrict::restrict(&request) {
        Ok(restrictions) => restrictions,
        Err(reason) => return reason,
    };
    let applied = Applied {
        method: request.method,
        restrictions,
    };
    if let Err(error) = message::send(socket, &Report::Applied(applied)) {
        return error.to_string();
    }
    let program = &request.program;
    let environment = request.policy.environment.iter();
    let error = Command::new(&program.path)
        .args(&program.arguments)
        .current_dir(program.directory.as_deref().unwrap_or(Path::new("/")))
        .env_clear()
        .envs(environment.map(|(name, value)| (name, value)))
        .exec();
    format!("could not run {}: {error}", program.path.display())
}
