//! `sqern local`: a private PostgreSQL server.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use pg_local::{LocalServer, State, Up};
use sqern_core::private_server::{self, blocking};

use super::Context;
use super::interrupt::stop_on_interrupt;
use crate::error::{CliError, ExitStatus};
use crate::output::private_server::{
    Dsn, describe_destroyed, describe_down, describe_status, describe_up, warn_about_service,
};

#[derive(Debug, Subcommand)]
pub(super) enum LocalCommand {
    /// Create the server if necessary, start it, and add its service to the connection service file
    #[command(
        after_help = "Examples:\n  sqern local up\n  sqern local up --data-dir /srv/sqern\n  psql service=sqern-local"
    )]
    Up(DirectoryArgs),
    /// Stop the server and keep its data
    #[command(after_help = "Example:\n  sqern local down")]
    Down(DirectoryArgs),
    /// Show the state and location of the server
    ///
    /// Exit status: 0 if the server is running, 1 if it is not running, 2 for a usage error.
    #[command(after_help = "Example:\n  sqern local status --json")]
    Status(DirectoryArgs),
    /// Run psql, connected to the server
    #[command(
        after_help = "Examples:\n  sqern local psql\n  sqern local psql -c 'select version()'"
    )]
    Psql {
        #[command(flatten)]
        directory: DirectoryArgs,
        /// Arguments of psql
        #[arg(
            value_name = "ARGS",
            trailing_var_arg = true,
            allow_hyphen_values = true
        )]
        args: Vec<std::ffi::OsString>,
    },
    /// Print the connection string for psql, psycopg and --dsn
    #[command(after_help = "Example:\n  psql \"$(sqern local dsn)\"")]
    Dsn(DirectoryArgs),
    /// Stop the server and remove it with all databases
    #[command(after_help = "Example:\n  sqern local destroy --data-dir /srv/sqern --yes")]
    Destroy {
        #[command(flatten)]
        directory: DirectoryArgs,
        /// Do not prompt for confirmation
        #[arg(long)]
        yes: bool,
    },
}

/// Selects the private server.
#[derive(Debug, Args)]
pub(super) struct DirectoryArgs {
    /// Directory of the server [default: $SQERN_DATA_DIR, else /var/lib/sqern/local (root) or
    /// ~/.local/share/sqern/local]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) async fn run(
    command: LocalCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    match command {
        LocalCommand::Up(directory) => {
            let up = up(server(&directory, context)?, context).await?;
            let printed = context.printer.value(&up, || describe_up(&up));
            printed.map_err(|error| after(error, "the server is running", &up.dir))?;
            Ok(ExitStatus::Success)
        }
        LocalCommand::Down(directory) => {
            let down = blocking(server(&directory, context)?, LocalServer::down).await?;
            let printed = context.printer.value(&down, || describe_down(&down));
            printed.map_err(|error| after(error, "the server is stopped", &down.dir))?;
            Ok(ExitStatus::Success)
        }
        LocalCommand::Status(directory) => {
            let status = blocking(server(&directory, context)?, LocalServer::status).await?;
            context
                .printer
                .value(&status, || describe_status(&status))?;
            Ok(if status.state == State::Running {
                ExitStatus::Success
            } else {
                ExitStatus::Failed
            })
        }
        LocalCommand::Psql { directory, args } => {
            match server(&directory, context)?.exec_psql(args)? {}
        }
        LocalCommand::Dsn(directory) => {
            let dsn = Dsn {
                dsn: server(&directory, context)?.dsn()?,
            };
            context.printer.value(&dsn, || dsn.dsn.clone())?;
            Ok(ExitStatus::Success)
        }
        LocalCommand::Destroy { directory, yes } => {
            destroy(server(&directory, context)?, yes, context).await
        }
    }
}

fn server(directory: &DirectoryArgs, context: &Context<'_>) -> Result<LocalServer, CliError> {
    context
        .settings
        .private_server(directory.data_dir.as_deref())
}

/// Creates the server if necessary and starts it. An interrupt removes an incomplete server.
async fn up(server: LocalServer, context: &Context<'_>) -> Result<Up, CliError> {
    let up = private_server::up(server, &stop_on_interrupt()).await?;
    if let Some(reason) = &up.service_error {
        warn_about_service(reason, context.printer);
    }
    Ok(up)
}

async fn destroy(
    server: LocalServer,
    yes: bool,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    if !yes && server.status()?.state != State::Absent && !confirmed(&server, context)? {
        return Err(CliError::failed("not confirmed; nothing was removed"));
    }
    let destroyed = blocking(server, LocalServer::destroy).await?;
    let printed = context
        .printer
        .value(&destroyed, || describe_destroyed(&destroyed));
    printed.map_err(|error| after(error, "the server is removed", &destroyed.dir))?;
    Ok(ExitStatus::Success)
}

/// Adds the new state of a server to an error of the output.
fn after(error: CliError, state: &str, dir: &Path) -> CliError {
    error
        .after(state)
        .hint(format!("sqern local status --data-dir {}", dir.display()))
}

/// Prompts for confirmation on a terminal; fails without one.
fn confirmed(server: &LocalServer, context: &Context<'_>) -> Result<bool, CliError> {
    let dir = server.dir().display();
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(CliError::failed(format!(
            "--yes is required to remove {dir} with all databases; nothing was removed"
        ))
        .hint(format!("sqern local destroy --yes --data-dir {dir}")));
    }
    context
        .printer
        .prompt(&format!("Remove {dir} with all databases? Type yes:"));
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
