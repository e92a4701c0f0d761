//! `sqern pipeline`: runs check, fetch, build, test and available from one file.

mod file;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser as _, Subcommand, ValueEnum};
use pg_connect::Session;
use sqern_db::follow::{self, Position};

use self::file::{PipelineFile, shown};
use super::interrupt::interrupted;
use super::{Cli, Context};
use crate::failure::{Exit, Failure};

/// The wait between two attempts to connect again.
const RECONNECT: Duration = Duration::from_secs(5);

#[derive(Debug, Subcommand)]
pub(super) enum PipelineCommand {
    /// Run the steps check, fetch, build, test and available
    ///
    /// Each step runs the command of the same name with the options of the file. The database contains the state, so an interrupted pipeline
    /// continues when it is run again. If a step fails for some kernels, the next step continues with the others.
    ///
    /// Exit status: 0 if all steps succeeded for all kernels, 1 if a step failed, 2 for a usage error.
    #[command(after_help = "Examples:
  sqern pipeline run nightly.toml
  sqern pipeline run nightly.toml --skip check --skip fetch
  sqern pipeline run nightly.toml --watch --skip check     # repeats the steps after each change of kernels
  sqern pipeline run nightly.toml --dry-run                # prints the commands

Example file:
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
        /// Pipeline file
        file: PathBuf,
        /// Step to skip (repeatable)
        #[arg(long, value_name = "STEP")]
        skip: Vec<Step>,
        /// After the last step, wait for changes of kernels or patterns, then repeat all steps except check
        #[arg(long)]
        watch: bool,
        /// Print the commands without running them
        #[arg(long)]
        dry_run: bool,
    },
}

/// A step; the variants are in the order of execution.
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
        // Created before the round, so that changes during the round are not missed.
        let mut wake = Wake::new(context).await?;
        round(&steps(&skipped), context).await?;
        // The next check by any program wakes the pipeline.
        skipped = [&skip[..], &[Step::Check]].concat();
        context.printer.note("waiting for changes of kernels or patterns");
        tokio::select! {
            () = &mut stop => return Ok(Exit::Done),
            woken = wake.wait(context) => woken?,
        }
    }
}

/// Runs all steps. A failed step does not stop the next ones.
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
                // These steps terminate their commands and record the results.
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

/// The tables whose changes wake a watching pipeline.
const WATCHED: [&str; 4] = ["kver", "kver_seen", "kver_fetched", "kver_ignore"];

/// Waits for generations that change kernels.
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

    /// Waits for such a generation. After a reconnect, the position finds the generations in between.
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
