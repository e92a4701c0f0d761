//! `sqern keyring`: lists keyrings of sources, and imports keys.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sqern_core::keyring::{self, ImportOptions, ImportedKeyring, parse_fingerprint};
use sqern_model::{DistroName, counted};
use sqern_upstream::CrawlOptions;
use url::Url;

use super::Context;
use super::sources::SourcesArgs;
use crate::error::{CliError, ExitStatus};
use crate::printer::RowArgs;

#[derive(Debug, Subcommand)]
pub(super) enum KeyringCommand {
    /// List the keyrings of sources
    ///
    /// The state is present, missing, expired or unusable. A missing keyring is the file that
    /// sqern keyring import creates, with the keys that it accepts.
    #[command(
        after_help = "Examples:\n  sqern keyring list\n  sqern keyring list --distro rocky9 --json"
    )]
    List {
        /// Distribution (repeatable) [default: all]
        #[arg(long = "distro", value_name = "NAME")]
        distros: Vec<DistroName>,
        #[command(flatten)]
        sources: SourcesArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    /// Import keys from keyrings or packages
    ///
    /// A key is imported into the keyrings of the sources that name its fingerprint. Other keys are
    /// skipped. Existing copies of a key are merged.
    #[command(
        after_help = "Examples:\n  sqern keyring import RPM-GPG-KEY-Rocky-9\n  sqern keyring import ubuntu-keyring_2023.11.28.1_all.deb --dry-run\n  sqern keyring import vendor.asc --distro harbour1 \\\n    --fingerprint 0123456789ABCDEF0123456789ABCDEF01234567"
    )]
    Import {
        /// Keyring (binary or armored), or package that contains keyrings (.deb, .rpm)
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Fingerprint of a key for sources that name no keys (repeatable)
        #[arg(
            long = "fingerprint",
            value_name = "FINGERPRINT",
            requires = "distros",
            value_parser = parse_fingerprint
        )]
        fingerprints: Vec<String>,
        #[command(flatten)]
        target: TargetArgs,
    },
    /// Download the keys that the sources name, and import them
    ///
    /// Exit status: 0 if all files were downloaded, 1 if one failed, 2 for a usage error.
    #[command(
        after_help = "Examples:\n  sqern keyring fetch --distro rocky9\n  sqern keyring fetch --distro alma8 --distro alma9 --dry-run"
    )]
    Fetch {
        /// Mirror of all repositories: request URL/HOST/PATH instead of https://HOST/PATH
        #[arg(long, value_name = "URL")]
        mirror_base: Option<Url>,
        #[command(flatten)]
        target: TargetArgs,
    },
}

/// The keyrings that are written.
#[derive(Debug, Args)]
pub(super) struct TargetArgs {
    /// Distribution (repeatable) [default: all]
    #[arg(long = "distro", value_name = "NAME")]
    distros: Vec<DistroName>,
    /// Print the changes without making them
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    sources: SourcesArgs,
}

impl TargetArgs {
    fn options(&self, fingerprints: Vec<String>, context: &Context<'_>) -> ImportOptions {
        ImportOptions {
            distros: self.distros.clone(),
            fingerprints,
            dry_run: self.dry_run,
            now: context.settings.now(),
        }
    }
}

pub(super) async fn run(
    command: KeyringCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let printer = context.printer;
    match command {
        KeyringCommand::List {
            distros,
            sources,
            rows,
        } => {
            let set = sources.load(context)?;
            printer.list(
                &keyring::list(&set, &distros, context.settings.now())?,
                &rows,
            )?;
            Ok(ExitStatus::Success)
        }
        KeyringCommand::Import {
            files,
            fingerprints,
            target,
        } => {
            let set = target.sources.load(context)?;
            let imported = keyring::import(&set, &files, &target.options(fingerprints, context))?;
            print(&imported.keyrings, target.dry_run, context)?;
            for reason in &imported.unusable {
                printer.warning(&format!("not imported: {reason}"));
            }
            if !imported.skipped.is_empty() {
                printer.note(&format!(
                    "skipped {} that no selected source accepts",
                    counted(imported.skipped.len(), "key")
                ));
            }
            Ok(ExitStatus::Success)
        }
        KeyringCommand::Fetch {
            mirror_base,
            target,
        } => {
            let set = target.sources.load(context)?;
            let crawl = CrawlOptions {
                mirror_base,
                ..CrawlOptions::new(context.settings.now())
            };
            let fetched =
                keyring::fetch(&set, &target.options(Vec::new(), context), &crawl).await?;
            print(&fetched.keyrings, target.dry_run, context)?;
            let is_complete = fetched.errors.is_empty();
            for error in fetched.errors {
                printer.problem(&error.into());
            }
            Ok(if is_complete {
                ExitStatus::Success
            } else {
                ExitStatus::Failed
            })
        }
    }
}

fn print(
    keyrings: &[ImportedKeyring],
    dry_run: bool,
    context: &Context<'_>,
) -> Result<(), CliError> {
    context.printer.list(keyrings, &RowArgs::default())?;
    if dry_run {
        context.printer.note("nothing was changed");
    }
    Ok(())
}
