//! `sqern generation archive` and `verify`: archives of the journal.

use std::path::PathBuf;

use clap::Args;
use indicatif::ProgressBar;
use sqern_core::Progress;
use sqern_core::journal_archive::{self, ArchiveEvent, LineHash, VerifyRequest};
use sqern_model::counted;

use super::super::Context;
use super::super::interrupt::interrupted;
use super::super::progress::phase;
use crate::error::{CliError, ExitStatus};
use crate::output::archive::{describe_appended, describe_verified};

/// Append all new generations to an archive, as a new file
///
/// The archive contains each committed generation as a line of JSON with its events, in files that are
/// compressed with zstd. Existing files are never changed. If there is no new generation, no file is
/// written. Each line contains the SHA-256 of the previous line.
///
/// The command prints the SHA-256 of the last line, the head. Store it where an administrator of
/// the database cannot change it. sqern generation verify --head then proves that no earlier line was
/// replaced.
///
/// Exit status: 0 on success, also without new generations, 1 on error, 2 for a usage error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern generation archive /srv/journal
  sqern generation archive /srv/journal --json | jq -r .item.head >> heads
  zstdcat /srv/journal/*.zst | jq -c .generation    # all generations without their events")]
pub(in crate::cli) struct ArchiveArgs {
    /// Directory of the archive; created if it does not exist
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Check the files of an archive, and compare them with the database
///
/// Reports changed, missing, swapped and truncated files. Reports each generation that differs
/// between the archive and the database, or is missing in one of them. Generations that were committed
/// after the archive was written are not reported.
///
/// An archive without its newest files is a valid archive of an earlier day. Only --head detects that
/// files were removed from its end.
///
/// Exit status: 0 if all checks succeed, 1 if a check fails, 2 for a usage error.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sqern generation verify /srv/journal
  sqern generation verify /srv/journal --offline
  sqern generation verify /srv/journal \\
    --head 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
pub(in crate::cli) struct VerifyArgs {
    /// Directory of the archive
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Check only the files; requires no database
    #[arg(long)]
    offline: bool,
    /// SHA-256 of a line that the archive must contain, as printed by sqern generation archive
    /// (repeatable)
    #[arg(long = "head", value_name = "SHA256")]
    heads: Vec<LineHash>,
}

/// Prints the number of generations on a terminal.
struct ArchiveProgress<'a> {
    context: &'a Context<'a>,
    bar: ProgressBar,
}

impl<'a> ArchiveProgress<'a> {
    fn new(context: &'a Context<'_>) -> Self {
        Self {
            context,
            bar: phase(context.printer.shows_progress(), "reading the archive"),
        }
    }
}

impl Progress<ArchiveEvent> for ArchiveProgress<'_> {
    fn report(&self, event: ArchiveEvent) {
        match event {
            ArchiveEvent::Generations(count) => self.bar.set_message(counted(count, "generation")),
            ArchiveEvent::StandbyLags => self.bar.suspend(|| {
                let note = "the standby has not replayed the last generation in the archive yet";
                self.context.printer.note(note);
            }),
        }
    }
}

pub(super) async fn append(
    args: ArchiveArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let (database, progress) = (context.database(), ArchiveProgress::new(context));
    let appended = tokio::select! {
        biased;
        // Drops the unfinished file, which removes it.
        () = interrupted() => return Err(sqern_core::Error::Interrupted.into()),
        outcome = journal_archive::append(&database, &args.directory, &progress) => outcome?,
    };
    drop(progress);
    let printed = context
        .printer
        .value(&appended, || describe_appended(&appended));
    printed.map_err(|error| match &appended.file {
        Some(file) => error.after(format!("{} is written", file.display())),
        None => error,
    })?;
    Ok(ExitStatus::Success)
}

pub(super) async fn verify(
    args: VerifyArgs,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let VerifyArgs {
        directory,
        offline,
        heads,
    } = args;
    let mut session = if offline {
        None
    } else {
        Some(context.open().await?)
    };
    let progress = ArchiveProgress::new(context);
    let client = session.as_mut().map(|session| &mut session.client);
    let request = VerifyRequest { directory, heads };
    let verified = journal_archive::verify(client, request, &progress).await?;
    drop(progress);
    context
        .printer
        .value(&verified, || describe_verified(&verified))?;
    let is_valid = verified.rules.iter().all(|rule| rule.problems.is_empty());
    Ok(if is_valid {
        ExitStatus::Success
    } else {
        ExitStatus::Failed
    })
}
