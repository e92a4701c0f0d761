//! `sqern pipeline`: check, fetch, build, test and available by one file.

mod file;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser as _, Subcommand, ValueEnum};
use sqern_db::connect::Session;
use sqern_db::follow::{self, Position};

use self::file::{PipelineFile, shown};
use super::interrupt::interrupted;
use super::{Cli, Context};
use crate::failure::{Exit, Failure};

/// The wait between two attempts to connect again.
const RECONNECT: Duration = Duration::from_secs(5);

#[derive(Debug, Subcommand)]
pub(super) enum PipelineCommand {
    /// Go the whole way: check, fetch, build, test, available
    ///
    /// Each step is the command of its name with the words that the file gives it, and works on what the database says, so that a
    /// pipeline that was cut off goes on when it is run again. A step that fails for some kernels does not keep the next from the others.
    /// Exit status: 0 when every step did all that there was to do, 1 otherwise.
    #[command(after_help = "Examples:
  sqern pipeline run nightly.toml
  sqern pipeline run nightly.toml --skip check --skip fetch
  sqern pipeline run nightly.toml --watch --skip check     # goes on when new kernels come
  sqern pipeline run nightly.toml --dry-run                # the commands, which can be typed

A file:
  revision = \"21.0.243.620bc3729\"
  target = \"sp-lab\"
  distros = [\"debian12\", \"alma9\"]
  [fetch]
  limit = 10
  [build]
  command = \"./build-module.sh\"
  jobs = 2
  time-limit = \"20m\"
  [test]
  command = \"./smoke-test.sh\"
  flavor = \"smoke\"")]
    Run {
        /// The file
        file: PathBuf,
        /// Leave a step out; may be given several times
        #[arg(long, value_name = "STEP")]
        skip: Vec<Step>,
        /// When it is done, wait for new kernels, and go on with them
        #[arg(long)]
        watch: bool,
        /// Print the commands, and run none
        #[arg(long)]
        dry_run: bool,
    },
}

/// A step, in the order that they are gone in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Step {
    Check,
    Fetch,
    Build,
    Test,
    Available,
}

pub(super) async fn run(command: PipelineCommand, context: &Context<'_>) -> Result<Exit, Failure> {
    let PipelineCommand::Run { file, skip, watch, dry_run } = command;
    let pipeline = PipelineFile::read(&file)?;
    let steps = |skip: &[Step]| -> Vec<Vec<String>> {
        let steps = Step::value_variants().iter().filter(|step| !skip.contains(step));
        steps.filter_map(|step| pipeline.words(*step)).collect()
    };
    if dry_run {
        let lines: Vec<String> = steps(&skip).iter().map(|words| shown(words)).collect();
        context.printer.data(&lines.join("\n"))?;
        return Ok(Exit::Done);
    }
    if !watch {
        return round(&steps(&skip), context).await;
    }
    let mut skipped = skip.clone();
    let stop = interrupted();
    tokio::pin!(stop);
    loop {
        // Before the round: what comes while it is under way is not missed.
        let mut wake = Wake::new(context).await?;
        round(&steps(&skipped), context).await?;
        // Whoever checks next wakes it; it need not look itself.
        skipped = [&skip[..], &[Step::Check]].concat();
        context.printer.note("waiting for new kernels");
        tokio::select! {
            () = &mut stop => return Ok(Exit::Done),
            woken = wake.wait(context) => woken?,
        }
    }
}

/// All steps, one after the other. What a step can't do of its work is told by it, and leaves the next its part.
async fn round(steps: &[Vec<String>], context: &Context<'_>) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    for words in steps {
        context.printer.note(&format!("$ {}", shown(words)));
        let connection = context.connection;
        let mut all = vec!["sqern".to_owned()];
        all.extend(words.iter().cloned());
        for (name, value) in [("--service", &connection.service), ("--dsn", &connection.dsn)] {
            all.extend(value.iter().flat_map(|value| [name.to_owned(), value.clone()]));
        }
        let cli = Cli::try_parse_from(all).map_err(|error| {
            Failure::unmet(format!("{}: {}", shown(words), error.to_string().lines().next().unwrap_or_default()))
        })?;
        let settings = context.settings.for_command(shown(words));
        let mut step = Box::pin(super::run(cli, &settings, context.printer));
        let (outcome, is_stopped) = tokio::select! {
            outcome = &mut step => (Some(outcome), false),
            () = interrupted() => {
                // Those that run something end it by themselves, and record it.
                let ends_itself = words.first().is_some_and(|first| ["fetch", "build", "test"].contains(&first.as_str()));
                (if ends_itself { Some(step.await) } else { None }, true)
            }
        };
        match outcome {
            Some(Ok(Exit::Done)) => {}
            Some(Ok(_)) | None => exit = Exit::Unmet,
            Some(Err(failure)) => {
                context.printer.failure(&failure);
                exit = Exit::Unmet;
            }
        }
        if is_stopped {
            return Err(Failure::unmet("interrupted").hint("sqern pipeline run FILE  # continues the pipeline"));
        }
    }
    Ok(exit)
}

/// The tables whose changes make work for a pipeline.
const WATCHED: [&str; 4] = ["kver", "kver_seen", "kver_fetched", "kver_ignore"];

/// What wakes a pipeline: a generation behind a position that has kernels in it.
struct Wake {
    session: Session,
    position: Position,
}

impl Wake {
    async fn new(context: &Context<'_>) -> Result<Self, Failure> {
        let session = context.open().await?;
        follow::listen(&session.client).await?;
        let position = follow::here(&session.client).await?.end();
        Ok(Self { session, position })
    }

    /// Waits for it. A connection that breaks is made anew, and what came meanwhile is found by the position.
    async fn wait(&mut self, context: &Context<'_>) -> Result<(), Failure> {
        let tables: Vec<String> = WATCHED.map(str::to_owned).to_vec();
        loop {
            match follow::poll(&self.session.client, &self.position, &tables).await {
                Ok(batch) if !batch.waiting().is_empty() => return Ok(()),
                Ok(batch) => self.position = batch.position(),
                Err(error) if error.is_interruption() => {}
                Err(error) => return Err(error.into()),
            }
            while self.session.next_notification().await.is_none() {
                tokio::time::sleep(RECONNECT).await;
                if let Ok(session) = context.open().await {
                    follow::listen(&session.client).await?;
                    self.session = session;
                    break;
                }
            }
        }
    }
}
