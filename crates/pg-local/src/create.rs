//! Creation of the data directory.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::binaries::Binaries;
use super::command::{as_user, last_lines, not_run, run};
use super::config;
use super::error::LocalError;
use super::files::{create_private_dir, remove_dir, write_private};
use super::server::LocalServer;

/// Creates the data directory. It is renamed when it is complete, so that an interruption leaves a
/// complete directory or none.
pub(super) fn create(server: &LocalServer, binaries: &Binaries) -> Result<(), LocalError> {
    let staging = server.layout.staging();
    remove_dir(&staging)?;
    let created = fill(server, binaries, &staging);
    if created.is_err() {
        // An incomplete directory cannot be used, and the disk can be full.
        _ = fs::remove_dir_all(&staging);
    }
    created?;
    let failed = |source| LocalError::Io {
        action: "rename",
        path: staging.clone(),
        source,
    };
    fs::rename(&staging, server.layout.data()).map_err(failed)?;
    fs::File::open(&server.layout.dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed)
}

fn fill(server: &LocalServer, binaries: &Binaries, staging: &Path) -> Result<(), LocalError> {
    create_private_dir(staging, &server.runs_as)?;
    initdb(server, binaries, staging)?;
    let file = |name: &str, text: &str| write_private(&staging.join(name), text, &server.runs_as);
    let program = &server.env.program;
    let main = staging.join("postgresql.conf");
    let text = fs::read_to_string(&main).map_err(|source| LocalError::Io {
        action: "read",
        path: main,
        source,
    })?;
    file("postgresql.conf", &(text + &config::include(program)))?;
    file("pg_hba.conf", &config::hba(program))?;
    file(
        "pg_ident.conf",
        &config::ident(program, &server.env.user, &server.runs_as),
    )?;
    file(
        &config::file_name(program),
        &config::settings(program, &server.socket_dir, &server.settings),
    )?;
    create_database(server, binaries, staging)
}

/// Runs `initdb` with UTF-8 and a collation by code point, which is the same on all systems.
fn initdb(server: &LocalServer, binaries: &Binaries, staging: &Path) -> Result<(), LocalError> {
    match run(
        initdb_command(server, binaries, staging, "C.UTF-8"),
        "initdb",
        &server.interrupt,
    ) {
        // Older systems do not have this locale. `C` has the same collation, but only the letters
        // of ASCII.
        Err(LocalError::Tool { output, .. }) if output.contains("invalid locale name") => run(
            initdb_command(server, binaries, staging, "C"),
            "initdb",
            &server.interrupt,
        )
        .map(|_| ()),
        result => result.map(|_| ()),
    }
}

fn initdb_command(
    server: &LocalServer,
    binaries: &Binaries,
    staging: &Path,
    locale: &str,
) -> Command {
    let mut command = as_user(&binaries.program("initdb"), &server.env, &server.runs_as);
    command.arg("--pgdata").arg(staging).args([
        "--username",
        server.env.program.role,
        "--auth",
        "peer",
        "--encoding",
        "UTF8",
    ]);
    command.args([
        "--locale",
        locale,
        "--lc-messages",
        "C",
        "--locale-provider",
        "libc",
        "--no-instructions",
    ]);
    command.arg(if server.durable {
        "--data-checksums"
    } else {
        "--no-sync"
    });
    command
}

/// Creates the database in single-user mode, before other processes can use the directory.
fn create_database(
    server: &LocalServer,
    binaries: &Binaries,
    staging: &Path,
) -> Result<(), LocalError> {
    let program = binaries.program("postgres");
    let mut command = as_user(&program, &server.env, &server.runs_as);
    command
        .arg("--single")
        .arg("-D")
        .arg(staging)
        .arg("template1");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = server
        .interrupt
        .spawn(&mut command)
        .map_err(|source| not_run(&command, source))?;
    if let Some(mut stdin) = child.stdin.take() {
        // If the server ends early, its standard error contains the reason, which a broken pipe
        // would replace.
        _ = stdin
            .write_all(format!("create database {}\n", server.env.program.database).as_bytes());
    }
    let output = server
        .interrupt
        .wait(child)
        .map_err(|source| not_run(&command, source))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    // In single-user mode, a failed statement does not change the exit status.
    let has_failed = ["ERROR:", "FATAL:", "PANIC:"]
        .iter()
        .any(|severity| stderr.contains(severity));
    if has_failed || !output.status.success() {
        return Err(LocalError::Tool {
            tool: "postgres --single",
            output: last_lines(&stderr),
        });
    }
    Ok(())
}
