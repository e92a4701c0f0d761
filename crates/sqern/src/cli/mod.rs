//! The command line: words to calls, values to the printer. No command holds a rule of its own.

#![allow(clippy::doc_markdown, rustdoc::bare_urls, reason = "the doc comments of arguments are the text of --help")]

mod at;
mod available;
mod build;
mod change;
mod check;
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
mod kver;
mod local;
mod pipeline;
mod progress;
mod report;
mod run;
mod source;
mod sources;
mod store;
mod test;
mod why;

use clap::{Args, Parser, Subcommand};
use sqern_db::connect::{ConnectError, ConnectRequest, Session, connect};

use crate::failure::{Exit, Failure};
use crate::printer::{Format, Printer};
use crate::settings::{Settings, VARIABLES};

/// Which kernels exist upstream, which ones customers run, and for which of those there is no tested module yet.
#[derive(Debug, Parser)]
#[command(name = "sqern", version, long_version = crate::version::long(), max_term_width = 110, after_help = after_help())]
pub struct Cli {
    #[command(flatten)]
    connection: Connection,
    /// How data is printed.
    #[command(flatten)]
    pub output: Output,
    #[command(subcommand)]
    command: Command,
}

/// Which database. Nothing given: libpq's environment (PGSERVICE, PGHOST, …), else the private local server.
#[derive(Debug, Args)]
struct Connection {
    /// A service of pg_service.conf
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "dsn", help_heading = "Connection")]
    service: Option<String>,
    /// A connection string or URI, as psql takes it
    #[arg(long, global = true, value_name = "CONNINFO|URI", help_heading = "Connection")]
    dsn: Option<String>,
}

/// How data is printed.
#[derive(Debug, Args)]
pub struct Output {
    /// Print one JSON document
    #[arg(long, global = true, conflicts_with = "csv", help_heading = "Output")]
    json: bool,
    /// Print lists as CSV with a header line
    #[arg(long, global = true, help_heading = "Output")]
    csv: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::InitArgs),
    /// A private PostgreSQL server of one's own
    #[command(subcommand)]
    Local(local::LocalCommand),
    /// The database's schema
    #[command(subcommand)]
    Db(db::DbCommand),
    /// Linux distributions
    #[command(subcommand)]
    Distro(distro::DistroCommand),
    /// Kernel versions
    #[command(subcommand)]
    Kver(kver::KverCommand),
    /// Patterns of kernel versions that are not wanted
    #[command(subcommand)]
    Ignore(ignore::IgnoreCommand),
    /// Where the distributions publish their kernels
    #[command(subcommand)]
    Source(source::SourceCommand),
    /// Look for new kernels in the distributions' repositories
    Check(check::CheckArgs),
    /// Fetch the headers of kernels, so that modules can be built for them
    Fetch(fetch::FetchArgs),
    /// The fetched headers on disk
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// Builds: what is next, what runs, what came of it
    #[command(subcommand)]
    Build(build::BuildCommand),
    /// Tests of what was built: what is next, what runs, what came of it
    #[command(subcommand)]
    Test(test::TestCommand),
    /// What may be shipped
    #[command(subcommand)]
    Available(available::AvailableCommand),
    /// The whole way from a new kernel to an available module, by one file
    #[command(subcommand)]
    Pipeline(pipeline::PipelineCommand),
    /// Customers' clusters and hosts, and the kernels that they run
    #[command(subcommand)]
    Cust(cust::CustCommand),
    /// How far the kernels are, which hosts are at risk, how long it takes, and what came
    #[command(subcommand)]
    Report(report::ReportCommand),
    Why(why::WhyArgs),
    /// Check that all that sqern needs is there, and say what to type where it is not
    Doctor(doctor::DoctorArgs),
    /// Change sets: who changed what, when and why
    #[command(subcommand)]
    Generation(generation::GenerationCommand),
    /// The journal's single changes
    #[command(subcommand)]
    Event(event::EventCommand),
    /// Print what makes a shell complete sqern's commands and options
    Completions(generate::CompletionsArgs),
    /// Write the manual pages, a file a command
    #[command(hide = true)]
    Man(generate::ManArgs),
}

impl Command {
    /// Whether it gives a list, which alone has a form as CSV.
    fn gives_list(&self) -> bool {
        match self {
            Self::Check(_)
            | Self::Fetch(_)
            | Self::Doctor(_)
            | Self::Report(_)
            | Self::Event(event::EventCommand::List { .. }) => true,
            Self::Distro(command) => matches!(command, distro::DistroCommand::List(_)),
            Self::Source(command) => !matches!(command, source::SourceCommand::Show { .. }),
            Self::Store(command) => !matches!(command, store::StoreCommand::Prune { .. }),
            Self::Kver(command) => matches!(command, kver::KverCommand::List { .. }),
            Self::Ignore(command) => matches!(command, ignore::IgnoreCommand::List { .. }),
            Self::Cust(command) => !matches!(command, cust::CustCommand::Load(_)),
            Self::Generation(command) => {
                matches!(command, generation::GenerationCommand::List { .. } | generation::GenerationCommand::Diff { .. })
            }
            Self::Build(command) => command.gives_list(),
            Self::Test(command) => command.gives_list(),
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

impl Output {
    /// The format that the flags ask for.
    #[must_use]
    pub fn format(&self) -> Format {
        match (self.json, self.csv) {
            (true, _) => Format::Json,
            (_, true) => Format::Csv,
            _ => Format::Table,
        }
    }
}

/// What a command has at hand.
struct Context<'a> {
    connection: &'a Connection,
    settings: &'a Settings,
    printer: &'a Printer,
}

impl Context<'_> {
    /// Connects, whatever the schema is.
    async fn connect(&self) -> Result<Session, Failure> {
        Ok(self.try_connect().await?)
    }

    /// The same for who tells one error from another.
    async fn try_connect(&self) -> Result<Session, ConnectError> {
        connect(&self.request(), &self.settings.connect_env()).await
    }

    /// The database that the command line names.
    fn request(&self) -> ConnectRequest {
        ConnectRequest { service: self.connection.service.clone(), dsn: self.connection.dsn.clone() }
    }

    /// Connects to a database whose schema this program can work with.
    async fn open(&self) -> Result<Session, Failure> {
        let session = self.connect().await?;
        sqern_db::migrate::require_usable(&session.client).await?;
        Ok(session)
    }
}

/// Runs a command line to its end.
pub async fn run(cli: Cli, settings: &Settings, printer: &Printer) -> Result<Exit, Failure> {
    // Before anything is done: a command that fails must have changed nothing.
    if printer.format() == Format::Csv && !cli.command.gives_list() {
        return Err(Failure::usage("expected --json or neither here, got --csv: only lists have a form as CSV"));
    }
    let context = Context { connection: &cli.connection, settings, printer };
    match cli.command {
        Command::Init(args) => init::run(args, &context).await,
        Command::Local(command) => local::run(command, &context).await,
        Command::Db(command) => db::run(command, &context).await,
        Command::Distro(command) => distro::run(command, &context).await,
        Command::Kver(command) => kver::run(command, &context).await,
        Command::Ignore(command) => ignore::run(command, &context).await,
        Command::Source(command) => source::run(command, &context).await,
        Command::Check(args) => check::run(args, &context).await,
        Command::Fetch(args) => fetch::run(args, &context).await,
        Command::Store(command) => store::run(command, &context).await,
        Command::Build(command) => build::run(command, &context).await,
        Command::Test(command) => test::run(command, &context).await,
        Command::Available(command) => available::run(command, &context).await,
        Command::Pipeline(command) => Box::pin(pipeline::run(command, &context)).await,
        Command::Cust(command) => cust::run(command, &context).await,
        Command::Report(command) => report::run(command, &context).await,
        Command::Why(args) => why::run(args, &context).await,
        Command::Doctor(args) => doctor::run(args, &context).await,
        Command::Generation(command) => generation::run(command, &context).await,
        Command::Event(command) => event::run(command, &context).await,
        Command::Completions(args) => generate::completions(&args, &context),
        Command::Man(args) => generate::man(&args),
    }
}

fn after_help() -> String {
    let variables: Vec<String> = VARIABLES.iter().map(|(name, meaning)| format!("  {name:<17} {meaning}")).collect();
    format!(
        "Examples:
  sqern init
  sqern check --apt-lists
  sqern kver list --distro debian12

Environment:
{}
  PGSERVICE, PGHOST and libpq's other variables name the database.

Exit status: 0 done, 1 can't be met, 2 wrong command line, 70 a bug of ours.",
        variables.join("\n")
    )
}
