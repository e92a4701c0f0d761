//! `sqern event follow`: prints generations as they commit.

mod line;
mod position_file;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use futures_util::FutureExt;
use pg_connect::{ConnectError, Session};
use sqern_db::DbError;
use sqern_db::follow::{self, Batch, Position};
use tokio::signal::unix::{SignalKind, signal};
use tokio_postgres::Client;

use self::line::Line;
use self::position_file::PositionFile;
use super::super::Context;
use crate::error::{CliError, ExitStatus};

/// The interval of polls for generations without a notification.
const NOTIFIED_POLL: Duration = Duration::from_secs(5);
/// The interval of polls on a standby, which sends no notifications.
const STANDBY_POLL: Duration = Duration::from_secs(1);
/// The first and the maximum delay between attempts to reconnect.
const RECONNECT_DELAYS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// The maximum number of events that one query reads. A generation with more events is read
/// separately.
const CHUNK_EVENTS: i64 = 1000;

/// Print each committed generation as a line of JSON
///
/// A line contains a generation, its events, and the position from which a client continues after
/// this line. A restart of the server neither skips nor repeats a line. SIGINT and SIGTERM stop the
/// program after the current line.
///
/// A client that stores each line with its position and continues with --from POSITION receives
/// each generation exactly once. With
/// --position FILE, a line can be printed again if the program is killed before it updates the file.
///
/// On a standby, the oldest open transaction delays all lines.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern event follow                                   # only later generations
  sqern event follow --from start --once | jq -c .generation
  sqern event follow --table kver --table kver_seen    # only events of these tables
  sqern event follow --position ./position --from start   # continue where it stopped")]
pub(in crate::cli) struct FollowArgs {
    /// First position: POSITION, the start of the journal, or the present
    #[arg(long, value_name = "POSITION|start|now", default_value = "now")]
    from: From,
    /// File with the position: if it exists, --from is ignored. It is updated after each line
    #[arg(long, value_name = "FILE")]
    position: Option<PathBuf>,
    /// Exit after the last existing generation
    #[arg(long)]
    once: bool,
    /// Print only events of this table, and omit generations without such events (repeatable)
    /// [default: all]
    #[arg(long = "table", value_name = "NAME")]
    tables: Vec<String>,
}

#[derive(Debug, Clone)]
pub(in crate::cli) enum From {
    Start,
    Now,
    At(Position),
}

impl FromStr for From {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "start" => Ok(Self::Start),
            "now" => Ok(Self::Now),
            _ => text
                .parse()
                .map(Self::At)
                .map_err(|error: follow::InvalidPosition| {
                    format!("expected start, now or a position: {error}")
                }),
        }
    }
}

/// The reason why following stopped.
enum StopReason {
    /// The connection failed, and a new one can continue.
    Interrupted(CliError),
    /// A new connection cannot continue.
    Failed(CliError),
}

impl std::convert::From<CliError> for StopReason {
    fn from(failure: CliError) -> Self {
        Self::Failed(failure)
    }
}

impl std::convert::From<DbError> for StopReason {
    fn from(error: DbError) -> Self {
        if error.is_interruption() {
            Self::Interrupted(error.into())
        } else {
            Self::Failed(error.into())
        }
    }
}

impl std::convert::From<ConnectError> for StopReason {
    fn from(error: ConnectError) -> Self {
        if error.is_transient() {
            Self::Interrupted(error.into())
        } else {
            Self::Failed(error.into())
        }
    }
}

pub(super) async fn run(args: FollowArgs, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    // A line and its position are written without an await point between them, so that a signal
    // cannot separate them.
    tokio::select! {
        biased;
        _ = interrupt.recv() => Ok(ExitStatus::Success),
        _ = terminate.recv() => Ok(ExitStatus::Success),
        outcome = follow_with_reconnect(args, context) => outcome.map(|()| ExitStatus::Success),
    }
}

/// Follows, and reconnects if the connection is lost.
async fn follow_with_reconnect(args: FollowArgs, context: &Context<'_>) -> Result<(), CliError> {
    let mut session = context.open().await?;
    follow::require_tables(&session.client, &args.tables).await?;
    let mut follower = Follower::begin(args, &session.client, context).await?;
    loop {
        match follower.follow(&mut session).await {
            Ok(()) => return Ok(()),
            Err(StopReason::Interrupted(failure)) if !follower.once => {
                context.printer.warning(&format!(
                    "connection lost: {}; reconnecting",
                    failure.message()
                ));
                drop(session);
                session = reconnect(context).await?;
                context.printer.note("reconnected");
            }
            Err(StopReason::Interrupted(failure) | StopReason::Failed(failure)) => {
                return Err(failure);
            }
        }
    }
}

async fn reconnect(context: &Context<'_>) -> Result<Session, CliError> {
    let (mut delay, max_delay) = RECONNECT_DELAYS;
    loop {
        tokio::time::sleep(delay).await;
        match open(context).await {
            Ok(session) => return Ok(session),
            Err(StopReason::Failed(failure)) => return Err(failure),
            Err(StopReason::Interrupted(_)) => delay = max_delay.min(delay * 2),
        }
    }
}

async fn open(context: &Context<'_>) -> Result<Session, StopReason> {
    let session = context.try_connect().await?;
    sqern_db::migrate::require_usable(&session.client).await?;
    Ok(session)
}

struct Follower<'a> {
    context: &'a Context<'a>,
    tables: Vec<String>,
    once: bool,
    /// The position after the last printed generation.
    position: Position,
    file: Option<PositionFile>,
    /// Whether the lag of the standby was reported.
    has_reported_lag: bool,
}

impl<'a> Follower<'a> {
    async fn begin(
        args: FollowArgs,
        client: &Client,
        context: &'a Context<'a>,
    ) -> Result<Self, CliError> {
        let (mut file, stored) = args.position.map(PositionFile::open).transpose()?.unzip();
        let end = follow::journal_end(client).await?;
        let position = match (stored.flatten(), args.from) {
            (Some(position), _) | (None, From::At(position)) => position,
            (None, From::Start) => Position::start(end.cluster),
            (None, From::Now) => {
                context
                    .printer
                    .note(&format!("following from {}", end.position()));
                end.position()
            }
        };
        // Stored before the first line, so that a restart does not start at a later position.
        if let (Some(file), Ok(())) = (&mut file, end.check(&position)) {
            file.write(&position)?;
        }
        Ok(Self {
            context,
            tables: args.tables,
            once: args.once,
            position,
            file,
            has_reported_lag: false,
        })
    }

    /// Follows over one connection. Returns after the last generation with `--once`, or if standard
    /// output is closed.
    async fn follow(&mut self, session: &mut Session) -> Result<(), StopReason> {
        let is_notified = follow::listen(&session.client).await?;
        self.check(&session.client).await?;
        loop {
            // One poll finds the generations of all pending notifications.
            while let Some(Some(_)) = session.next_notification().now_or_never() {}
            let is_open = self.poll(&session.client).await?;
            if self.once || !is_open {
                return Ok(());
            }
            let limit = if is_notified {
                NOTIFIED_POLL
            } else {
                STANDBY_POLL
            };
            if let Ok(None) = tokio::time::timeout(limit, session.next_notification()).await {
                return Err(StopReason::Interrupted(CliError::failed(
                    "closed by the server",
                )));
            }
        }
    }

    /// Returns an error if the position is not valid for the connected database.
    async fn check(&mut self, client: &Client) -> Result<(), StopReason> {
        let end = follow::journal_end(client).await?;
        if let Err(error) = end.check(&self.position) {
            let file = self
                .file
                .as_ref()
                .filter(|file| file.contains(&self.position));
            return Err(file
                .map_or_else(
                    || DbError::from(error.clone()).into(),
                    |file| file.rejected(&error),
                )
                .into());
        }
        if end.lags_behind(&self.position) && !std::mem::replace(&mut self.has_reported_lag, true) {
            self.context
                .printer
                .note("the standby has not replayed the position yet");
        }
        Ok(())
    }

    /// Prints new generations. Returns whether standard output is still open.
    async fn poll(&mut self, client: &Client) -> Result<bool, StopReason> {
        let mut batch = follow::poll(client, &self.position, &self.tables).await?;
        let found = !batch.waiting().is_empty();
        while !batch.waiting().is_empty() {
            if !self.print_some(client, &mut batch).await? {
                return Ok(false);
            }
        }
        self.position = batch.position();
        if let Some(file) = self.file.as_mut().filter(|_| found) {
            file.write(&self.position)?;
        }
        Ok(true)
    }

    /// Prints one chunk of a batch.
    async fn print_some(&mut self, client: &Client, batch: &mut Batch) -> Result<bool, StopReason> {
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
            if !self.print(line)? {
                return Ok(false);
            }
            // A signal can stop the program here.
            tokio::task::yield_now().await;
        }
        Ok(true)
    }

    fn print(&mut self, line: Line) -> Result<bool, CliError> {
        let is_open = self.context.printer.line(line.at(&self.position)?)?;
        if let Some(file) = self.file.as_mut().filter(|_| is_open) {
            file.write(&self.position)?;
        }
        Ok(is_open)
    }
}
