//! `sqern init`: sets up a database in one command.

use clap::Args;
use pg_connect::{ConnectEnv, ConnectError, ConnectRequest, Origin, Session, connect, resolve};
use pg_local::{LocalServer, State, Up};
use serde::Serialize;
use sqern_db::migrate::{self, Step};
use sqern_db::{change, distro};
use sqern_model::{DistroName, counted};

use super::interrupt::interrupted;
use super::sources::SourcesArgs;
use super::{Context, local};
use crate::distributions::importable;
use crate::failure::{Exit, Failure};
use crate::printer::Format;
use crate::private_server::PROGRAM;

/// Set up a database: private server, schema and distributions
///
/// If neither an option nor a variable of libpq specifies a database, creates and starts the private server like sqern local up. Then
/// migrates the schema to the version of this program, and adds missing distributions. If a step fails, completed steps remain; the next
/// run skips them.
///
/// Exit status: 0 if all steps succeeded, 1 if a step failed, 2 for a usage error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern init
  sqern init --dry-run
  sqern init --service sqern-prod        # an existing database; its owner must have CREATEROLE
  sqern check --apt-lists                # next step: find the kernels in the apt lists")]
pub(super) struct InitArgs {
    #[command(flatten)]
    sources: SourcesArgs,
    /// Print the changes without making them
    #[arg(long)]
    dry_run: bool,
}

/// The result of each step.
#[derive(Debug, Serialize)]
struct Initialized {
    /// The private server, unless another database is named.
    server: Option<Server>,
    /// The version of the schema after the run; `None` where a dry run could not connect.
    schema_version: Option<i32>,
    /// The steps of the migration; empty where a dry run could not connect.
    migrated: Vec<Step>,
    /// The distributions that were added, by name; `None` where a dry run cannot know them before the migration.
    distributions: Option<Vec<DistroName>>,
    /// Whether nothing was changed.
    dry_run: bool,
}

/// The private server.
#[derive(Debug, Serialize)]
struct Server {
    dir: std::path::PathBuf,
    /// `created`, `started` or `running`.
    state: &'static str,
    /// The name of its service record for psql.
    service: Option<String>,
}

pub(super) async fn run(args: InitArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let wanted = importable(&args.sources.load(context)?)?;
    let (server, session) = match private_server(context)? {
        Some(server) => private_session(server, args.dry_run, context).await?,
        None => (None, Some(context.connect().await?)),
    };
    // The interrupt handler of the first step remains, so the others need one.
    tokio::select! {
        exit = finish(&args, server, session, &wanted, context) => exit,
        () = interrupted() => Err(Failure::unmet("interrupted").hint("sqern init  # continues")),
    }
}

/// Migrates the schema and adds distributions.
async fn finish(
    args: &InitArgs,
    server: Option<Server>,
    session: Option<Session>,
    wanted: &[distro::NewDistro],
    context: &Context<'_>,
) -> Result<Exit, Failure> {
    let mut done = Initialized { server, schema_version: None, migrated: Vec::new(), distributions: None, dry_run: args.dry_run };
    if let Some(mut session) = session {
        done.migrated = migrate::migrate(&mut session.client, None, args.dry_run).await?;
        let status = migrate::status(&session.client).await?;
        done.schema_version = Some(status.version);
        // A dry run has no tables to compare with before the migration.
        if status.check_usable().is_ok() {
            let change = change::begin(&mut session.client, &context.settings.command_line).await?;
            done.distributions = Some(distro::import(&change.transaction, wanted).await?);
            change.finish(args.dry_run).await?;
        }
    }
    context.printer.one("init/1", &done, || done.describe())?;
    if !args.dry_run && context.printer.format() == Format::Table {
        context.printer.note(&done.next(context));
    }
    Ok(Exit::Done)
}

/// Returns the private server where no other database is named. Its own service record names it too.
fn private_server(context: &Context<'_>) -> Result<Option<LocalServer>, Failure> {
    let environment = context.settings.connect_env();
    let named = context.connection.service.as_ref().or_else(|| environment.vars.get("PGSERVICE"));
    if context.connection.dsn.is_none() && named.is_some() {
        let own = local::default_server(context).ok().filter(|server| named == Some(&server.service()));
        return Ok(own);
    }
    match resolve(&context.request(), &environment) {
        Ok(target) if !matches!(target.origin, Origin::DefaultServer(_)) => Ok(None),
        Ok(_) | Err(ConnectError::NoServerSpecified { .. }) => Ok(Some(local::default_server(context)?)),
        Err(error) => Err(error.into()),
    }
}

/// Starts the server and connects to it. A dry run starts nothing, and connects only where it runs.
async fn private_session(
    server: LocalServer,
    dry_run: bool,
    context: &Context<'_>,
) -> Result<(Option<Server>, Option<Session>), Failure> {
    let dir = server.dir().to_owned();
    if dry_run {
        let status = server.status()?;
        let state = match status.state {
            State::Running => "running",
            State::Absent => "created",
            State::Starting | State::Stopping | State::Stopped => "started",
        };
        if status.state != State::Running {
            local::blocking(server.clone(), LocalServer::check_up).await?;
        }
        let session = if status.state == State::Running { Some(session_of(&server).await?) } else { None };
        return Ok((Some(Server { dir, state, service: Some(status.service) }), session));
    }
    let up: Up = local::up(server.clone(), context).await?;
    let state = match (up.created, up.started) {
        (true, _) => "created",
        (false, true) => "started",
        (false, false) => "running",
    };
    let session = session_of(&server).await?;
    Ok((Some(Server { dir, state, service: up.service }), Some(session)))
}

async fn session_of(server: &LocalServer) -> Result<Session, Failure> {
    // Variables of the environment do not apply to the private server.
    let env = ConnectEnv { application_name: PROGRAM.name.to_owned(), ..ConnectEnv::default() };
    Ok(connect(&ConnectRequest::dsn(server.dsn()?), &env).await?)
}

impl Initialized {
    fn describe(&self) -> String {
        let mut lines = Vec::new();
        if let Some(server) = &self.server {
            let state = match (server.state, self.dry_run) {
                ("running", _) => "already running",
                ("created", true) => "would be created and started",
                ("created", false) => "created and started",
                (_, true) => "would be started",
                (_, false) => "started",
            };
            lines.push(format!("server         {}: {state}", server.dir.display()));
        }
        let migrations = self.migrated.iter().filter(|step| matches!(step, Step::Up { .. })).count();
        let schema = match (self.schema_version, self.dry_run) {
            (None, _) if self.server.as_ref().is_some_and(|server| server.state == "created") => "would be created".to_owned(),
            (None, _) => "unknown until the server runs".to_owned(),
            _ if self.migrated.is_empty() => "up to date".to_owned(),
            (_, true) if migrations == 0 => "functions and views would be updated".to_owned(),
            (_, false) if migrations == 0 => "functions and views updated".to_owned(),
            (_, true) => format!("{} would be applied", counted(migrations, "migration")),
            (_, false) => format!("{} applied", counted(migrations, "migration")),
        };
        lines.push(format!("schema         version {}: {schema}", migrate::latest_version()));
        let distributions = match self.distributions.as_ref().map(Vec::len) {
            None => "unknown until the schema is up to date".to_owned(),
            Some(0) => "up to date".to_owned(),
            Some(count) if self.dry_run => format!("{count} would be added"),
            Some(count) => format!("{count} added"),
        };
        lines.push(format!("distributions  {distributions}"));
        lines.join("\n")
    }

    /// The commands that follow, as a note.
    fn next(&self, context: &Context<'_>) -> String {
        let mut lines = vec!["\nNext:".to_owned()];
        if let Some(program) = context.settings.program_outside_path() {
            lines.push(format!("  alias sqern={}", program.display()));
        }
        let mut add = |command: &str, meaning: &str| lines.push(format!("  {command:<38} {meaning}"));
        let check = if context.settings.has_apt_lists() { "sqern check --apt-lists" } else { "sqern check" };
        add(check, "find the kernels in package repositories");
        add("sqern why \"$(uname -r)\"", "show the stage of the running kernel");
        if let Some(service) = self.server.as_ref().and_then(|server| server.service.as_ref()) {
            add(&format!("psql service={service}"), "query the tables");
        }
        add("sqern completions --help", "complete commands in your shell");
        lines.join("\n")
    }
}
