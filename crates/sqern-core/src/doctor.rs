//! Checks of the installation: database, sources, tools and store.
//!
//! The checks change nothing, and a failed check does not prevent the others. Each module turns
//! observations into [`Finding`]s. Observations are plain values, so that tests can check each
//! finding without reproducing the problem.

mod clock;
mod database;
mod finding;
mod group;
mod sandbox;
mod sources;
mod store;
mod tools;

use std::ffi::OsString;
use std::path::PathBuf;

use jiff::Timestamp;
use pg_connect::Session;
use sqern_model::{DistroName, SourceSet};
use sqern_store::tree::{Machine, ProveOptions};
use sqern_upstream::CrawlOptions;

use crate::sandbox::Launcher;

pub use finding::{Finding, Problem, State};
pub use group::group_by_cause;

/// The installation to check.
#[derive(Debug)]
pub struct DoctorRequest {
    /// The distributions to check; empty for the supported ones.
    pub distros: Vec<DistroName>,
    /// The sources, or the reason why they could not be read.
    pub sources: Result<SourceSet, Problem>,
    /// The options of requests to the sources; `None` to skip these requests.
    pub crawl: Option<CrawlOptions>,
    /// The directory of the store, which need not exist, or the reason why it is unknown.
    pub store: Result<PathBuf, Problem>,
    /// The `PATH` in which apt-get is searched. Build tools are searched in the `PATH` of proofs.
    pub path: OsString,
    /// The launcher of sandboxes.
    pub launcher: Launcher,
    /// The time of this machine.
    pub now: Timestamp,
}

/// Runs all checks. `connection` is a session of the database, or the reason why no connection
/// could be established.
pub async fn diagnose(
    connection: Result<Session, Problem>,
    request: &DoctorRequest,
) -> Vec<Finding> {
    let (mut findings, facts) = database::check(connection, &request.distros, request.now).await;
    findings.extend(sources::check(request, facts.supported.as_deref()).await);
    findings.extend(tools::check_build_tools(&Machine::new(
        &ProveOptions::default().path,
    )));
    findings.push(tools::check_apt_get(&request.path, facts.needs_apt));
    findings.push(sandbox::check(&request.launcher).await);
    findings.extend(store::check(&request.store));
    findings
}
