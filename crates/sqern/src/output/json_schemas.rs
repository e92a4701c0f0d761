//! The JSON schemas of all documents.

use schemars::Schema;
use sqern_core::available::Available;
use sqern_core::doctor::Finding;
use sqern_core::journal_archive::{Appended, Verified};
use sqern_core::keyring::{ImportedKeyring, KeyringStatus};
use sqern_core::read_model::Refreshed;
use sqern_core::reports::activity::{Activity, GenerationActivity};
use sqern_core::reports::coverage::Coverage;
use sqern_core::reports::lag::{KernelLag, Lag};
use sqern_core::reports::risk::{RiskHost, RiskKernel};
use sqern_core::runs::{Candidate, KernelOutcome, RunDetails};
use sqern_core::source_test::SourceTestResult;
use sqern_core::sources::SourceStatus;
use sqern_core::why::Explanation;
use sqern_db::check::Checked;
use sqern_db::cust::{Cluster, ClusterType, Host};
use sqern_db::event::{Difference, Event};
use sqern_db::generation::Generation;
use sqern_db::ignore::Ignore;
use sqern_db::migrate::SchemaStatus;
use sqern_db::retention::Pruned;
use sqern_db::run::RunKernel;
use sqern_model::DistroDef;

use super::archive::ArchivedLine;
use super::change::Changed;
use super::check::CheckReport;
use super::cust::HostKernel;
use super::db::Migrated;
use super::distro::ListedDistro;
use super::event::FollowedGeneration;
use super::fetch::FetchRow;
use super::generation::ShownGeneration;
use super::init::Initialized;
use super::kver::{KernelRow, ShownKernel};
use super::load::Loaded;
use super::metadata::{ListMetadata, ReportMetadata};
use super::pipeline::PlannedStep;
use super::private_server::Dsn;
use super::reports::activity::ActivityMetadata;
use super::reports::coverage::KernelStatus;
use super::reports::risk::RiskMetadata;
use super::run::{BuildRow, Started};
use super::store::StoreRow;
use crate::printer::schema::{of_list, of_type, of_value};
use crate::printer::{Document, ErrorDocument, NoMetadata, Record};

/// A schema and the name of its file, without version: `kver.list`.
pub type NamedSchema = (&'static str, Schema);

/// Returns the JSON schemas of all documents, sorted by name.
#[must_use]
pub fn json_schemas() -> Vec<NamedSchema> {
    let mut schemas = [lists(), report_lists(), values()].concat();
    schemas.push((
        ErrorDocument::SCHEMA,
        of_type::<ErrorDocument<'_>>(ErrorDocument::SCHEMA),
    ));
    schemas.push((
        FollowedGeneration::SCHEMA,
        of_type::<FollowedGeneration>(FollowedGeneration::SCHEMA),
    ));
    schemas.push((
        ArchivedLine::SCHEMA,
        of_type::<ArchivedLine>(ArchivedLine::SCHEMA),
    ));
    schemas.sort_by_key(|(name, _)| *name);
    schemas
}

fn list<R: Record, M: schemars::JsonSchema + 'static>() -> NamedSchema {
    (R::SCHEMA, of_list::<R, M>())
}

fn value<T: Document>() -> NamedSchema {
    (T::SCHEMA, of_value::<T>())
}

fn lists() -> Vec<NamedSchema> {
    vec![
        list::<Available, ListMetadata>(),
        list::<Candidate, NoMetadata>(),
        list::<Cluster, ListMetadata>(),
        list::<ClusterType, ListMetadata>(),
        list::<Difference, NoMetadata>(),
        list::<Event, ListMetadata>(),
        list::<FetchRow, NoMetadata>(),
        list::<Finding, NoMetadata>(),
        list::<Generation, ListMetadata>(),
        list::<Host, ListMetadata>(),
        list::<HostKernel, ListMetadata>(),
        list::<Ignore, ListMetadata>(),
        list::<KernelOutcome, NoMetadata>(),
        list::<KernelRow, ListMetadata>(),
        list::<ListedDistro, ListMetadata>(),
        list::<RunKernel, ListMetadata>(),
        list::<BuildRow, ListMetadata>(),
        list::<SourceStatus, NoMetadata>(),
        list::<KeyringStatus, NoMetadata>(),
        list::<ImportedKeyring, NoMetadata>(),
        list::<SourceTestResult, NoMetadata>(),
        list::<StoreRow, NoMetadata>(),
    ]
}

fn report_lists() -> Vec<NamedSchema> {
    vec![
        list::<Activity, ReportMetadata<'_, ActivityMetadata>>(),
        list::<GenerationActivity, ReportMetadata<'_, ActivityMetadata>>(),
        list::<Coverage, ReportMetadata<'_, NoMetadata>>(),
        list::<KernelStatus<'_>, ReportMetadata<'_, NoMetadata>>(),
        list::<Lag, ReportMetadata<'_, NoMetadata>>(),
        list::<KernelLag, ReportMetadata<'_, NoMetadata>>(),
        list::<RiskHost, ReportMetadata<'_, RiskMetadata>>(),
        list::<RiskKernel, ReportMetadata<'_, RiskMetadata>>(),
    ]
}

fn values() -> Vec<NamedSchema> {
    vec![
        value::<Appended>(),
        value::<Changed<'_>>(),
        value::<CheckReport<'_>>(),
        value::<DistroDef>(),
        value::<Dsn>(),
        value::<Explanation>(),
        value::<Initialized>(),
        value::<Loaded<'_>>(),
        value::<Migrated>(),
        value::<Refreshed>(),
        value::<Pruned>(),
        value::<RunDetails>(),
        value::<SchemaStatus>(),
        value::<ShownGeneration>(),
        value::<Started>(),
        value::<Verified>(),
        value::<Vec<Checked>>(),
        value::<Vec<PlannedStep>>(),
        value::<Vec<ShownKernel>>(),
        value::<pg_local::Destroyed>(),
        value::<pg_local::Down>(),
        value::<pg_local::Status>(),
        value::<pg_local::Up>(),
    ]
}
