//! Starting the server.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::binaries::Binaries;
use super::command::{as_user, last_lines, not_run, words};
use super::create::own_dir;
use super::error::LocalError;
use super::interrupt::Interrupt;
use super::pid_file::PidFile;
use super::server::LocalServer;
use super::{Endpoint, config, socket};

/// How long a start may take; after a crash the server first goes through its log.
pub(super) const START_LIMIT: Duration = Duration::from_secs(60);

/// A log larger than this is put aside, one generation, before the next start.
const LARGE_LOG_BYTES: u64 = 10 << 20;

/// Starts the server and waits until it lets connections in.
pub(super) fn start(server: &LocalServer, binaries: &Binaries) -> Result<(), LocalError> {
    let data = server.layout.data();
    if let Some(stale) = PidFile::read(&data)? {
        stale.disown(&data, &server.runs_as)?;
    }
    socket::prepare(server)?;
    socket::free(&server.endpoint())?;
    own_dir(server, &server.layout.log_dir())?;
    config::write(&data.join(config::FILE), &config::settings(&server.socket_dir, &server.settings), &server.runs_as)?;
    let log = server.layout.log();
    rotate(&log)?;
    let before = fs::metadata(&log).map_or(0, |meta| meta.len());
    let mut command = as_user(&binaries.program("pg_ctl"), &server.env.user, &server.runs_as);
    command.args(["start", "--silent", "--wait", "--timeout", &START_LIMIT.as_secs().to_string()]);
    command.arg("--pgdata").arg(&data).arg("--log").arg(&log);
    let output = server.interrupt.output(&mut command).map_err(|source| not_run(&command, source))?;
    if output.status.success() { Ok(()) } else { Err(failed(server, before, words(&output))) }
}

/// Waits for a server that somebody else is starting.
pub(super) fn wait_ready(data: &Path, interrupt: &Interrupt) -> Result<Option<Endpoint>, LocalError> {
    let begun = Instant::now();
    loop {
        let Some(found) = PidFile::read(data)?.filter(|found| found.is_alive(data)) else { return Ok(None) };
        if found.is_ready() {
            return Ok(Some(found.endpoint()));
        }
        if interrupt.is_set() {
            return Err(LocalError::Interrupted);
        }
        if begun.elapsed() > START_LIMIT {
            let doing = if found.is_stopping() { "stopping" } else { "starting" };
            return Err(LocalError::Slow { pid: found.pid, doing, waited_s: START_LIMIT.as_secs() });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the server wrote to its log since it was started, or, when it never came so far, what `pg_ctl` said.
fn failed(server: &LocalServer, before: u64, tool: String) -> LocalError {
    let data = server.layout.data();
    if let Ok(Some(found)) = PidFile::read(&data).map(|found| found.filter(|found| found.is_alive(&data))) {
        return LocalError::Slow { pid: found.pid, doing: "starting", waited_s: START_LIMIT.as_secs() };
    }
    let log = server.layout.log();
    let lines = read_from(&log, before).map(|text| last_lines(&text)).unwrap_or_default();
    LocalError::Start { log, lines: if lines.is_empty() { tool } else { lines } }
}

fn read_from(path: &Path, offset: u64) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(1 << 20).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn rotate(log: &Path) -> Result<(), LocalError> {
    if fs::metadata(log).is_ok_and(|meta| meta.len() > LARGE_LOG_BYTES) {
        let old: PathBuf = log.with_extension("log.1");
        fs::rename(log, old).map_err(|source| LocalError::Io { what: "rename", path: log.to_owned(), source })?;
    }
    Ok(())
}
