//! One execution of a run.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt as _, stream};
use pg_connect::Session;
use sqern_db::run::{self as db, Candidate, RunError, RunLog};
use sqern_model::{Kernel, RunKind, RunResult};
use sqern_sandbox::{Limits, Policy, Sandbox, Scratch};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::{ExecutorConfig, KernelOutcome, RunEvent, RunExecutor, RunSummary, logs_name};
use crate::directories::LogDirectory;
use crate::runs::record::{Entry, Recorder};
use crate::shell::{self, CommandOutcome, ShellCommand};
use crate::{Error, Progress, owner};

/// The maximum size of the files in `SQERN_WORK` in a sandbox, in bytes.
const WORK_BYTES: u64 = 4 << 30;
/// The maximum number of processes of a command in a sandbox.
const MAX_PROCESSES: u64 = 4096;

/// The state of a running build or test.
pub(super) struct Execution<'a, P> {
    config: &'a ExecutorConfig,
    progress: &'a P,
    kind: RunKind,
    id: i64,
    variables: Vec<(&'static str, String)>,
    sandbox: Sandbox,
    recorder: Recorder<'a>,
    failures: AtomicUsize,
    /// After its cancellation no command starts, and running commands are terminated.
    stop: CancellationToken,
}

impl<'a, P: Progress<RunEvent>> Execution<'a, P> {
    /// Returns an execution of a started run. `variables` do not depend on the kernel.
    pub(super) fn new(
        executor: &RunExecutor<'a, P>,
        kind: RunKind,
        id: i64,
        variables: Vec<(&'static str, String)>,
        sandbox: Sandbox,
        session: Session,
    ) -> Self {
        let config = executor.config;
        let recorder = Recorder {
            database: &config.database,
            kind,
            id,
            comment: &config.comment,
            retry: config.retry,
            session: Mutex::new(session),
        };
        Self {
            config,
            progress: executor.progress,
            kind,
            id,
            variables,
            sandbox,
            recorder,
            failures: AtomicUsize::new(0),
            stop: executor.stop.child_token(),
        }
    }

    /// Runs the command for each kernel, and finishes the run.
    pub(super) async fn run(&self, kernels: &[Candidate]) -> RunSummary {
        let jobs = usize::from(self.config.jobs);
        // Collected, because a closure in the stream would prevent the future from being `Send`.
        let kernels: Vec<_> = kernels
            .iter()
            .map(|candidate| self.run_kernel(&candidate.kernel))
            .collect();
        let work = stream::iter(kernels).buffered(jobs).collect::<Vec<_>>();
        tokio::pin!(work);
        let mut lease_lost = None;
        let mut renewal = Box::pin(self.renew_lease());
        let results = loop {
            tokio::select! {
                results = &mut work => break results,
                error = &mut renewal, if lease_lost.is_none() => {
                    self.progress.report(RunEvent::LeaseLost { kind: self.kind, id: self.id });
                    lease_lost = Some(error);
                    self.stop.cancel();
                }
            }
        };
        let mut summary = RunSummary {
            kind: self.kind,
            id: self.id,
            kernels: vec![],
            result: None,
            error: None,
        };
        for result in results {
            match result {
                Ok(outcome) => summary.kernels.push(outcome),
                Err(error) => summary.error = summary.error.or(Some(error)),
            }
        }
        if lease_lost.is_some() {
            return RunSummary {
                error: lease_lost,
                ..summary
            };
        }
        self.finish(summary).await
    }

    /// Records the result of the run.
    async fn finish(&self, summary: RunSummary) -> RunSummary {
        let results: Vec<RunResult> = summary
            .kernels
            .iter()
            .filter_map(|outcome| outcome.result)
            .collect();
        let result = RunResult::of_all(
            &results,
            self.stop.is_cancelled() || summary.error.is_some(),
        );
        match self.recorder.record(Entry::Run(result)).await {
            Ok(()) => RunSummary {
                result: Some(result),
                ..summary
            },
            Err(error) => RunSummary {
                error: Some(error),
                ..summary
            },
        }
    }

    /// Runs the command for one kernel, and records the result.
    async fn run_kernel(&self, kernel: &Kernel) -> Result<KernelOutcome, Error> {
        if self.stop.is_cancelled() {
            return Ok(self.report(KernelOutcome {
                kernel: kernel.clone(),
                result: None,
                seconds: 0.0,
                log: None,
            }));
        }
        if self
            .config
            .max_failures
            .is_some_and(|max| self.failures.load(Ordering::Relaxed) >= max)
        {
            let result = RunResult::NotBuilt;
            self.recorder
                .record(Entry::Kernel {
                    kernel,
                    result,
                    log: None,
                })
                .await?;
            return Ok(self.report(KernelOutcome {
                kernel: kernel.clone(),
                result: Some(result),
                seconds: 0.0,
                log: None,
            }));
        }
        let tree = self.config.store.tree(kernel)?;
        let logs = LogDirectory::create(&self.config.logs, &logs_name(self.kind, self.id))?;
        let name = format!("{}@{}.log", kernel.distro, kernel.version);
        let is_in_store = self.config.store.usable_tree(kernel)?.is_some();
        let outcome = if self.kind == RunKind::Build && !is_in_store {
            missing_headers(&tree)
        } else {
            let log = logs.create_log(&name)?;
            self.run_command(kernel, &tree, log).await?
        };
        self.record(kernel, logs.path_of(&name), outcome).await
    }

    async fn run_command(
        &self,
        kernel: &Kernel,
        tree: &Path,
        log: File,
    ) -> Result<CommandOutcome, Error> {
        let work =
            tempfile::tempdir().map_err(Error::io("could not create a working directory"))?;
        let mut environment = self.config.environment.clone();
        let mut set = |name: &str, value: OsString| environment.push((name.into(), value));
        for (name, value) in &self.variables {
            set(name, value.into());
        }
        set("SQERN_DISTRO", kernel.distro.as_str().into());
        set("SQERN_VERSION", kernel.version.as_str().into());
        set("SQERN_TREE", tree.into());
        set("SQERN_WORK", work.path().into());
        let directory = if self.sandbox.method().is_some() {
            // Other directories for temporary files do not exist in the sandbox.
            set("HOME", work.path().into());
            set("TMPDIR", work.path().into());
            Some(working_directory()?)
        } else {
            None
        };
        // The root directory contains all files.
        let readable = directory.iter().filter(|path| path.parent().is_some());
        let readable = readable.map(PathBuf::as_path).chain([tree]);
        let command = ShellCommand {
            script: self.config.command.clone(),
            directory: directory.clone(),
            sandbox: self.sandbox.clone(),
            policy: Policy {
                read_only: readable
                    .filter(|path| path.exists())
                    .map(Path::to_owned)
                    .collect(),
                writable: self.config.writable.clone(),
                scratch: Scratch::new(work.path(), WORK_BYTES),
                network: self.config.network,
                environment,
                limits: Limits {
                    address_space_bytes: None,
                    processes: Some(MAX_PROCESSES),
                    cpu_seconds: None,
                    open_files: None,
                },
            },
            log,
            time_limit: self.config.time_limit,
        };
        self.progress
            .report(RunEvent::KernelStarted(kernel.clone()));
        shell::run(command, self.stop.cancelled()).await
    }

    /// Records the result of a kernel, unless its command was interrupted.
    async fn record(
        &self,
        kernel: &Kernel,
        log: PathBuf,
        outcome: CommandOutcome,
    ) -> Result<KernelOutcome, Error> {
        let CommandOutcome {
            result,
            exit_status,
            seconds,
            tail,
        } = outcome;
        if let Some(result) = result {
            let run_log = RunLog {
                host: owner::host_name(),
                path: log.display().to_string(),
                seconds,
                exit_status,
                tail,
            };
            self.recorder
                .record(Entry::Kernel {
                    kernel,
                    result,
                    log: Some(&run_log),
                })
                .await?;
            if result != RunResult::Success {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(self.report(KernelOutcome {
            kernel: kernel.clone(),
            result,
            seconds,
            log: Some(log),
        }))
    }

    fn report(&self, outcome: KernelOutcome) -> KernelOutcome {
        let result = outcome.result.map_or("interrupted", RunResult::as_str);
        tracing::info!(
            seconds = outcome.seconds,
            "{} {} of {}: {result}",
            self.kind,
            self.id,
            outcome.kernel
        );
        self.progress
            .report(RunEvent::KernelFinished(outcome.clone()));
        outcome
    }

    /// Renews the lease repeatedly. Returns only if another program closed the run.
    async fn renew_lease(&self) -> Error {
        let mut session = None;
        loop {
            tokio::time::sleep(self.config.lease.lasts / 3).await;
            if session.is_none() {
                session = self.config.database.open().await.ok();
            }
            let Some(open) = &session else { continue };
            match db::renew(&open.client, self.kind, self.id).await {
                Ok(_) => {}
                Err(RunError::Db(error)) if error.is_interruption() => session = None,
                Err(error) => return Error::run(self.kind, error),
            }
        }
    }
}

/// Returns the working directory of this process, in which relative paths of a command are searched.
fn working_directory() -> Result<PathBuf, Error> {
    std::env::current_dir().map_err(Error::io("could not determine the working directory"))
}

/// Returns the outcome of a build without headers.
fn missing_headers(tree: &Path) -> CommandOutcome {
    let tail = format!(
        "headers of the kernel are not in {}\nhint: sqern fetch  # or use the store that contains them: --store DIR",
        tree.display()
    );
    CommandOutcome {
        result: Some(RunResult::NotBuilt),
        exit_status: None,
        seconds: 0.0,
        tail,
    }
}
