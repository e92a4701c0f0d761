//! The words of `kver_status.stage` and `kver_status.missing`.

use serde::Serialize;

use crate::DbError;
use crate::words::words;

words! {
    /// The stages, each of which has those before it behind it.
    Stage, "a stage", "kver_status.stage":
    /// A host reported it, or somebody recorded it.
    Known = "known",
    /// Upstream has it.
    Seen = "seen",
    /// Its headers are here.
    Fetched = "fetched",
    /// A build succeeded for it.
    Built = "built",
    /// A test succeeded for it.
    Tested = "tested",
    /// Modules for it may be shipped.
    Available = "available",
}

words! {
    /// What is missing next until a kernel is available.
    Missing, "a missing stage", "kver_status.missing":
    /// Hosts have it; no source lists it.
    NotSeen = "not seen",
    /// Its headers are not here.
    NotFetched = "not fetched",
    /// No build tried it.
    NotBuilt = "not built",
    /// The newest build has not ended.
    Building = "building",
    /// The newest build came to `FAILURE` or `UNSTABLE` for it.
    BuildFailed = "build failed",
    /// No test tried the newest build that succeeded.
    NotTested = "not tested",
    /// The newest test of that build has not ended.
    Testing = "testing",
    /// The newest test of that build came to `FAILURE` or `UNSTABLE`.
    TestFailed = "test failed",
    /// The newest try came to `NOT_BUILT` or `ABORTED`: the harness failed, not the product.
    HarnessFailed = "harness failed",
    /// It is tested, and nobody made it available.
    NotAvailable = "not available",
}
