//! The error type of this crate.

use std::io;
use std::path::PathBuf;

use pg_connect::{ConnectError, HintTexts};
use pg_local::LocalError;
use sqern_db::DbError;
use sqern_db::follow::PositionError;
use sqern_db::run::RunError;
use sqern_model::{Diagnostic as _, DistroName, Kernel, KernelName, RunKind, join_some};
use sqern_upstream::{ClientError, SourceFileError};

use crate::customers::{CompareError, InvalidReport, Place, ReportShrink};
use crate::fetch::FetchError;
use crate::journal_archive::ArchiveError;
use crate::keyring::KeyringError;
use crate::runs::NotReadyReason;

pub use sqern_store::Error as StoreError;

/// The error of a use case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database reported an error.
    #[error(transparent)]
    Db(#[from] DbError),
    /// No connection to the database could be established.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The private server could not be used.
    #[error(transparent)]
    PrivateServer(#[from] LocalError),
    /// The store or a directory of logs could not be used.
    #[error("{}", .0.message())]
    Store(#[from] StoreError),
    /// The sandbox of a command could not be created.
    #[error(transparent)]
    Sandbox(#[from] sqern_sandbox::Error),
    /// A repository could not be read.
    #[error("{}", .0.message())]
    Upstream(#[from] sqern_upstream::Error),
    /// A file of distributions cannot be used.
    #[error(transparent)]
    SourceFile(#[from] SourceFileError),
    /// The client of repositories could not be created.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Keys could not be imported.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A file or process of this machine could not be used.
    #[error("{operation}: {source}")]
    Io {
        /// The operation, as a text that starts with "could not".
        operation: String,
        /// The reason.
        source: io::Error,
    },
    /// Headers of a kernel could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// An operation on a recorded run failed.
    #[error("{error}")]
    Run {
        /// The kind of the run.
        kind: RunKind,
        /// The reason.
        error: RunError,
    },
    /// A selected kernel cannot be built or tested.
    #[error("cannot {kind} {kernel}: {reason}")]
    NotReady {
        /// The kind of the run.
        kind: RunKind,
        /// The kernel.
        kernel: KernelName,
        /// The reason.
        reason: NotReadyReason,
    },
    /// Kernels of different builds are selected for one test run.
    #[error("the kernels belong to different builds, and a test run tests one build: {}", join_builds(.kernels))]
    SeveralBuilds {
        /// The kernels and their builds.
        kernels: Vec<(Kernel, i64)>,
    },
    /// No kernel can be built or tested at all.
    #[error("{}", no_input(*.kind))]
    NoInput {
        /// The kind of the run.
        kind: RunKind,
    },
    /// A run was to be started with named kernels, but the selection contains none.
    #[error("cannot start a run without kernels")]
    NoKernelNamed,
    /// The plan of a test contains no build.
    #[error("no build has kernels to test")]
    NoTestedBuild,
    /// A distribution has no sources.
    #[error("distribution \"{distro}\" has no sources")]
    NoSource {
        /// The distribution.
        distro: DistroName,
        /// Similar names.
        similar: Vec<String>,
    },
    /// A distribution does not have a selected source.
    #[error("unknown source \"{name}\" of {distro}; its sources are {}", known.join(", "))]
    UnknownSource {
        /// The distribution.
        distro: DistroName,
        /// The selected name.
        name: String,
        /// The names of its sources.
        known: Vec<String>,
    },
    /// No supported distribution has a source.
    #[error("no supported distribution has a source")]
    NoSupportedSource,
    /// The distribution of this machine is unknown.
    #[error(
        "unknown distribution of this machine: os-release contains ID={id} VERSION_ID={version_id}"
    )]
    UnknownDistribution {
        /// `ID` of os-release(5).
        id: String,
        /// `VERSION_ID` of os-release(5).
        version_id: String,
    },
    /// A selected run has no successful kernel.
    #[error("{kind} {id} contains no kernel with result SUCCESS")]
    NoSuccessfulKernel {
        /// The kind of the run.
        kind: RunKind,
        /// The id of the run.
        id: i64,
    },
    /// A selected run has no value that the modules require.
    #[error("{kind} {id} has no {field}")]
    MissingRunField {
        /// The kind of the run.
        kind: RunKind,
        /// The id of the run.
        id: i64,
        /// `revision` or `target`.
        field: &'static str,
    },
    /// A kernel version exists in several distributions.
    #[error("kernel {name} is ambiguous: it exists in {}", join_names(distros))]
    AmbiguousKernel {
        /// The name, which does not contain a distribution.
        name: KernelName,
        /// The distributions.
        distros: Vec<DistroName>,
    },
    /// The pipeline file could not be read.
    #[error("could not read pipeline file {}: {source}", path.display())]
    PipelineFileUnreadable {
        /// The path.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The pipeline file contains an invalid value.
    #[error("{}{}: {reason}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    PipelineFileInvalid {
        /// The path.
        path: PathBuf,
        /// The line, if the error belongs to one.
        line: Option<usize>,
        /// The reason.
        reason: String,
    },
    /// A position file contains something else.
    #[error("invalid position file {}: expected a position and a newline, found {found}", path.display())]
    PositionFileInvalid {
        /// The path.
        path: PathBuf,
        /// The start of the content.
        found: String,
    },
    /// The position of a position file does not belong to the database.
    #[error("{error}; the position is from {}", path.display())]
    PositionRejected {
        /// The path of the position file.
        path: PathBuf,
        /// The reason.
        error: PositionError,
    },
    /// An archive of the journal cannot be extended or verified.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A cluster type does not exist. The text contains the known types.
    #[error("{0}")]
    UnknownClusterType(String),
    /// A report of customers is invalid or unreadable.
    #[error("{}{}; nothing was changed", place_in(name, error.place), error.reason)]
    InvalidReport {
        /// The name of the source.
        name: String,
        /// The reason.
        error: InvalidReport,
    },
    /// A report of customers contains a cluster or host twice, or no cluster.
    #[error("{error}; nothing was changed")]
    ReportConflict {
        /// The reason.
        error: CompareError,
        /// Whether the report is CSV, whose lines might only be unsorted.
        is_csv: bool,
    },
    /// A report of customers would delete too many clusters or hosts.
    #[error("report would delete {}, more than one fifth; nothing was changed", .0.excess())]
    ReportShrink(ReportShrink),
    /// The cache of the store cannot be pruned now.
    #[error("could not prune the cache: another sqern fetch uses this store")]
    StoreBusy,
    /// The use case was canceled before it changed anything.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Returns whether a connection was lost or could not be established, so that a later attempt
    /// can succeed.
    #[must_use]
    pub fn is_interruption(&self) -> bool {
        match self {
            Self::Db(error) => error.is_interruption(),
            Self::Connect(error) => error.is_transient(),
            _ => false,
        }
    }

    /// Returns a function that adds the failed operation to an I/O error. `operation` starts with
    /// "could not".
    pub fn io(operation: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            operation: operation.into(),
            source,
        }
    }

    /// Returns the error of an operation on a run.
    pub(crate) fn run(kind: RunKind, error: impl Into<RunError>) -> Self {
        Self::Run {
            kind,
            error: error.into(),
        }
    }

    /// Returns the hints. Each is a command, or a sentence. A front end with its own options or a
    /// private server describes an [`Error::Connect`] or [`Error::PrivateServer`] itself, and one
    /// that knows the command line adds how to accept an [`Error::ReportShrink`].
    #[must_use]
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Db(error) => error.suggestion().into_iter().chain(error.hint()).collect(),
            Self::Connect(error) => error.hint(&HintTexts::default()).into_iter().collect(),
            Self::Store(error) => error.hint().map(str::to_owned).into_iter().collect(),
            Self::Sandbox(error) => error.hint().map(str::to_owned).into_iter().collect(),
            Self::Upstream(error) => error.hint().map(str::to_owned).into_iter().collect(),
            Self::Fetch(error) => error.hints(),
            Self::Keyring(error) => vec![error.hint()],
            Self::Run { kind, error } => run_hints(*kind, error),
            Self::NotReady { kernel, reason, .. } => vec![match reason {
                NotReadyReason::NotFetched => format!("sqern fetch --kernel {kernel}"),
                NotReadyReason::NotBuilt { build: None } => {
                    format!("sqern build plan --kernel {kernel}")
                }
                NotReadyReason::NotBuilt { build: Some(id) } => format!("sqern build show {id}"),
                NotReadyReason::Archived | NotReadyReason::Ignored => {
                    format!("sqern why {kernel}  # prints the reason")
                }
            }],
            Self::SeveralBuilds { .. } => {
                vec!["Start a test run for each build, with the kernels of this build.".to_owned()]
            }
            Self::NoInput {
                kind: RunKind::Build,
            } => vec!["sqern fetch --limit 3".to_owned()],
            Self::NoInput {
                kind: RunKind::Test,
            } => vec!["sqern build plan".to_owned()],
            Self::PositionFileInvalid { path, .. } | Self::PositionRejected { path, .. } => {
                let path = path.display();
                vec![format!(
                    "rm {path}; sqern event follow --position {path} --from start  # or: --from now, --from POSITION"
                )]
            }
            Self::Archive(error) => vec![error.hint()],
            Self::NoSuccessfulKernel { kind, id } => vec![format!("sqern {kind} kernels {id}")],
            Self::MissingRunField { field, .. } => vec![format!(
                "Specify it with --{field} {}.",
                field.to_uppercase()
            )],
            Self::AmbiguousKernel { name, distros } => {
                let example = distros
                    .first()
                    .map(|distro| format!(", as in --kernel {distro}/{}", name.version));
                vec![format!(
                    "Specify the distribution{}.",
                    example.unwrap_or_default()
                )]
            }
            Self::NoSource { similar, .. } => no_source_hints(similar),
            Self::NoSupportedSource => vec![
                "sqern distro import".to_owned(),
                "sqern check --distro NAME".to_owned(),
            ],
            Self::UnknownDistribution { .. } => {
                vec!["sqern check --apt-lists --distro NAME".to_owned()]
            }
            Self::UnknownClusterType(_) => vec!["sqern cust type list".to_owned()],
            Self::InvalidReport { error, .. } => error.hint.clone().into_iter().collect(),
            Self::ReportConflict {
                error: CompareError::HostTwice { .. },
                is_csv: true,
            } => {
                let sort = "{ head -n 1 FILE; tail -n +2 FILE | sort; } | sqern cust load -  # if the lines are only unsorted";
                vec![sort.to_owned()]
            }
            Self::StoreBusy => vec![
                "sqern store prune --cache  # after the other sqern fetch has finished".to_owned(),
            ],
            Self::PipelineFileUnreadable { .. } => vec!["sqern pipeline run --help".to_owned()],
            Self::PipelineFileInvalid { .. } => {
                vec!["sqern pipeline run --help  # prints an example file".to_owned()]
            }
            Self::SourceFile(_)
            | Self::Client(_)
            | Self::UnknownSource { .. }
            | Self::Io { .. }
            | Self::NoKernelNamed
            | Self::NoTestedBuild
            | Self::PrivateServer(_)
            | Self::ReportConflict { .. }
            | Self::ReportShrink(_)
            | Self::Interrupted => vec![],
        }
    }

    /// Returns whether the error is a defect of this program, or of the data that it wrote.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        let unexpected = |error: &DbError| matches!(error, DbError::Unexpected { .. });
        match self {
            Self::Db(error)
            | Self::Run {
                error: RunError::Db(error),
                ..
            } => unexpected(error),
            _ => false,
        }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Returns the position in a report, before a message about it.
fn place_in(name: &str, place: Option<Place>) -> String {
    place
        .map(|place| format!("{name}, {place}: "))
        .unwrap_or_default()
}

fn join_builds(kernels: &[(Kernel, i64)]) -> String {
    let kernels: Vec<String> = kernels
        .iter()
        .map(|(kernel, build)| format!("{kernel} of build {build}"))
        .collect();
    join_some(&kernels)
}

fn no_input(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Build => "no kernel headers are fetched",
        RunKind::Test => "no build has succeeded",
    }
}

fn join_names(distros: &[DistroName]) -> String {
    distros
        .iter()
        .map(DistroName::as_str)
        .collect::<Vec<_>>()
        .join(" and ")
}

fn no_source_hints(similar: &[String]) -> Vec<String> {
    let similar = sqern_db::did_you_mean(similar);
    let sources =
        "sqern source list  # or use a directory of distribution files: --sources DIR".to_owned();
    similar.into_iter().chain([sources]).collect()
}

fn run_hints(kind: RunKind, error: &RunError) -> Vec<String> {
    match error {
        RunError::Db(error) => error
            .suggestion()
            .into_iter()
            .chain(error.hint())
            .chain([format!("sqern {kind} list")])
            .collect(),
        RunError::Finished { id, .. } | RunError::NoLease { id, .. } => {
            vec![format!("sqern {kind} show {id}")]
        }
        RunError::NotInRun { id, near, .. } => sqern_db::did_you_mean(near)
            .into_iter()
            .chain([format!("sqern {kind} kernels {id}")])
            .collect(),
        RunError::Ambiguous { id, .. } => vec![format!("sqern {kind} kernels {id}")],
    }
}
