//! Start of a server.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::binaries::Binaries;
use super::command::{as_user, failure_output, last_lines, not_run};
use super::endpoint::Endpoint;
use super::error::LocalError;
use super::files::{create_private_dir, write_private};
use super::interrupt::Interrupt;
use super::pid_file::PidFile;
use super::server::LocalServer;
use super::{config, socket};

/// The time limit of a start. After a crash, the server first replays its write-ahead log.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The size of the log above which it is renamed before a start. One old log is kept.
const LARGE_LOG_BYTES: u64 = 10 << 20;

/// Starts the server and waits until it accepts connections.
pub(super) fn start(server: &LocalServer, binaries: &Binaries) -> Result<(), LocalError> {
    let data = server.layout.data();
    if let Some(stale) = PidFile::read(&data)? {
        stale.clear_pid(&data, &server.runs_as)?;
    }
    socket::prepare(&server.socket_dir, &server.runs_as)?;
    socket::clear(&server.endpoint())?;
    create_private_dir(&server.layout.log_dir(), &server.runs_as)?;
    let program = &server.env.program;
    let settings = config::settings(program, &server.socket_dir, &server.settings);
    write_private(
        &data.join(config::file_name(program)),
        &settings,
        &server.runs_as,
    )?;
    let log = server.layout.log();
    rotate(&log)?;
    let log_size_bytes = fs::metadata(&log).map_or(0, |meta| meta.len());
    let mut command = as_user(&binaries.program("pg_ctl"), &server.env, &server.runs_as);
    command.args([
        "start",
        "--silent",
        "--wait",
        "--timeout",
        &START_LIMIT.as_secs().to_string(),
    ]);
    command.arg("--pgdata").arg(&data).arg("--log").arg(&log);
    let output = server
        .interrupt
        .output(&mut command)
        .map_err(|source| not_run(&command, source))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(failed(server, log_size_bytes, failure_output(&output)))
    }
}

/// Waits for a server that another process is starting; `None` if no server is running.
pub(super) fn wait_ready(
    data: &Path,
    interrupt: &Interrupt,
) -> Result<Option<Endpoint>, LocalError> {
    let start = Instant::now();
    loop {
        let Some(file) = PidFile::read(data)?.filter(|file| file.is_alive(data)) else {
            return Ok(None);
        };
        if file.is_ready() {
            return Ok(Some(file.endpoint()));
        }
        if interrupt.is_set() {
            return Err(LocalError::Interrupted);
        }
        if start.elapsed() > START_LIMIT {
            let activity = if file.is_stopping() {
                "stopping"
            } else {
                "starting"
            };
            return Err(LocalError::Slow {
                pid: file.pid,
                activity,
                waited_s: START_LIMIT.as_secs(),
            });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns an error with the lines that the server added to its log, or with the output of `pg_ctl`
/// if there are none.
fn failed(server: &LocalServer, log_size_bytes: u64, output: String) -> LocalError {
    let data = server.layout.data();
    if let Ok(Some(file)) =
        PidFile::read(&data).map(|file| file.filter(|file| file.is_alive(&data)))
    {
        return LocalError::Slow {
            pid: file.pid,
            activity: "starting",
            waited_s: START_LIMIT.as_secs(),
        };
    }
    let log = server.layout.log();
    let lines = read_from(&log, log_size_bytes)
        .map(|text| last_lines(&text))
        .unwrap_or_default();
    LocalError::Start {
        log,
        lines: if lines.is_empty() { output } else { lines },
    }
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
        fs::rename(log, old).map_err(|source| LocalError::Io {
            action: "rename",
            path: log.to_owned(),
            source,
        })?;
    }
    Ok(())
}
