//! The output of `sqern fetch`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;
use sqern_core::fetch::{FetchOutcome, KernelFetch, KernelPlan, RejectedKernel};
use sqern_model::Kernel;

use crate::error::{CliError, ExitStatus};
use crate::printer::{Column, Kind, Printer, Record, RowArgs};

/// A kernel and the outcome of its fetch.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FetchRow {
    #[serde(flatten)]
    kernel: Kernel,
    /// `fetched`, `found`, `planned`, `busy` or `failed`.
    outcome: &'static str,
    /// The number of packages.
    packages: usize,
    /// The size of the packages, in bytes.
    bytes: u64,
    /// The duration of the fetch, in seconds.
    seconds: f64,
    /// The directory of the headers.
    tree: Option<PathBuf>,
    /// The reason why the kernel was not fetched.
    reason: Option<String>,
    #[serde(skip)]
    hints: Vec<String>,
}

impl Record for FetchRow {
    const SCHEMA: &'static str = "fetch/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("version"),
        Column::status("outcome"),
        Column::number("packages"),
        Column::new("bytes", Kind::Bytes).headed("size"),
        Column::new("seconds", Kind::Seconds),
    ];
}

impl FetchRow {
    fn new(kernel: Kernel, outcome: &'static str) -> Self {
        Self {
            kernel,
            outcome,
            packages: 0,
            bytes: 0,
            seconds: 0.0,
            tree: None,
            reason: None,
            hints: vec![],
        }
    }

    /// Returns the row of a kernel that would be fetched.
    #[must_use]
    pub fn planned(plan: &KernelPlan) -> Self {
        let (packages, bytes) = (plan.packages.len(), plan.size_bytes());
        Self {
            packages,
            bytes,
            ..Self::new(plan.kernel.clone(), "planned")
        }
    }

    /// Returns the row of a kernel that cannot be fetched.
    #[must_use]
    pub fn rejected(rejected: RejectedKernel) -> Self {
        Self::new(rejected.kernel, "failed").with_failure(&rejected.error.into())
    }

    fn with_failure(self, failure: &CliError) -> Self {
        Self {
            reason: Some(failure.message().to_owned()),
            hints: failure.hints().to_vec(),
            ..self
        }
    }
}

impl From<KernelFetch> for FetchRow {
    fn from(fetch: KernelFetch) -> Self {
        let KernelFetch {
            kernel,
            packages,
            size_bytes,
            seconds,
            outcome,
        } = fetch;
        let tree = outcome.tree().cloned();
        let row = |name| Self {
            packages,
            bytes: size_bytes,
            seconds,
            tree,
            ..Self::new(kernel, name)
        };
        match outcome {
            FetchOutcome::Fetched(_) => row("fetched"),
            FetchOutcome::Found(_) => row("found"),
            FetchOutcome::Busy => row("busy").with_failure(&CliError::failed(
                "another sqern fetch is fetching this kernel",
            )),
            FetchOutcome::NotStarted => row("failed")
                .with_failure(&CliError::failed("interrupted before the fetch started")),
            FetchOutcome::Failed(error) => row("failed").with_failure(&error.into()),
        }
    }
}

/// Prints the rows, and the reasons to standard error.
pub fn print(rows: Vec<FetchRow>, printer: &Printer) -> Result<ExitStatus, CliError> {
    printer.list(&rows, &RowArgs::default())?;
    let mut exit = ExitStatus::Success;
    for FetchRow {
        kernel,
        outcome,
        reason,
        hints,
        ..
    } in rows
    {
        if let Some(reason) = reason {
            let failure = CliError::failed(format!("{kernel} {outcome}: {reason}"));
            printer.problem(&hints.into_iter().fold(failure, CliError::hint));
            exit = ExitStatus::Failed;
        }
    }
    Ok(exit)
}
