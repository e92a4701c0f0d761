//! `sqern event follow`: prints generations as they commit.

use std::path::PathBuf;

use clap::Args;
use sqern_core::Progress;
use sqern_core::follow::{FollowEvent, FollowFrom, FollowRequest, follow};
use tokio::signal::unix::{SignalKind, signal};

use super::super::Context;
use crate::error::{CliError, ExitStatus};
use crate::printer::Printer;

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
    #[arg(long, value_name = "POSITION|start|now", default_value = "now", value_parser = parse_from)]
    from: FollowFrom,
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

fn parse_from(text: &str) -> Result<FollowFrom, String> {
    match text {
        "start" => Ok(FollowFrom::Start),
        "now" => Ok(FollowFrom::Now),
        _ => text.parse().map(FollowFrom::At).map_err(|_| {
            format!("expected start, now or a position from the output, found {text:?}")
        }),
    }
}

/// Prints the events of a follower.
struct FollowProgress<'a>(&'a Printer);

impl Progress<FollowEvent> for FollowProgress<'_> {
    fn report(&self, event: FollowEvent) {
        let printer = self.0;
        match event {
            FollowEvent::Begun(position) => printer.note(&format!("following from {position}")),
            FollowEvent::StandbyLags => {
                printer.note("the standby has not replayed the position yet");
            }
            FollowEvent::ConnectionLost(reason) => {
                printer.warning(&format!("connection lost: {reason}; reconnecting"));
            }
            FollowEvent::Reconnected => printer.note("reconnected"),
        }
    }
}

pub(super) async fn run(args: FollowArgs, context: &Context<'_>) -> Result<ExitStatus, CliError> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let FollowArgs {
        from,
        position,
        once,
        tables,
    } = args;
    let request = FollowRequest {
        from,
        position_file: position,
        once,
        tables,
    };
    let (database, progress) = (context.database(), FollowProgress(context.printer));
    let print = |line: &mut dyn std::io::Read| context.printer.json_line(line);
    tokio::select! {
        biased;
        _ = interrupt.recv() => Ok(ExitStatus::Success),
        _ = terminate.recv() => Ok(ExitStatus::Success),
        outcome = follow(&database, request, &progress, print) => outcome.map(|()| ExitStatus::Success),
    }
}
