//! The command line: parses arguments, calls the libraries and prints the results.

#![allow(
    clippy::doc_markdown,
    rustdoc::bare_urls,
    reason = "the doc comments of arguments are the text of --help"
)]

mod at;
mod available;
mod build;
mod change;
mod check;
mod complete;
mod crawl_progress;
mod cust;
mod db;
mod distro;
mod doctor;
mod event;
mod fetch;
mod generate;
mod generation;
#[cfg(test)]
mod hints;
mod ignore;
mod init;
mod interrupt;
mod keyring;
mod kver;
mod label;
mod local;
mod pipeline;
mod progress;
mod report;
mod run;
mod sandbox_args;
mod source;
mod sources;
mod store;
mod store_args;
mod target_args;
mod test;
mod why;

use std::ffi::OsString;
use std::mem::ManuallyDrop;

pub use self::complete::complete;

use clap::{ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use pg_connect::{ConnectRequest, Session};
use sqern_core::Database;

use crate::config::Config;
use crate::error::{CliError, ExitStatus};
use crate::printer::{Format, Printer, Verbosity};
use crate::settings::{Settings, VARIABLES};

/// Track upstream kernels, the kernels that customers run, and the kernels without a tested module
#[derive(Debug, Parser)]
#[command(name = "sqern", version, long_version = crate::version::long(), max_term_width = 110, after_help = after_help())]
pub struct Cli {
    #[command(flatten)]
    connection: Connection,
    /// The options for the format and the amount of output.
    #[command(flatten)]
    pub output: Output,
    #[command(subcommand)]
    command: Command,
}

/// Options that select the database. The default is that of the variables of libpq, else the
/// private server.
#[derive(Debug, Args)]
struct Connection {
    /// Service name in pg_service.conf
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        conflicts_with = "dsn",
        help_heading = "Connection"
    )]
    service: Option<String>,
    /// Connection string or URI, as accepted by psql
    #[arg(
        long,
        global = true,
        value_name = "CONNINFO|URI",
        help_heading = "Connection"
    )]
    dsn: Option<String>,
}

/// Options for the format and the amount of output.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each field is a flag of the command line"
)]
pub struct Output {
    /// Print one JSON document
    #[arg(
        long,
        global = true,
        conflicts_with_all = ["csv", "csv_raw"],
        help_heading = "Output"
    )]
    json: bool,
    /// Print a list as CSV with a header line (only commands that print lists)
    #[arg(long, global = true, help_heading = "Output")]
    csv: bool,
    /// Print a list as CSV with exact values, for programs; --csv escapes unprintable characters, and
    /// marks values that a spreadsheet would execute with '
    #[arg(long, global = true, help_heading = "Output")]
    csv_raw: bool,
    /// Print only data, warnings and errors
    #[arg(
        long,
        short,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Output"
    )]
    quiet: bool,
    /// Print the steps of the work to standard error; -vv also prints details, -vvv everything
    #[arg(long, short, global = true, action = ArgAction::Count, help_heading = "Output")]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::InitArgs),
    /// Manage a private PostgreSQL server
    #[command(subcommand)]
    Local(local::LocalCommand),
    /// Manage the database schema
    #[command(subcommand)]
    Db(db::DbCommand),
    /// Manage distributions
    #[command(subcommand)]
    Distro(distro::DistroCommand),
    /// Manage kernel versions
    #[command(subcommand)]
    Kver(kver::KverCommand),
    /// Manage patterns of ignored kernel versions
    #[command(subcommand)]
    Ignore(ignore::IgnoreCommand),
    /// List, show and test the package sources of distributions
    #[command(subcommand)]
    Source(source::SourceCommand),
    /// List the keyrings of sources, and import keys
    #[command(subcommand)]
    Keyring(keyring::KeyringCommand),
    Check(check::CheckArgs),
    Fetch(fetch::FetchArgs),
    /// List, verify and prune the fetched headers on disk
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Plan, run and list builds
    #[command(subcommand)]
    Build(build::BuildCommand),
    /// Plan, run and list tests of built modules
    #[command(subcommand)]
    Test(test::TestCommand),
    /// Manage available modules
    #[command(subcommand)]
    Available(available::AvailableCommand),
    /// Run check, fetch, build, test and available from one file
    #[command(subcommand)]
    Pipeline(pipeline::PipelineCommand),
    /// Load and list customer clusters, hosts and their kernels
    #[command(subcommand)]
    Cust(cust::CustCommand),
    /// Report coverage, risk, lag and activity
    #[command(subcommand)]
    Report(report::ReportCommand),
    Why(why::WhyArgs),
    Doctor(doctor::DoctorArgs),
    /// List, show, compare, revert and archive generations
    #[command(subcommand)]
    Generation(generation::GenerationCommand),
    /// List and follow the events of the journal
    #[command(subcommand)]
    Event(event::EventCommand),
    Completions(generate::CompletionsArgs),
    /// Write the manual pages, one file per command
    #[command(hide = true)]
    Man(generate::ManArgs),
}

impl Command {
    /// Whether the command prints a list; only lists can be printed as CSV.
    fn prints_list(&self) -> bool {
        match self {
            Self::Check(_)
            | Self::Fetch(_)
            | Self::Doctor(_)
            | Self::Report(_)
            | Self::Keyring(_)
            | Self::Event(event::EventCommand::List { .. }) => true,
            Self::Distro(command) => matches!(command, distro::DistroCommand::List { .. }),
            Self::Source(command) => !matches!(command, source::SourceCommand::Show { .. }),
            Self::Store(command) => !matches!(command, store::StoreCommand::Prune { .. }),
            Self::Kver(command) => matches!(command, kver::KverCommand::List { .. }),
            Self::Ignore(command) => matches!(command, ignore::IgnoreCommand::List { .. }),
            Self::Cust(command) => !matches!(command, cust::CustCommand::Load(_)),
            Self::Generation(command) => {
                matches!(
                    command,
                    generation::GenerationCommand::List { .. }
                        | generation::GenerationCommand::Diff { .. }
                )
            }
            Self::Build(command) => command.prints_list(),
            Self::Test(command) => command.prints_list(),
            Self::Available(command) => matches!(command, available::AvailableCommand::List { .. }),
            Self::Init(_)
            | Self::Local(_)
            | Self::Db(_)
            | Self::Pipeline(_)
            | Self::Why(_)
            | Self::Event(_)
            | Self::Completions(_)
            | Self::Man(_) => false,
        }
    }
}

impl Command {
    /// Whether the command always writes to standard output. A report can be written to a file.
    fn prints(&self) -> bool {
        match self {
            Self::Build(command) => !matches!(command, build::BuildCommand::Renew { .. }),
            Self::Test(command) => !matches!(command, test::TestCommand::Renew { .. }),
            Self::Db(command) => !matches!(command, db::DbCommand::Refresh { watch: true, .. }),
            Self::Local(command) => !matches!(command, local::LocalCommand::Psql { .. }),
            Self::Report(_) | Self::Man(_) => false,
            _ => true,
        }
    }
}

impl Output {
    /// Returns the format that the flags select.
    #[must_use]
    pub fn format(&self) -> Format {
        match self {
            Self { json: true, .. } => Format::Json,
            Self { csv_raw: true, .. } => Format::Csv { is_raw: true },
            Self { csv: true, .. } => Format::Csv { is_raw: false },
            _ => Format::Table,
        }
    }
}

impl Output {
    /// Returns the verbosity that the flags select.
    #[must_use]
    pub fn verbosity(&self) -> Verbosity {
        Verbosity {
            is_quiet: self.quiet,
            level: self.verbose,
        }
    }
}

impl Cli {
    /// Returns whether the command replaces the program with psql.
    #[must_use]
    pub fn is_psql(&self) -> bool {
        matches!(
            self.command,
            Command::Local(local::LocalCommand::Psql { .. })
        )
    }
}

/// Parses a command line. The configuration file provides defaults of options.
///
/// # Errors
///
/// Returns the help, the version or a usage error of clap.
pub fn parse(
    config: &Config,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Cli, clap::Error> {
    // The command line is parsed once. Freeing the commands takes a fifth of the time to parse it.
    let mut command = ManuallyDrop::new(config.apply(Cli::command()));
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// The connection options, settings and output of a command.
struct Context<'a> {
    connection: &'a Connection,
    settings: &'a Settings,
    printer: &'a Printer,
    /// Ends the program after a signal.
    terminate: fn(u8) -> !,
}

impl Context<'_> {
    /// Connects to a database with any schema.
    async fn connect(&self) -> Result<Session, CliError> {
        let session = self.database().connect().await?;
        interrupt::cancel_on_interrupt(session.canceler(), self.terminate);
        Ok(session)
    }

    /// Returns the request for the database that the command line specifies.
    fn request(&self) -> ConnectRequest {
        ConnectRequest {
            service: self.connection.service.clone(),
            dsn: self.connection.dsn.clone(),
        }
    }

    /// Connects to a database, and checks that this program can use its schema.
    async fn open(&self) -> Result<Session, CliError> {
        let session = self.database().open().await?;
        interrupt::cancel_on_interrupt(session.canceler(), self.terminate);
        Ok(session)
    }

    /// Returns the database that the command line specifies.
    fn database(&self) -> Database {
        Database {
            request: self.request(),
            env: self.settings.connect_env(),
        }
    }
}

/// Runs a command line. `terminate` ends the program after a signal that no command handles.
pub async fn run(
    cli: Cli,
    settings: &Settings,
    printer: &Printer,
    terminate: fn(u8) -> !,
) -> Result<ExitStatus, CliError> {
    // A rejected command must not change anything.
    if let Format::Csv { is_raw } = printer.format()
        && !cli.command.prints_list()
    {
        let option = if is_raw { "--csv-raw" } else { "--csv" };
        return Err(CliError::usage(format!(
            "{option} is supported only by commands that print a list"
        )));
    }
    // Otherwise, a command would change data and lose its output.
    if cli.command.prints() {
        printer.require_stdout()?;
    }
    let context = Context {
        connection: &cli.connection,
        settings,
        printer,
        terminate,
    };
    let outcome = dispatch(cli.command, &context).await;
    match (outcome, interrupt::received_signal()) {
        (Ok(ExitStatus::Failed), Some(signal)) => Ok(ExitStatus::Signal(signal)),
        // The request for the cancellation is in progress, and then ends the program.
        (_, Some(_)) if !interrupt::is_handled() => std::future::pending().await,
        (Err(failure), Some(signal)) => Err(failure.by_signal(signal)),
        (outcome, _) => outcome,
    }
}

async fn dispatch(command: Command, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    match command {
        Command::Init(args) => init::run(args, context).await,
        Command::Local(command) => local::run(command, context).await,
        Command::Db(command) => db::run(command, context).await,
        Command::Distro(command) => distro::run(command, context).await,
        Command::Kver(command) => kver::run(command, context).await,
        Command::Ignore(command) => ignore::run(command, context).await,
        Command::Source(command) => source::run(command, context).await,
        Command::Keyring(command) => keyring::run(command, context).await,
        Command::Check(args) => check::run(args, context).await,
        Command::Fetch(args) => fetch::run(args, context).await,
        Command::Store(command) => store::run(command, context).await,
        Command::Build(command) => build::run(command, context).await,
        Command::Test(command) => test::run(command, context).await,
        Command::Available(command) => available::run(command, context).await,
        Command::Pipeline(command) => Box::pin(pipeline::run(command, context)).await,
        Command::Cust(command) => cust::run(command, context).await,
        Command::Report(command) => report::run(command, context).await,
        Command::Why(args) => why::run(args, context).await,
        Command::Doctor(args) => doctor::run(args, context).await,
        Command::Generation(command) => generation::run(command, context).await,
        Command::Event(command) => event::run(command, context).await,
        Command::Completions(args) => generate::completions(&args, context),
        Command::Man(args) => generate::man(&args),
    }
}

/// Parses the id of a record.
fn id(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "must be a number".to_owned())
}

fn after_help() -> String {
    let variables: Vec<String> = VARIABLES
        .iter()
        .map(|(name, meaning)| format!("  {name:<17} {meaning}"))
        .collect();
    format!(
        "Examples:
  sqern init
  sqern check --apt-lists
  sqern kver list --distro debian12

Kernels are written as VERSION or DISTRO/VERSION. The distribution in DISTRO/VERSION overrides the
option --distro.

Environment:
{}
  PGSERVICE, PGHOST and the other variables of libpq select the database.

Exit status: 0 success, 1 failure, 2 usage error, 70 internal error,
130 after SIGINT, 143 after SIGTERM",
        variables.join("\n")
    )
}
