//! The values of `kver_status.stage` and `kver_status.missing`.

use crate::text_enum::text_enum;

text_enum! {
    /// The furthest stage of a kernel.
    Stage:
    /// A host report or a user recorded the kernel.
    Known = "known",
    /// A repository contained the kernel.
    Seen = "seen",
    /// The headers were fetched.
    Fetched = "fetched",
    /// A build succeeded for the kernel.
    Built = "built",
    /// A test run succeeded for the kernel.
    Tested = "tested",
    /// Modules for the kernel are available.
    Available = "available",
}

text_enum! {
    /// The next step that is missing until modules are available.
    Missing:
    /// No repository contained the kernel.
    NotSeen = "not seen",
    /// The headers are not fetched.
    NotFetched = "not fetched",
    /// No build included the kernel.
    NotBuilt = "not built",
    /// The newest build is in progress.
    Building = "building",
    /// The newest build has result `FAILURE` or `UNSTABLE` for the kernel.
    BuildFailed = "build failed",
    /// No test run tested the newest successful build.
    NotTested = "not tested",
    /// The newest test run of that build is in progress.
    Testing = "testing",
    /// The newest test run of that build has result `FAILURE` or `UNSTABLE`.
    TestFailed = "test failed",
    /// The newest run has result `NOT_BUILT` or `ABORTED`: the harness failed, not the product.
    HarnessFailed = "harness failed",
    /// The kernel is tested, and its modules are not available.
    NotAvailable = "not available",
}
