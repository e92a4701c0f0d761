//! Runs the command of a build or test for kernels in parallel, records each result and renews the lease.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use pg_connect::Session;
use sqern_db::run::{self as db, Candidate, RunError, RunLog};
use sqern_model::{Kernel, RunKind, RunResult};
use tokio::sync::{Mutex, Notify};

use super::carry::CarryArgs;
use super::lines::{Done, Lines};
use super::refused;
use crate::cli::Context;
use crate::cli::interrupt::interrupted;
use crate::failure::{Exit, Failure};
use crate::runner::{self, Job};

/// The number of attempts to record a result after a lost connection, and the wait between them.
const TRIES: u32 = 10;
const WAIT: Duration = Duration::from_secs(3);

/// Executes a run.
pub(super) struct Carrier<'a> {
    context: &'a Context<'a>,
    kind: RunKind,
    id: i64,
    args: &'a CarryArgs,
    comment: String,
    logs: PathBuf,
    store: sqern_store::Store,
    variables: Vec<(&'static str, String)>,
    session: Mutex<Session>,
    failures: AtomicUsize,
    /// Whether the run is stopped: no command starts, and running commands are terminated.
    stopped: AtomicBool,
    stop: Arc<Notify>,
    lines: Lines,
}

/// The configuration of a [`Carrier`].
pub(super) struct Means<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) args: &'a CarryArgs,
    /// The comment of its generations.
    pub(super) comment: String,
    /// The directory of the logs.
    pub(super) logs: PathBuf,
    pub(super) store: sqern_store::Store,
    /// The variables of the command, besides those of the kernel.
    pub(super) variables: Vec<(&'static str, String)>,
}

impl<'a> Carrier<'a> {
    pub(super) fn new(kind: RunKind, id: i64, kernels: usize, means: Means<'a>, session: Session) -> Self {
        let lines = Lines::new(means.context, kernels);
        let Means { context, args, comment, logs, store, variables } = means;
        let (failures, stopped, stop) = (AtomicUsize::new(0), AtomicBool::new(false), Arc::default());
        let session = Mutex::new(session);
        Self { context, kind, id, args, comment, logs, store, variables, session, failures, stopped, stop, lines }
    }

    /// Runs the command for each kernel, and finishes the run.
    pub(super) async fn all(&self, kernels: &[Candidate]) -> Result<Exit, Failure> {
        let work =
            stream::iter(kernels).map(|one| self.one(&one.kernel)).buffered(usize::from(self.args.jobs)).collect::<Vec<_>>();
        tokio::pin!(work);
        let mut lost = None;
        let (mut renewing, mut signal) = (Box::pin(self.renew()), Box::pin(interrupted()));
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                failure = &mut renewing, if lost.is_none() => {
                    lost = Some(failure);
                    self.halt();
                }
                () = &mut signal, if !self.stopped.load(Ordering::Relaxed) => self.halt(),
            }
        };
        self.lines.clear();
        let mut broken = None;
        let mut ended = Vec::new();
        for one in done {
            match one {
                Ok(one) => ended.push(one),
                Err(failure) => broken = broken.or(Some(failure)),
            }
        }
        self.context.printer.list(&ended)?;
        if let Some(failure) = lost {
            return Err(failure);
        }
        let results: Vec<RunResult> = ended.iter().filter_map(|one| one.result).collect();
        let whole = RunResult::of_all(&results, self.stopped.load(Ordering::Relaxed) || broken.is_some());
        self.record(None, whole, None).await?;
        self.context.printer.note(&format!("{} {}: {whole}", self.kind, self.id));
        match broken {
            Some(failure) => Err(failure),
            None if whole == RunResult::Success => Ok(Exit::Done),
            None => {
                self.context.printer.note(&format!("details: sqern {} show {}", self.kind, self.id));
                Ok(Exit::Unmet)
            }
        }
    }

    fn halt(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.stop.notify_waiters();
    }

    /// Runs the command for one kernel, and records the result.
    async fn one(&self, kernel: &Kernel) -> Result<Done, Failure> {
        let unbegun = |result| Done { kernel: kernel.clone(), result, seconds: 0.0, log: None };
        // Registered before the check of `stopped`, so that a stop between the two is not missed.
        let stop = self.stop.notified();
        tokio::pin!(stop);
        stop.as_mut().enable();
        if self.stopped.load(Ordering::Relaxed) {
            return Ok(unbegun(None));
        }
        let too_many = self.args.max_failures.and_then(|most| usize::try_from(most).ok());
        if too_many.is_some_and(|most| self.failures.load(Ordering::Relaxed) >= most) {
            self.record(Some(kernel), RunResult::NotBuilt, None).await?;
            return Ok(unbegun(Some(RunResult::NotBuilt)));
        }
        let tree = self.store.tree(kernel)?;
        let log = self.logs.join(format!("{}@{}.log", kernel.distro, kernel.version));
        if self.kind == RunKind::Build && !tree.exists() {
            let tail = format!(
                "headers of the kernel are not in {}\nhint: sqern fetch  # or use the store that contains them: --store DIR",
                tree.display()
            );
            let ended = runner::Ended { result: Some(RunResult::NotBuilt), exit_status: None, seconds: 0.0, tail };
            return self.ended(kernel, &log, ended).await;
        }
        let work = tempfile::tempdir()?;
        let mut variables = self.variables.clone();
        variables.extend([
            ("SQERN_DISTRO", kernel.distro.to_string()),
            ("SQERN_VERSION", kernel.version.to_string()),
            ("SQERN_TREE", tree.display().to_string()),
            ("SQERN_WORK", work.path().display().to_string()),
        ]);
        let (command, time_limit) = (self.args.command.clone(), self.args.time_limit);
        let job = Job { command, folder: None, variables, log: log.clone(), time_limit };
        let line = self.lines.begin(kernel);
        let ended = runner::run(&job, stop).await;
        line.finish_and_clear();
        self.ended(kernel, &log, ended?).await
    }

    async fn ended(&self, kernel: &Kernel, log: &Path, ended: runner::Ended) -> Result<Done, Failure> {
        let done = Done { kernel: kernel.clone(), result: ended.result, seconds: ended.seconds, log: Some(log.to_owned()) };
        if let Some(result) = ended.result {
            let told = RunLog {
                host: runner::host(),
                path: log.display().to_string(),
                seconds: ended.seconds,
                exit_status: ended.exit_status,
                tail: ended.tail.replace('\0', " "),
            };
            self.record(Some(kernel), result, Some(&told)).await?;
            if result != RunResult::Success {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.lines.tell(self.context, &done);
        Ok(done)
    }

    /// Records the result of a kernel or of the run in its own generation, so that a killed program leaves a correct state. Reconnects if
    /// the connection is lost.
    async fn record(&self, kernel: Option<&Kernel>, result: RunResult, log: Option<&RunLog>) -> Result<(), Failure> {
        let mut session = self.session.lock().await;
        let mut tries = 0;
        loop {
            match self.try_record(&mut session, kernel, result, log).await {
                Err(RunError::Db(error)) if error.is_interruption() && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(WAIT).await;
                    if let Ok(new) = self.context.open().await {
                        *session = new;
                    }
                }
                recorded => return recorded.map_err(|error| refused(error, self.kind)),
            }
        }
    }

    async fn try_record(
        &self,
        session: &mut Session,
        kernel: Option<&Kernel>,
        result: RunResult,
        log: Option<&RunLog>,
    ) -> Result<(), RunError> {
        let change = sqern_db::change::begin(&mut session.client, &self.comment).await?;
        match kernel {
            Some(kernel) => db::finish_kernel(&change.transaction, self.kind, self.id, kernel, result, log).await?,
            None => db::finish(&change.transaction, self.kind, self.id, result, &[]).await?,
        }
        change.finish(false).await?;
        Ok(())
    }

    /// Renews the lease repeatedly. Returns only if the run was closed by another program.
    async fn renew(&self) -> Failure {
        let mut session = None;
        loop {
            tokio::time::sleep(self.args.lease / 3).await;
            if session.is_none() {
                session = self.context.open().await.ok();
            }
            let Some(open) = &session else { continue };
            match db::renew(&open.client, self.kind, self.id).await {
                Ok(_) => {}
                Err(RunError::Db(error)) if error.is_interruption() => session = None,
                Err(error) => return refused(error, self.kind),
            }
        }
    }
}
