//! The executor: runs a command for each kernel of a run, records the results and renews the lease.

mod execution;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use pg_connect::Session;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::run::{self as db, Lease};
use sqern_db::snapshot;
use sqern_model::{Kernel, RunKind, RunResult};
use sqern_store::Store;
use tokio_util::sync::CancellationToken;

use self::execution::Execution;
use super::plan::require;
use super::{KernelChoice, RunSelection, RunSpec, StartRequest, StartedRun, TestSpec, start};
use crate::directories::open_log_root;
use crate::read_model::StaleReason;
use crate::sandbox::{SandboxRequest, WeakIsolation, select};
use crate::{ChangeOptions, Clock, Database, Error, Progress};

/// The configuration of a [`RunExecutor`].
#[derive(Debug, Clone)]
pub struct ExecutorConfig {
    /// The database.
    pub database: Database,
    /// The shell command to run for each kernel.
    pub command: String,
    /// The number of kernels to process in parallel.
    pub jobs: u16,
    /// The time limit of the command for one kernel.
    pub time_limit: Duration,
    /// The number of failures after which the other kernels are recorded as `NOT_BUILT`.
    pub max_failures: Option<usize>,
    /// The lease of each run.
    pub lease: Lease,
    /// The directory that contains a directory of logs for each run. It must be absolute, because
    /// it is recorded.
    pub logs: PathBuf,
    /// The environment of the command, without the variables of the run and the kernel.
    pub environment: Vec<(OsString, OsString)>,
    /// The isolation of the command.
    pub sandbox: SandboxRequest,
    /// The absolute paths that the command can write in a sandbox.
    pub writable: Vec<PathBuf>,
    /// Whether the command can use the network in a sandbox.
    pub network: bool,
    /// The store of headers.
    pub store: Store,
    /// The comment of the generations.
    pub comment: String,
    /// The time that is recorded for the start of each run.
    pub clock: Clock,
    /// Determines the behavior if the connection is lost.
    pub retry: RetryPolicy,
}

/// The attempts to record a result after a lost connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The number of further attempts.
    pub attempts: u32,
    /// The time before each attempt.
    pub pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 10,
            pause: Duration::from_secs(3),
        }
    }
}

/// An event of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// The read model was not updated before the run claims kernels.
    ReadModelStale(StaleReason),
    /// The commands have less isolation than bubblewrap provides.
    WeakIsolation(WeakIsolation),
    /// A run was abandoned by its owner, and was closed as ABORTED.
    AbandonedRunClosed {
        /// The kind of the run.
        kind: RunKind,
        /// The id of the run.
        id: i64,
    },
    /// A run was started.
    RunStarted {
        /// The kind of the run.
        kind: RunKind,
        /// The id of the run.
        id: i64,
        /// The number of its kernels.
        kernels: usize,
        /// The directory of its logs.
        logs: PathBuf,
    },
    /// The command of a kernel was started.
    KernelStarted(Kernel),
    /// The result of a kernel is recorded, or its command was interrupted. Its outcome has no log
    /// if no command was run.
    KernelFinished(KernelOutcome),
    /// The run was closed by another program, and its commands are terminated.
    LeaseLost {
        /// The kind of the run.
        kind: RunKind,
        /// The id of the run.
        id: i64,
    },
}

/// The outcome of one kernel.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct KernelOutcome {
    /// The kernel.
    #[serde(flatten)]
    pub kernel: Kernel,
    /// The recorded result; `None` if the run was interrupted.
    pub result: Option<RunResult>,
    /// The duration of the command in seconds.
    pub seconds: f64,
    /// The log of the command; `None` if no command was run.
    pub log: Option<PathBuf>,
}

/// The result of an executed run.
#[derive(Debug)]
pub struct RunSummary {
    /// The kind of the run.
    pub kind: RunKind,
    /// The id of the run.
    pub id: i64,
    /// The outcome of each kernel that could be processed, in the order of the plan.
    pub kernels: Vec<KernelOutcome>,
    /// The recorded result; `None` if it could not be recorded, or if another program closed the
    /// run.
    pub result: Option<RunResult>,
    /// The error of the run: a lost lease, else an error while the result of the run was recorded,
    /// else the first error of a kernel.
    pub error: Option<Error>,
}

/// Executes builds and tests.
#[derive(Debug)]
pub struct RunExecutor<'a, P> {
    config: &'a ExecutorConfig,
    progress: &'a P,
    stop: &'a CancellationToken,
}

impl<'a, P: Progress<RunEvent>> RunExecutor<'a, P> {
    /// Returns an executor. If `stop` is canceled, commands are terminated, and the run is recorded
    /// as ABORTED.
    pub fn new(config: &'a ExecutorConfig, progress: &'a P, stop: &'a CancellationToken) -> Self {
        Self {
            config,
            progress,
            stop,
        }
    }

    /// Claims at most `max_kernels` kernels, runs the command for each, and finishes the run.
    /// Returns `None` if there are no kernels.
    ///
    /// # Errors
    ///
    /// Returns an error if no run was started. A later error is part of the summary.
    pub async fn execute(
        &self,
        spec: &RunSpec,
        selection: &RunSelection,
        max_kernels: Option<usize>,
    ) -> Result<Option<RunSummary>, Error> {
        open_log_root(&self.config.logs)?;
        let report = |weak| self.progress.report(RunEvent::WeakIsolation(weak));
        let sandbox = select(&self.config.sandbox, report).await?;
        let kernels = max_kernels.map_or(KernelChoice::ALL, |max_kernels| KernelChoice::Claim {
            max_kernels,
        });
        let started = tokio::select! {
            biased;
            started = self.start(spec, selection, kernels) => started?,
            () = self.stop.cancelled() => return Err(Error::Interrupted),
        };
        let Some((run, session)) = started else {
            return Ok(None);
        };
        let logs = self.config.logs.join(logs_name(spec.kind(), run.id));
        self.progress.report(RunEvent::RunStarted {
            kind: spec.kind(),
            id: run.id,
            kernels: run.kernels.len(),
            logs: logs.clone(),
        });
        let variables = variables(spec, selection, &run);
        let execution = Execution::new(self, spec.kind(), run.id, variables, sandbox, session);
        Ok(Some(execution.run(&run.kernels).await))
    }

    /// Connects and starts a run. Returns `None` if there are no kernels.
    async fn start(
        &self,
        spec: &RunSpec,
        selection: &RunSelection,
        kernels: KernelChoice,
    ) -> Result<Option<(StartedRun, Session)>, Error> {
        let mut session = self.config.database.open().await?;
        let request = StartRequest {
            spec: spec.clone(),
            selection: selection.clone(),
            kernels,
            lease: self.config.lease.clone(),
            clock: self.config.clock,
        };
        let options = ChangeOptions::committed(&self.config.comment);
        let outcome = start(&mut session.client, &request, &options, self.progress).await?;
        Ok(outcome.run.map(|run| (run, session)))
    }

    /// Executes a test run for each build with kernels in the plan, and passes each summary to
    /// `finished`. With a build in `spec`, or with `max_kernels`, there is a single run.
    ///
    /// # Errors
    ///
    /// Returns the first error of a start and of `finished`. No further run is started after it.
    pub async fn test_each_build<E: From<Error>>(
        &self,
        spec: &TestSpec,
        selection: &RunSelection,
        max_kernels: Option<usize>,
        mut finished: impl FnMut(RunSummary) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut runs = vec![];
        if spec.build.is_none() && max_kernels.is_none() {
            runs = self.planned_runs(spec, selection).await?;
        }
        if runs.is_empty() {
            // A start also closes abandoned runs, whose kernels are then free.
            runs.push((spec.build, selection.clone()));
        }
        for (build, selection) in runs {
            if self.stop.is_cancelled() {
                break;
            }
            let spec = RunSpec::Test(TestSpec {
                build,
                ..spec.clone()
            });
            if let Some(summary) = self.execute(&spec, &selection, max_kernels).await? {
                finished(summary)?;
            }
        }
        Ok(())
    }

    /// Returns the builds of the plan in its order, each with the selection of its kernels.
    async fn planned_runs(
        &self,
        spec: &TestSpec,
        selection: &RunSelection,
    ) -> Result<Vec<(Option<i64>, RunSelection)>, Error> {
        let mut session = self.config.database.open().await?;
        let transaction = snapshot(&mut session.client).await?;
        let spec = RunSpec::Test(spec.clone());
        require(&transaction, &spec, selection).await?;
        let mut runs: Vec<(Option<i64>, RunSelection)> = Vec::new();
        for candidate in db::plan(&transaction, RunKind::Test, &spec.filter(selection)).await? {
            let index = runs
                .iter()
                .position(|(build, _)| *build == candidate.build)
                .unwrap_or_else(|| {
                    let kernels = vec![];
                    runs.push((
                        candidate.build,
                        RunSelection {
                            kernels,
                            ..selection.clone()
                        },
                    ));
                    runs.len() - 1
                });
            // Without names, the run contains all kernels of the build that are free at its start.
            if !selection.kernels.is_empty() {
                runs[index].1.kernels.push(candidate.kernel.into());
            }
        }
        transaction.commit().await?;
        Ok(runs)
    }
}

/// Returns the name of the directory of the logs of a run.
fn logs_name(kind: RunKind, id: i64) -> String {
    format!("{kind}-{id}")
}

/// Returns the variables of the command, besides those of the kernel.
fn variables(
    spec: &RunSpec,
    selection: &RunSelection,
    run: &StartedRun,
) -> Vec<(&'static str, String)> {
    let mut variables = vec![("SQERN_BUILD_ID", run.build.to_string())];
    let mut add =
        |name, value: &Option<String>| variables.extend(value.clone().map(|value| (name, value)));
    add("SQERN_REVISION", &selection.revision);
    add("SQERN_TARGET", &selection.target);
    add("SQERN_PROFILE", &selection.profile);
    if let RunSpec::Test(test) = spec {
        add("SQERN_TEST_ID", &Some(run.id.to_string()));
        add("SQERN_FLAVOR", &test.flavor);
        add("SQERN_CLUSTER", &test.cluster);
    }
    variables
}
