//! `sqern event`: lists and follows the events of the journal.

mod follow;

use clap::Subcommand;
use serde_json::{Map, Value};
use sqern_db::event::{self, Filter};
use sqern_db::{AsOf, PastState};
use sqern_model::{At, DistroName, KernelName};

use super::Context;
use super::at::{self, AtArgs};
use crate::error::{CliError, ExitStatus};
use crate::output::event::EventLine;
use crate::output::metadata::{self, ListMetadata};
use crate::printer::{DEFAULT_LIMIT, Format, RowArgs};

#[derive(Debug, Subcommand)]
pub(super) enum EventCommand {
    /// List events, newest first
    ///
    /// Prints 20 rows unless --limit is specified.
    #[command(
        after_help = "Examples:\n  sqern event list --table kver_ignore\n  sqern event list --distro debian12 --kernel 6.1.0-25-amd64"
    )]
    List {
        /// Table [default: all]
        #[arg(long, value_name = "NAME")]
        table: Option<String>,
        /// Generation ID [default: all]
        #[arg(long, value_name = "ID")]
        generation: Option<i64>,
        /// Distribution of the changed records [default: all]
        #[arg(long, value_name = "NAME")]
        distro: Option<DistroName>,
        /// Kernel of the changed records, written as [DISTRO/]VERSION [default: all]
        #[arg(long, value_name = "KERNEL")]
        kernel: Option<KernelName>,
        /// List only events after this generation or time
        #[arg(long, value_name = "GENERATION|TIME")]
        since: Option<At>,
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    Follow(follow::FollowArgs),
}

pub(super) async fn run(
    command: EventCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let (table, generation, distro, kernel, since, at, rows) = match command {
        EventCommand::Follow(args) => return follow::run(args, context).await,
        EventCommand::List {
            table,
            generation,
            distro,
            kernel,
            since,
            at,
            rows,
        } => (table, generation, distro, kernel, since, at, rows),
    };
    let mut session = context.open().await?;
    let (snapshot, as_of) = at.begin(&mut session.client).await?;
    let since = at::since(&snapshot, since).await?;
    sqern_db::follow::require_tables(&snapshot, table.as_slice()).await?;
    let distro = kernel
        .as_ref()
        .and_then(|kernel| kernel.distro.clone())
        .or(distro);
    let mut pkey = Map::new();
    pkey.extend(
        distro
            .as_ref()
            .map(|distro| ("distro".to_owned(), Value::from(distro.as_str()))),
    );
    pkey.extend(
        kernel
            .as_ref()
            .map(|kernel| ("version".to_owned(), Value::from(kernel.version.as_str()))),
    );
    let filter = Filter {
        table_name: table,
        generation,
        since: since.map(|past| past.generation),
        pkey: (!pkey.is_empty()).then_some(Value::Object(pkey)),
    };
    let events = event::list(&snapshot, &filter, rows.query_limit(DEFAULT_LIMIT), &as_of).await?;
    if events.is_empty() {
        // Removed distributions also have events.
        sqern_db::distro::require(&snapshot, distro.as_slice(), &AsOf::Now).await?;
        if let Some(kernel) = &kernel {
            sqern_db::kver::find(&snapshot, &kernel.version, distro.as_slice()).await?;
        }
        if let Some(id) = generation {
            PastState::resolve(&snapshot, At::Generation(id)).await?;
        }
    }
    let (rows, frame) = (
        rows.with_default_limit(DEFAULT_LIMIT),
        ListMetadata::from(&as_of),
    );
    if context.printer.format() == Format::Table && rows.columns.is_empty() {
        metadata::list(
            context.printer,
            &events.iter().map(EventLine::from).collect::<Vec<_>>(),
            &rows,
            &frame,
        )?;
    } else {
        metadata::list(context.printer, &events, &rows, &frame)?;
    }
    Ok(ExitStatus::Success)
}
