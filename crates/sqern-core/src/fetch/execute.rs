//! The execution of a plan: trees of several kernels in parallel, recorded in one generation.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use sqern_db::change::{self, Finished};
use sqern_db::fetch as db;
use sqern_model::{Kernel, SourceSet};
use sqern_store::Store;
use sqern_upstream::ClientOptions;
use tokio_util::sync::CancellationToken;

use super::download::Downloader;
use super::tree::{ProofTools, TreeFetcher};
use super::{DownloadMethod, FetchPlan, KernelPlan, MissingTools, build_tools};
use crate::sandbox::{SandboxRequest, WeakIsolation, select};
use crate::{Clock, Database, Error, Progress};

/// The configuration of a fetch.
#[derive(Debug, Clone)]
pub struct FetchConfig {
    /// The definitions of distributions, for the credentials of their sources.
    pub sources: SourceSet,
    /// The store of headers.
    pub store: Store,
    /// The number of kernels to process in parallel.
    pub jobs: u16,
    /// Whether a test module is compiled in each tree. A tree in which that fails is not recorded.
    pub compile_module: bool,
    /// The isolation of the compilation.
    pub sandbox: SandboxRequest,
    /// The environment of a fetch command.
    pub environment: Vec<(OsString, OsString)>,
    /// The comment of the generation.
    pub comment: String,
    /// The time that is recorded.
    pub clock: Clock,
}

/// An event of a fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchEvent {
    /// A server sent data of a package.
    Received {
        /// The size of the data.
        bytes: u64,
    },
    /// Test modules are compiled with less isolation than bubblewrap provides.
    WeakIsolation(WeakIsolation),
    /// Build tools are not installed. Each tool is reported once.
    MissingTools(MissingTools),
    /// The test module of a kernel has no symbol versions; see
    /// [`Proof::lacks_symbol_versions`](sqern_store::tree::Proof::lacks_symbol_versions).
    NoSymbolVersions(Kernel),
    /// A kernel was processed.
    KernelFinished(Kernel),
}

/// The outcome of one kernel.
#[derive(Debug)]
pub struct KernelFetch {
    /// The kernel.
    pub kernel: Kernel,
    /// The number of its packages.
    pub packages: usize,
    /// The size of its packages in bytes.
    pub size_bytes: u64,
    /// The duration in seconds.
    pub seconds: f64,
    /// The result.
    pub outcome: FetchOutcome,
}

/// The result of one kernel.
#[derive(Debug)]
pub enum FetchOutcome {
    /// The tree was created at this path.
    Fetched(PathBuf),
    /// The store contained an intact tree, which was not recorded.
    Found(PathBuf),
    /// Another process fetches the kernel.
    Busy,
    /// The fetch was canceled before this kernel.
    NotStarted,
    /// The tree could not be created. [`Error::Interrupted`] if the fetch was canceled.
    Failed(Error),
}

/// The result of a fetch.
#[derive(Debug)]
pub struct FetchSummary {
    /// The outcome of each kernel, in the order of the plan.
    pub kernels: Vec<KernelFetch>,
    /// The generation that records the trees, or the reason why they are not recorded. The next
    /// fetch finds and records them.
    pub recorded: Result<Finished, Error>,
}

impl FetchOutcome {
    /// Returns the tree, if there is one.
    #[must_use]
    pub fn tree(&self) -> Option<&PathBuf> {
        match self {
            Self::Fetched(tree) | Self::Found(tree) => Some(tree),
            Self::Busy | Self::NotStarted | Self::Failed(_) => None,
        }
    }
}

/// Fetches the kernels of a plan, and records all trees in one generation. If `stop` is canceled,
/// running fetches are stopped, no further ones start, and the finished trees are recorded. If the
/// process is terminated before that, the next fetch finds the trees.
///
/// # Errors
///
/// Returns an error if no module can be compiled, or an error of the database before the first
/// download. The error of a kernel, and that of recording the trees, are part of the summary.
pub async fn execute(
    database: &Database,
    plan: &FetchPlan,
    config: &FetchConfig,
    progress: &impl Progress<FetchEvent>,
    stop: &CancellationToken,
) -> Result<FetchSummary, Error> {
    let session = database.open().await?;
    change::require_writer(&session.client).await?;
    // A server or a firewall can close a connection that is idle during the downloads.
    drop(session);
    let now = config.clock.now();
    let tools = if config.compile_module {
        let machine = build_tools::machine()?;
        let report = |weak| progress.report(FetchEvent::WeakIsolation(weak));
        let sandbox = select(&config.sandbox, report).await?;
        Some(ProofTools { machine, sandbox })
    } else {
        None
    };
    let trees = TreeFetcher {
        downloader: Downloader {
            client: sqern_upstream::Client::new(ClientOptions::default())?,
            sources: &config.sources,
            store: &config.store,
            mirror_base: match &plan.method {
                DownloadMethod::Packages { mirror_base, .. } => mirror_base.as_ref(),
                DownloadMethod::Command { .. } => None,
            },
            now,
            progress,
        },
        store: &config.store,
        method: &plan.method,
        tools,
        environment: &config.environment,
        now,
        progress,
        reported_tools: Mutex::default(),
    };
    // Collected, because a stream with this closure is not `Send`.
    let futures: Vec<_> = plan
        .kernels
        .iter()
        .map(|kernel| fetch_kernel(&trees, kernel, stop))
        .collect();
    let kernels: Vec<KernelFetch> = stream::iter(futures)
        .buffered(usize::from(config.jobs))
        .collect()
        .await;
    let with_tree = kernels
        .iter()
        .filter(|fetch| fetch.outcome.tree().is_some());
    let fetched: Vec<Kernel> = with_tree.map(|fetch| fetch.kernel.clone()).collect();
    let recorded = record(database, config, &fetched).await;
    Ok(FetchSummary { kernels, recorded })
}

/// Records the trees of these kernels in one generation.
async fn record(
    database: &Database,
    config: &FetchConfig,
    kernels: &[Kernel],
) -> Result<Finished, Error> {
    let mut session = database.open().await?;
    let now = config.clock.recorded(&session.client).await?;
    let change = change::begin(&mut session.client, &config.comment).await?;
    db::record(&change.transaction, kernels, now).await?;
    Ok(change.finish(false).await?)
}

async fn fetch_kernel<P: Progress<FetchEvent>>(
    trees: &TreeFetcher<'_, P>,
    plan: &KernelPlan,
    stop: &CancellationToken,
) -> KernelFetch {
    let started_at = Instant::now();
    let outcome = if stop.is_cancelled() {
        FetchOutcome::NotStarted
    } else {
        tracing::info!(
            packages = plan.packages.len(),
            bytes = plan.size_bytes(),
            "fetching {}",
            plan.kernel
        );
        let result = tokio::select! {
            result = trees.fetch(plan) => result,
            () = stop.cancelled() => Err(Error::Interrupted),
        };
        trees
            .progress
            .report(FetchEvent::KernelFinished(plan.kernel.clone()));
        result.unwrap_or_else(FetchOutcome::Failed)
    };
    KernelFetch {
        kernel: plan.kernel.clone(),
        packages: plan.packages.len(),
        size_bytes: plan.size_bytes(),
        seconds: started_at.elapsed().as_secs_f64(),
        outcome,
    }
}
