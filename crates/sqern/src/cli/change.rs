//! Options and output that all commands that change data share.

use clap::Args;
use sqern_core::ChangeOptions;

use super::Context;

/// Options of commands that change data.
#[derive(Debug, Default, Args)]
pub(super) struct ChangeArgs {
    /// Comment of the generation [default: the command line]
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Print the changes without making them
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl ChangeArgs {
    /// Returns the comment of the generation, by default the command line.
    pub(super) fn comment(&self, context: &Context<'_>) -> String {
        self.comment
            .clone()
            .unwrap_or_else(|| context.settings.default_comment())
    }

    /// Returns the options of the use case.
    pub(super) fn options(&self, context: &Context<'_>) -> ChangeOptions {
        ChangeOptions {
            comment: self.comment(context),
            dry_run: self.dry_run,
        }
    }
}
