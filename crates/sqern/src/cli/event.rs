//! `sqern event`: lists and follows the events of the journal.

mod follow;

use clap::Subcommand;
use serde_json::{Map, Value};
use sqern_db::AsOf;
use sqern_db::event::{self, Event, Filter};
use sqern_model::{At, DistroName, KernelVersion};

use super::Context;
use super::at::{self, AtArgs, Frame};
use crate::failure::{Exit, Failure};
use crate::printer::{Record, time};

#[derive(Debug, Subcommand)]
pub(super) enum EventCommand {
    /// List events, newest first
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
        /// Kernel version of the changed records [default: all]
        #[arg(long, value_name = "VERSION")]
        kernel: Option<KernelVersion>,
        /// Maximum number of rows
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        at: AtArgs,
    },
    Follow(follow::FollowArgs),
}

impl Record for Event {
    const SCHEMA: &'static str = "event.list/1";
    const COLUMNS: &'static [&'static str] = &["id", "generation", "tstamp", "table_name", "action", "pkey", "fields", "old"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.generation.to_string(),
            time(Some(self.tstamp)),
            self.table_name.clone(),
            self.action.to_string(),
            self.pkey.to_string(),
            self.fields.to_string(),
            self.old.as_ref().map(Value::to_string).unwrap_or_default(),
        ]
    }
}

pub(super) async fn run(command: EventCommand, context: &Context<'_>) -> Result<Exit, Failure> {
    let (table, generation, distro, kernel, limit, at) = match command {
        EventCommand::Follow(args) => return follow::run(args, context).await,
        EventCommand::List { table, generation, distro, kernel, limit, at } => (table, generation, distro, kernel, limit, at),
    };
    let session = context.open().await?;
    let as_of = at.resolve(&session.client).await?;
    sqern_db::follow::require_tables(&session.client, table.as_slice()).await?;
    let mut pkey = Map::new();
    pkey.extend(distro.as_ref().map(|distro| ("distro".to_owned(), Value::from(distro.as_str()))));
    pkey.extend(kernel.as_ref().map(|version| ("version".to_owned(), Value::from(version.as_str()))));
    let filter = Filter { table_name: table, generation, pkey: (!pkey.is_empty()).then_some(Value::Object(pkey)) };
    let events = event::list(&session.client, &filter, limit.into(), &as_of).await?;
    if events.is_empty() {
        // Removed distributions have events, too.
        sqern_db::distro::require(&session.client, distro.as_slice(), &AsOf::Now).await?;
        if let Some(version) = &kernel {
            sqern_db::kver::find(&session.client, version, distro.as_slice()).await?;
        }
        if let Some(id) = generation {
            AsOf::resolve(&session.client, At::Generation(id)).await?;
        }
    }
    at::list(context, &events, &Frame::from(&as_of))?;
    Ok(Exit::Done)
}

/// One event on one line: what happened to which record, and of an update the old and new values.
pub(super) fn describe_event(event: &Event) -> String {
    let mut line = format!("{} {} {}", event.action, event.table_name, values(&event.pkey));
    let (Value::Object(fields), Some(Value::Object(old))) = (&event.fields, &event.old) else { return line };
    for (name, new) in fields {
        line.push_str(&format!("  {name}: {} → {}", old.get(name).map(plain).unwrap_or_default(), plain(new)));
    }
    line
}

pub(super) fn values(object: &Value) -> String {
    object.as_object().map(|object| object.values().map(plain).collect::<Vec<_>>().join(" ")).unwrap_or_default()
}

pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
