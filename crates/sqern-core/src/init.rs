//! Initialization of a database: private server, schema and distributions.

use std::path::PathBuf;

use pg_connect::{ConnectEnv, ConnectError, ConnectRequest, Origin, Session, resolve};
use pg_local::{LocalServer, State};
use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::distro::NewDistro;
use sqern_db::migrate::{self, Step};
use sqern_db::{change, distro};
use sqern_model::DistroName;
use tokio_util::sync::CancellationToken;

use crate::{ChangeOptions, Database, Error, Progress, private_server};

/// The database to initialize.
#[derive(Debug)]
pub struct InitRequest {
    /// The database. If there is a private server, only the name of the application is used.
    pub database: Database,
    /// The private server, which is created and started if necessary; `None` to use an existing
    /// database.
    pub private_server: Option<LocalServer>,
    /// The distributions to add unless they exist.
    pub distros: Vec<NewDistro>,
}

/// An event of an initialization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InitEvent {
    /// The private server is running, but its service record could not be written.
    ServiceNotRecorded {
        /// The reason.
        reason: String,
    },
}

/// The result of each step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InitOutcome {
    /// The private server; `None` for another database.
    pub server: Option<InitializedServer>,
    /// The version of the schema after the run; `None` if a dry run could not connect.
    pub schema_version: Option<i32>,
    /// The steps of the migration; empty if a dry run could not connect.
    pub migrated: Vec<Step>,
    /// The names of the added distributions; `None` if a dry run cannot determine them before the
    /// migration.
    pub distributions: Option<Vec<DistroName>>,
}

/// The private server after the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InitializedServer {
    /// The directory.
    pub dir: PathBuf,
    /// The step that was required.
    pub state: ServerState,
    /// The name of the service record for psql, if there is one.
    pub service: Option<String>,
}

/// The step that a private server requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServerState {
    /// The server is created and started.
    Created,
    /// The server is started.
    Started,
    /// The server is already running.
    Running,
}

/// Returns whether `database` names no server, or the private server by its connection service.
///
/// # Errors
///
/// Returns an error if the request is invalid.
pub fn uses_private_server(
    database: &Database,
    private_service: Option<&str>,
) -> Result<bool, Error> {
    let Database { request, env } = database;
    let service = request
        .service
        .as_ref()
        .or_else(|| env.vars.get("PGSERVICE"));
    if let Some(service) = service.filter(|_| request.dsn.is_none()) {
        return Ok(private_service == Some(service.as_str()));
    }
    match resolve(request, env) {
        Ok(target) => Ok(matches!(target.origin, Origin::DefaultServer(_))),
        Err(ConnectError::NoServerSpecified { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Starts the private server, migrates the schema, and adds distributions. After an error,
/// completed steps remain, and the next run skips them.
///
/// A dry run starts no server, and connects only to a running one.
///
/// # Errors
///
/// Returns the error of the first step that failed, or [`Error::Interrupted`] if `stop` was
/// canceled.
pub async fn init(
    request: &InitRequest,
    options: &ChangeOptions,
    progress: &impl Progress<InitEvent>,
    stop: &CancellationToken,
) -> Result<InitOutcome, Error> {
    let server = match &request.private_server {
        Some(server) => Some(start(server, options.dry_run, progress, stop).await?),
        None => None,
    };
    tokio::select! {
        outcome = initialize(request, server, options) => outcome,
        () = stop.cancelled() => Err(Error::Interrupted),
    }
}

/// Starts the private server. A dry run only checks whether it can be started.
async fn start(
    server: &LocalServer,
    dry_run: bool,
    progress: &impl Progress<InitEvent>,
    stop: &CancellationToken,
) -> Result<InitializedServer, Error> {
    let dir = server.dir().to_owned();
    if dry_run {
        let status = server.status()?;
        let state = match status.state {
            State::Running => ServerState::Running,
            State::Absent => ServerState::Created,
            State::Starting | State::Stopping | State::Stopped => ServerState::Started,
        };
        if state != ServerState::Running {
            private_server::blocking(server.clone(), LocalServer::check_up).await?;
        }
        return Ok(InitializedServer {
            dir,
            state,
            service: Some(status.service),
        });
    }
    let up = private_server::up(server.clone(), stop).await?;
    if let Some(reason) = up.service_error {
        progress.report(InitEvent::ServiceNotRecorded { reason });
    }
    let state = match (up.created, up.started) {
        (true, _) => ServerState::Created,
        (false, true) => ServerState::Started,
        (false, false) => ServerState::Running,
    };
    Ok(InitializedServer {
        dir,
        state,
        service: up.service,
    })
}

/// Connects, migrates the schema and adds distributions.
async fn initialize(
    request: &InitRequest,
    server: Option<InitializedServer>,
    options: &ChangeOptions,
) -> Result<InitOutcome, Error> {
    let is_running = !options.dry_run
        || server
            .as_ref()
            .is_none_or(|server| server.state == ServerState::Running);
    let mut outcome = InitOutcome {
        server,
        schema_version: None,
        migrated: Vec::new(),
        distributions: None,
    };
    if !is_running {
        return Ok(outcome);
    }
    let mut session = open(request).await?;
    outcome.migrated = migrate::migrate(&mut session.client, None, options.dry_run).await?;
    let status = migrate::status(&session.client).await?;
    outcome.schema_version = Some(status.version);
    // A dry run has no tables to compare with before the migration.
    if status.check_usable().is_ok() {
        let change = change::begin(&mut session.client, &options.comment).await?;
        outcome.distributions = Some(distro::import(&change.transaction, &request.distros).await?);
        change.finish(options.dry_run).await?;
    }
    Ok(outcome)
}

/// Connects to the private server or the database.
async fn open(request: &InitRequest) -> Result<Session, Error> {
    let Some(server) = &request.private_server else {
        return request.database.connect().await;
    };
    // Variables of the environment do not apply to the private server.
    let application_name = request.database.env.application_name.clone();
    let env = ConnectEnv {
        application_name,
        ..ConnectEnv::default()
    };
    let database = Database {
        request: ConnectRequest::dsn(server.dsn()?),
        env,
    };
    database.connect().await
}
