//! `sqern event`: lists and follows the events of the journal.

mod follow;

use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use sqern_db::AsOf;
use sqern_db::event::{self, Event, Filter};
use sqern_model::{At, DistroName, KernelName};

use super::Context;
use super::at::{self, AtArgs, ListMetadata};
use crate::error::{CliError, ExitStatus};
use crate::printer::{Column, DEFAULT_LIMIT, Format, Record, RowArgs};

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
        #[command(flatten)]
        at: AtArgs,
        #[command(flatten)]
        rows: RowArgs,
    },
    Follow(follow::FollowArgs),
}

/// An event on one line of a table.
#[derive(Debug, Serialize)]
struct EventLine {
    id: i64,
    generation: i64,
    tstamp: Timestamp,
    change: String,
}

impl Record for EventLine {
    const SCHEMA: &'static str = Event::SCHEMA;
    const COLUMNS: &'static [Column] = &[
        Column::number("id"),
        Column::number("generation"),
        Column::time("tstamp").headed("started"),
        Column::text("change"),
    ];
}

impl From<&Event> for EventLine {
    fn from(event: &Event) -> Self {
        Self {
            id: event.id,
            generation: event.generation,
            tstamp: event.tstamp,
            change: describe_event(event),
        }
    }
}

impl Record for Event {
    const SCHEMA: &'static str = "event.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::number("id"),
        Column::number("generation"),
        Column::time("tstamp").headed("started"),
        Column::name("table_name"),
        Column::name("action"),
        Column::text("pkey"),
        Column::text("fields"),
        Column::text("old"),
    ];
}

pub(super) async fn run(
    command: EventCommand,
    context: &Context<'_>,
) -> Result<ExitStatus, CliError> {
    let (table, generation, distro, kernel, at, rows) = match command {
        EventCommand::Follow(args) => return follow::run(args, context).await,
        EventCommand::List {
            table,
            generation,
            distro,
            kernel,
            at,
            rows,
        } => (table, generation, distro, kernel, at, rows),
    };
    let session = context.open().await?;
    let as_of = at.resolve(&session.client).await?;
    sqern_db::follow::require_tables(&session.client, table.as_slice()).await?;
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
        pkey: (!pkey.is_empty()).then_some(Value::Object(pkey)),
    };
    let events = event::list(
        &session.client,
        &filter,
        rows.query_limit(DEFAULT_LIMIT),
        &as_of,
    )
    .await?;
    if events.is_empty() {
        // Removed distributions also have events.
        sqern_db::distro::require(&session.client, distro.as_slice(), &AsOf::Now).await?;
        if let Some(kernel) = &kernel {
            sqern_db::kver::find(&session.client, &kernel.version, distro.as_slice()).await?;
        }
        if let Some(id) = generation {
            AsOf::resolve(&session.client, At::Generation(id)).await?;
        }
    }
    let (rows, frame) = (
        rows.with_default_limit(DEFAULT_LIMIT),
        ListMetadata::from(&as_of),
    );
    if context.printer.format() == Format::Table && rows.columns.is_empty() {
        at::list(
            context,
            &events.iter().map(EventLine::from).collect::<Vec<_>>(),
            &rows,
            &frame,
        )?;
    } else {
        at::list(context, &events, &rows, &frame)?;
    }
    Ok(ExitStatus::Success)
}

/// Returns an event as one line: its action and key, and for an update the old and new values.
pub(super) fn describe_event(event: &Event) -> String {
    let mut line = format!(
        "{} {} {}",
        event.action,
        event.table_name,
        key_text(&event.pkey)
    );
    let (Value::Object(fields), Some(Value::Object(old))) = (&event.fields, &event.old) else {
        return line;
    };
    for (name, new) in fields {
        line.push_str(&format!(
            "  {name}: {} → {}",
            old.get(name).map(text_of).unwrap_or_default(),
            text_of(new)
        ));
    }
    line
}

pub(super) fn key_text(object: &Value) -> String {
    object
        .as_object()
        .map(|object| object.values().map(text_of).collect::<Vec<_>>().join(" "))
        .unwrap_or_default()
}

pub(super) fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
