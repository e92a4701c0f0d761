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
use crate::failure::{Exit, Failure};

/// The interval of polls for generations without a notification.
const WOKEN_POLL: Duration = Duration::from_secs(5);
/// A poll on a standby, where notifications do not arrive.
const STANDBY_POLL: Duration = Duration::from_secs(1);
/// The waits between two attempts to connect again: the first and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// So many events are read at once, in as many generations as have them; a generation that has more is read by itself.
const CHUNK_EVENTS: i64 = 1000;

/// Print each committed generation as a line of JSON
///
/// A line contains a generation, its events, and the position from which a client continues after this line. A restart of the server
/// neither skips nor repeats a line. SIGINT and SIGTERM stop the program after the current line.
///
/// A client that stores each line with its position and continues with --from POSITION receives each generation exactly once. With
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
    /// Print only events of this table (repeatable) [default: all]
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
                .map_err(|error: follow::InvalidPosition| format!("expected start, now or a position: {error}")),
        }
    }
}

/// The reason why following stopped.
enum Break {
    /// It can go on with a new connection.
    Interrupted(Failure),
    /// It can't.
    Failed(Failure),
}

impl std::convert::From<Failure> for Break {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl std::convert::From<DbError> for Break {
    fn from(error: DbError) -> Self {
        if error.is_interruption() { Self::Interrupted(error.into()) } else { Self::Failed(error.into()) }
    }
}

impl std::convert::From<ConnectError> for Break {
    fn from(error: ConnectError) -> Self {
        if error.is_transient() { Self::Interrupted(error.into()) } else { Self::Failed(error.into()) }
    }
}

pub(super) async fn run(args: FollowArgs, context: &Context<'_>) -> Result<Exit, Failure> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    // A line and its position are written without an await between, so that a signal never cuts them.
    tokio::select! {
        biased;
        _ = interrupt.recv() => Ok(Exit::Done),
        _ = terminate.recv() => Ok(Exit::Done),
        outcome = follow_on(args, context) => outcome.map(|()| Exit::Done),
    }
}

/// Follows, and reconnects if the connection is lost.
async fn follow_on(args: FollowArgs, context: &Context<'_>) -> Result<(), Failure> {
    let mut session = context.open().await?;
    follow::require_tables(&session.client, &args.tables).await?;
    let mut follower = Follower::begin(args, &session.client, context).await?;
    loop {
        match follower.follow(&mut session).await {
            Ok(()) => return Ok(()),
            Err(Break::Interrupted(failure)) if !follower.once => {
                context.printer.warning(&format!("connection lost: {}; reconnecting", failure.message()));
                drop(session);
                session = connect_again(context).await?;
                context.printer.note("reconnected");
            }
            Err(Break::Interrupted(failure) | Break::Failed(failure)) => return Err(failure),
        }
    }
}

async fn connect_again(context: &Context<'_>) -> Result<Session, Failure> {
    let (mut wait, longest) = WAITS;
    loop {
        tokio::time::sleep(wait).await;
        match open(context).await {
            Ok(session) => return Ok(session),
            Err(Break::Failed(failure)) => return Err(failure),
            Err(Break::Interrupted(_)) => wait = longest.min(wait * 2),
        }
    }
}

async fn open(context: &Context<'_>) -> Result<Session, Break> {
    let session = context.try_connect().await?;
    sqern_db::migrate::require_usable(&session.client).await?;
    Ok(session)
}

struct Follower<'a> {
    context: &'a Context<'a>,
    tables: Vec<String>,
    once: bool,
    /// Behind what was printed.
    position: Position,
    file: Option<PositionFile>,
    /// Whether the lag of the standby was reported.
    told_of_lag: bool,
}

impl<'a> Follower<'a> {
    async fn begin(args: FollowArgs, client: &Client, context: &'a Context<'a>) -> Result<Self, Failure> {
        let (mut file, kept) = args.position.map(PositionFile::open).transpose()?.unzip();
        let end = follow::journal_end(client).await?;
        let position = match (kept.flatten(), args.from) {
            (Some(position), _) | (None, From::At(position)) => position,
            (None, From::Start) => Position::start(end.cluster),
            (None, From::Now) => {
                context.printer.note(&format!("following from {}", end.position()));
                end.position()
            }
        };
        // Stored before the first line, so that a restart does not start at a later position.
        if let (Some(file), Ok(())) = (&mut file, end.check(&position)) {
            file.keep(&position)?;
        }
        Ok(Self { context, tables: args.tables, once: args.once, position, file, told_of_lag: false })
    }

    /// Follows over one connection. Returns after `--once`, or if the reader is gone.
    async fn follow(&mut self, session: &mut Session) -> Result<(), Break> {
        let woken = follow::listen(&session.client).await?;
        self.check(&session.client).await?;
        loop {
            // One poll finds the generations of all pending notifications.
            while let Some(Some(_)) = session.next_notification().now_or_never() {}
            let read_on = self.poll(&session.client).await?;
            if self.once || !read_on {
                return Ok(());
            }
            let limit = if woken { WOKEN_POLL } else { STANDBY_POLL };
            if let Ok(None) = tokio::time::timeout(limit, session.next_notification()).await {
                return Err(Break::Interrupted(Failure::unmet("closed by the server")));
            }
        }
    }

    /// Makes sure that the position is one of the database that is connected to now.
    async fn check(&mut self, client: &Client) -> Result<(), Break> {
        let end = follow::journal_end(client).await?;
        if let Err(error) = end.check(&self.position) {
            let file = self.file.as_ref().filter(|file| file.holds(&self.position));
            return Err(file.map_or_else(|| DbError::from(error.clone()).into(), |file| file.refused(&error)).into());
        }
        if end.lags_behind(&self.position) && !std::mem::replace(&mut self.told_of_lag, true) {
            self.context.printer.note("the standby has not replayed the position yet");
        }
        Ok(())
    }

    /// Prints new generations. Returns whether the reader is still tend.
    async fn poll(&mut self, client: &Client) -> Result<bool, Break> {
        let mut batch = follow::poll(client, &self.position, &self.tables).await?;
        let found = !batch.waiting().is_empty();
        while !batch.waiting().is_empty() {
            if !self.print_some(client, &mut batch).await? {
                return Ok(false);
            }
        }
        self.position = batch.position();
        if let Some(file) = self.file.as_mut().filter(|_| found) {
            file.keep(&self.position)?;
        }
        Ok(true)
    }

    /// Prints one chunk of a batch.
    async fn print_some(&mut self, client: &Client, batch: &mut Batch) -> Result<bool, Break> {
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
        for waiting in std::iter::from_fn(|| batch.take_next().map(|waiting| (waiting, batch.position()))).take(count) {
            let (waiting, position) = waiting;
            self.position = position;
            let Some(line) = lines.remove(&waiting.generation) else { continue };
            if !self.print(line)? {
                return Ok(false);
            }
            // Lets a signal in.
            tokio::task::yield_now().await;
        }
        Ok(true)
    }

    fn print(&mut self, line: Line) -> Result<bool, Failure> {
        let read_on = self.context.printer.line(line.at(&self.position)?)?;
        if let Some(file) = self.file.as_mut().filter(|_| read_on) {
            file.keep(&self.position)?;
        }
        Ok(read_on)
    }
}
