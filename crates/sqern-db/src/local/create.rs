//! Making the data directory, once.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use super::binaries::Binaries;
use super::command::{as_user, last_lines, not_run, run};
use super::error::LocalError;
use super::server::LocalServer;
use super::{DATABASE, ROLE, config};

/// Makes `data`: aside first, then renamed, so that a kill at any moment leaves all of it or none.
pub(super) fn create(server: &LocalServer, binaries: &Binaries) -> Result<(), LocalError> {
    let staging = server.layout.staging();
    remove(&staging)?;
    let made = fill(server, binaries, &staging);
    if made.is_err() {
        // What is left is of no use to anybody, and on a full disk it is in the way.
        _ = fs::remove_dir_all(&staging);
    }
    made?;
    let failed = |source| LocalError::Io { what: "rename", path: staging.clone(), source };
    fs::rename(&staging, server.layout.data()).map_err(failed)?;
    fs::File::open(&server.layout.dir).and_then(|dir| dir.sync_all()).map_err(failed)
}

fn fill(server: &LocalServer, binaries: &Binaries, staging: &Path) -> Result<(), LocalError> {
    own_dir(server, staging)?;
    initdb(server, binaries, staging)?;
    let file = |name: &str, text: &str| config::write(&staging.join(name), text, &server.runs_as);
    let main = staging.join("postgresql.conf");
    let text = fs::read_to_string(&main).map_err(|source| LocalError::Io { what: "read", path: main, source })?;
    file("postgresql.conf", &(text + config::INCLUDE))?;
    file("pg_hba.conf", &config::hba())?;
    file("pg_ident.conf", &config::ident(&server.env.user, &server.runs_as))?;
    file(config::FILE, &config::settings(&server.socket_dir, &server.settings))?;
    create_database(server, binaries, staging)
}

/// Makes a directory that only the server's user may enter.
pub(super) fn own_dir(server: &LocalServer, dir: &Path) -> Result<(), LocalError> {
    let failed = |source| LocalError::Io { what: "create directory", path: dir.to_owned(), source };
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => chown(dir, Some(server.runs_as.uid), Some(server.runs_as.gid)).map_err(failed),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Runs `initdb`: UTF-8, and names sorted by code point, the same on every machine.
fn initdb(server: &LocalServer, binaries: &Binaries, staging: &Path) -> Result<(), LocalError> {
    match run(initdb_command(server, binaries, staging, "C.UTF-8"), "initdb", &server.interrupt) {
        // Older systems lack it; `C` sorts the same and only knows fewer capital letters.
        Err(LocalError::Tool { output, .. }) if output.contains("invalid locale name") => {
            run(initdb_command(server, binaries, staging, "C"), "initdb", &server.interrupt).map(|_| ())
        }
        result => result.map(|_| ()),
    }
}

fn initdb_command(server: &LocalServer, binaries: &Binaries, staging: &Path, locale: &str) -> Command {
    let mut command = as_user(&binaries.program("initdb"), &server.env.user, &server.runs_as);
    command.arg("--pgdata").arg(staging).args(["--username", ROLE, "--auth", "peer", "--encoding", "UTF8"]);
    command.args(["--locale", locale, "--lc-messages", "C", "--locale-provider", "libc", "--no-instructions"]);
    command.arg(if server.durable { "--data-checksums" } else { "--no-sync" });
    command
}

/// Makes the database without a server: in single-user mode, while nobody else can see the directory.
fn create_database(server: &LocalServer, binaries: &Binaries, staging: &Path) -> Result<(), LocalError> {
    let program = binaries.program("postgres");
    let mut command = as_user(&program, &server.env.user, &server.runs_as);
    command.arg("--single").arg("-D").arg(staging).arg("template1");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = server.interrupt.spawn(&mut command).map_err(|source| not_run(&command, source))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A server that dies first says why on its standard error; the broken pipe would hide it.
        _ = stdin.write_all(format!("create database {DATABASE}\n").as_bytes());
    }
    let output = server.interrupt.wait(child).map_err(|source| not_run(&command, source))?;
    let said = String::from_utf8_lossy(&output.stderr);
    // In this mode a failed statement does not change the exit status.
    let broken = ["ERROR:", "FATAL:", "PANIC:"].iter().any(|word| said.contains(word));
    if broken || !output.status.success() {
        return Err(LocalError::Tool { tool: "postgres --single", output: last_lines(&said) });
    }
    Ok(())
}

/// Removes a folder and what is in it, if it is there.
pub(super) fn remove(dir: &Path) -> Result<(), LocalError> {
    match fs::remove_dir_all(dir) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(LocalError::Io { what: "remove", path: dir.to_owned(), source })
        }
        _ => Ok(()),
    }
}
