//! Activity: the stages that kernels reached, in the order of the journal.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_model::{DistroName, Kernel};

use crate::decode::{from_row, query_rows};
use crate::text_enum::text_enum;
use crate::{AsOf, DbError, SqlClient};

text_enum! {
    /// The kind of an activity.
    ActivityKind:
    /// The kernel was recorded.
    Known = "known",
    /// A repository contained the kernel.
    Seen = "seen",
    /// The headers were fetched.
    Fetched = "fetched",
    /// A build succeeded for the kernel.
    Built = "built",
    /// A test run succeeded for the kernel.
    Tested = "tested",
    /// The modules became available.
    Available = "available",
    /// The modules are no longer available for a revision and target.
    Withdrawn = "withdrawn",
}

/// A stage that a kernel reached, and the generation of the change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Activity {
    /// The id of the generation.
    pub generation: i64,
    /// The time at which the generation began.
    pub tstamp: Timestamp,
    /// The session user of the transaction.
    pub username: String,
    /// The comment of the generation.
    pub comment: Option<String>,
    /// The kind of the activity.
    pub what: ActivityKind,
    /// The kernel that reached the stage.
    #[serde(flatten)]
    pub kernel: Kernel,
}

from_row!(Activity { ..kernel, generation, tstamp, username, comment, what });

/// Returns the activities after a generation of these distributions, or of all if `distros` is
/// empty. They are in the order of the journal, and those of one generation are sorted by kind and
/// kernel.
pub async fn list(
    client: &impl SqlClient,
    after: i64,
    distros: &[DistroName],
    as_of: &AsOf,
) -> Result<Vec<Activity>, DbError> {
    let query = as_of.query(include_str!("../queries/activity.sql"));
    let mut activities: Vec<Activity> = query_rows(client, &query, &[&after, &distros]).await?;
    for of_generation in activities.chunk_by_mut(|a, b| a.generation == b.generation) {
        of_generation.sort_unstable_by(|a, b| (a.what, &a.kernel).cmp(&(b.what, &b.kernel)));
    }
    Ok(activities)
}
