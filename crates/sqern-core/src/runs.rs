//! Builds and tests: plan, start, execute, renew and finish.
//!
//! Builds and tests share the code. A [`RunSpec`] is either, and a [`RunSelection`] selects the
//! revision and the kernels.

mod execute;
mod finish;
mod plan;
mod read;
mod record;
mod spec;
mod start;

pub use execute::{ExecutorConfig, KernelOutcome, RetryPolicy, RunEvent, RunExecutor, RunSummary};
pub use finish::{FinishRequest, finish, renew, sweep};
pub use plan::plan;
pub use read::{RunDetails, kernels, show};
pub use spec::{BuildSpec, ExecutionOptions, KernelChoice, NotReadyReason, RunSpec, TestSpec};
pub use sqern_db::run::{Candidate, Lease, RunSelection};
pub use start::{StartOutcome, StartRequest, StartedRun, claim_and_start, start};
