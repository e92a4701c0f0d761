//! Follows the journal: delivers each committed generation as a line of JSON.

pub(crate) mod line;
mod position_file;
mod wait;
mod watch;

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use pg_connect::Session;
use sqern_db::DbError;
use sqern_db::follow::{self as db, Batch};
use tokio_postgres::Client;

pub use line::SCHEMA;
pub use sqern_db::follow::{InvalidPosition, Position};

use self::line::Line;
use self::position_file::PositionFile;
use self::wait::{Polled, Wait};
pub use self::watch::JournalWatch;
use crate::{Database, Error, Progress};

/// The first and the maximum delay between attempts to reconnect.
const RECONNECT_DELAYS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// The maximum number of events that one query reads. A generation with more events is read
/// separately.
const CHUNK_EVENTS: i64 = 1000;

/// A follower of the journal.
#[derive(Debug, Clone)]
pub struct FollowRequest {
    /// The first position.
    pub from: FollowFrom,
    /// The file that stores the position; if it exists, `from` is ignored.
    pub position_file: Option<PathBuf>,
    /// Whether to stop after the last existing generation.
    pub once: bool,
    /// The tables whose events are delivered; all if empty.
    pub tables: Vec<String>,
}

/// The position after which generations are delivered.
#[derive(Debug, Clone)]
pub enum FollowFrom {
    /// The start of the journal.
    Start,
    /// The present end of the journal.
    Now,
    /// A position of an earlier line.
    At(Position),
}

/// An event of a follower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowEvent {
    /// Generations after this position are delivered, the present end of the journal.
    Begun(Position),
    /// The standby has not replayed the position yet.
    StandbyLags,
    /// The connection was lost for this reason, and a new one is established.
    ConnectionLost(String),
    /// A new connection is established.
    Reconnected,
}

/// The reason why following stopped.
enum StopReason<E> {
    /// The connection failed for this reason, and a new one can continue.
    Interrupted(Error),
    /// A new connection cannot continue.
    Failed(E),
}

impl<E: From<Error>> From<Error> for StopReason<E> {
    fn from(error: Error) -> Self {
        if error.is_interruption() {
            Self::Interrupted(error)
        } else {
            Self::Failed(error.into())
        }
    }
}

impl<E: From<Error>> From<DbError> for StopReason<E> {
    fn from(error: DbError) -> Self {
        Error::from(error).into()
    }
}

/// Delivers generations in the order of their commits, each with its events as a line of JSON
/// without the newline. `print` returns whether more lines are wanted.
///
/// A new connection continues after the last delivered line if the connection is lost. The line and
/// the position file are written without an await point between them, so that dropping the future
/// cannot separate them.
///
/// # Errors
///
/// Returns an error of `print`, of the position file, or of the database. With
/// [`once`](FollowRequest::once), a lost connection is an error.
pub async fn follow<E: From<Error>>(
    database: &Database,
    request: FollowRequest,
    progress: &impl Progress<FollowEvent>,
    mut print: impl FnMut(&mut dyn Read) -> Result<bool, E>,
) -> Result<(), E> {
    let print = |line: &mut Line, position: &Position| {
        let mut text = line
            .at(position)
            .map_err(Error::io("could not read a temporary file"))?;
        print(&mut text)
    };
    follow_lines(database, request, progress, print).await
}

/// Delivers generations like [`follow`], but not as text. `print` receives each generation and the
/// position after it.
pub(crate) async fn follow_lines<E: From<Error>>(
    database: &Database,
    request: FollowRequest,
    progress: &impl Progress<FollowEvent>,
    print: impl FnMut(&mut Line, &Position) -> Result<bool, E>,
) -> Result<(), E> {
    let mut session = database.open().await?;
    db::require_tables(&session.client, &request.tables)
        .await
        .map_err(Error::from)?;
    let mut follower = Follower::begin(request, &session.client, progress, print).await?;
    loop {
        match follower.follow(&mut session).await {
            Ok(()) => return Ok(()),
            Err(StopReason::Interrupted(error)) if !follower.once => {
                progress.report(FollowEvent::ConnectionLost(error.to_string()));
                drop(session);
                session = reconnect(database).await?;
                progress.report(FollowEvent::Reconnected);
            }
            Err(StopReason::Interrupted(error)) => return Err(error.into()),
            Err(StopReason::Failed(error)) => return Err(error),
        }
    }
}

async fn reconnect(database: &Database) -> Result<Session, Error> {
    let (mut delay, max_delay) = RECONNECT_DELAYS;
    loop {
        tokio::time::sleep(delay).await;
        match database.open().await.map_err(StopReason::from) {
            Ok(session) => return Ok(session),
            Err(StopReason::Failed(error)) => return Err(error),
            Err(StopReason::Interrupted(_)) => delay = max_delay.min(delay * 2),
        }
    }
}

struct Follower<'a, P, F> {
    progress: &'a P,
    print: F,
    tables: Vec<String>,
    once: bool,
    /// The position after the last delivered generation.
    position: Position,
    file: Option<PositionFile>,
    /// Whether the lag of the standby was reported.
    has_reported_lag: bool,
}

impl<'a, E, P, F> Follower<'a, P, F>
where
    E: From<Error>,
    P: Progress<FollowEvent>,
    F: FnMut(&mut Line, &Position) -> Result<bool, E>,
{
    async fn begin(
        request: FollowRequest,
        client: &Client,
        progress: &'a P,
        print: F,
    ) -> Result<Self, Error> {
        let file = request.position_file.map(PositionFile::open).transpose()?;
        let (mut file, stored) = file.unzip();
        let end = db::journal_end(client, None).await?;
        let position = match (stored.flatten(), request.from) {
            (Some(position), _) | (None, FollowFrom::At(position)) => position,
            (None, FollowFrom::Start) => Position::start(end.cluster),
            (None, FollowFrom::Now) => {
                progress.report(FollowEvent::Begun(end.position()));
                end.position()
            }
        };
        // Stored before the first line, so that a restart does not start at a later position.
        let end = db::journal_end(client, Some(&position)).await?;
        if let (Some(file), Ok(())) = (&mut file, end.check(&position)) {
            file.write(&position)?;
        }
        Ok(Self {
            progress,
            print,
            tables: request.tables,
            once: request.once,
            position,
            file,
            has_reported_lag: false,
        })
    }

    /// Follows over one connection. Returns after the last generation with `once`, or if no more
    /// lines are wanted.
    async fn follow(&mut self, session: &mut Session) -> Result<(), StopReason<E>> {
        let mut wait = Wait::new(session).await?;
        self.check(&session.client).await?;
        loop {
            let polled = self.poll(&session.client).await?;
            let Some(polled) = polled.filter(|_| !self.once) else {
                return Ok(());
            };
            if !wait.next(session, polled).await? {
                return Err(StopReason::Interrupted(closed()));
            }
        }
    }

    /// Returns an error if the position is not valid for the connected database.
    async fn check(&mut self, client: &Client) -> Result<(), StopReason<E>> {
        let end = db::journal_end(client, Some(&self.position)).await?;
        if let Err(error) = end.check(&self.position) {
            let file = self
                .file
                .as_ref()
                .filter(|file| file.contains(&self.position));
            return Err(match file {
                Some(file) => file.rejected(error).into(),
                None => DbError::from(error).into(),
            });
        }
        if end.lags_behind(&self.position) && !std::mem::replace(&mut self.has_reported_lag, true) {
            self.progress.report(FollowEvent::StandbyLags);
        }
        Ok(())
    }

    /// Delivers new generations. Returns `None` if no more lines are wanted.
    async fn poll(&mut self, client: &Client) -> Result<Option<Polled>, StopReason<E>> {
        let mut batch = db::poll(client, &self.position, &self.tables).await?;
        let polled = Polled::of(&batch);
        while !batch.waiting().is_empty() {
            if !self.deliver_some(client, &mut batch).await? {
                return Ok(None);
            }
        }
        self.position = batch.position();
        if let Some(file) = self.file.as_mut().filter(|_| polled == Polled::New) {
            file.write(&self.position)?;
        }
        Ok(Some(polled))
    }

    /// Delivers one chunk of a batch.
    async fn deliver_some(
        &mut self,
        client: &Client,
        batch: &mut Batch,
    ) -> Result<bool, StopReason<E>> {
        let (mut count, mut events, mut wanted) = (0, 0, vec![]);
        for waiting in batch.waiting() {
            events += waiting.events.max(1);
            if count > 0 && events > CHUNK_EVENTS {
                break;
            }
            count += 1;
            if waiting.events > 0 || self.tables.is_empty() {
                wanted.push(waiting.generation);
            }
        }
        let mut lines = line::read(client, &wanted, &self.tables).await?;
        for waiting in
            std::iter::from_fn(|| batch.take_next().map(|waiting| (waiting, batch.position())))
                .take(count)
        {
            let (waiting, position) = waiting;
            self.position = position;
            let Some(line) = lines.remove(&waiting.generation) else {
                continue;
            };
            if !self.deliver(line)? {
                return Ok(false);
            }
            // A signal can stop the program here.
            tokio::task::yield_now().await;
        }
        Ok(true)
    }

    fn deliver(&mut self, mut line: Line) -> Result<bool, StopReason<E>> {
        let is_wanted = (self.print)(&mut line, &self.position).map_err(StopReason::Failed)?;
        if let Some(file) = self.file.as_mut().filter(|_| is_wanted) {
            file.write(&self.position)?;
        }
        Ok(is_wanted)
    }
}

/// Returns the error of a connection that the server closed.
fn closed() -> Error {
    Error::io("could not wait for changes")(std::io::Error::other(
        "the server closed the connection",
    ))
}
