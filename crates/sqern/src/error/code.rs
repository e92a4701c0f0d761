//! The codes of errors: stable identifiers for programs.

use pg_connect::ConnectError;
use sqern_core::Error;
use sqern_core::journal_archive::ArchiveError;
use sqern_db::run::RunError;
use sqern_db::{DbError, Subject};
use sqern_model::Diagnostic as _;
use tokio_postgres::error::SqlState;

/// The code of an error that no other code describes.
pub const FAILED: &str = "failed";
/// The code of a usage error.
pub const USAGE: &str = "usage";

/// The code of an error of a file, directory or process.
pub const IO: &str = "io";
/// Another session holds a lock.
pub const LOCKED: &str = "locked";

/// All codes and their meanings. A code keeps its meaning in later versions.
pub const CODES: &[(&str, &str)] = &[
    (
        USAGE,
        "The command line contains an invalid combination of arguments.",
    ),
    (FAILED, "Another error. The message describes it."),
    (
        "interrupted",
        "SIGINT or SIGTERM stopped the command before the work was done.",
    ),
    (
        "internal",
        "A defect of the program, or of the data that it wrote.",
    ),
    (
        IO,
        "A file, directory or process of this machine could not be used.",
    ),
    (
        "no-server",
        "No database server is specified, and the private server is not running.",
    ),
    (
        "connection-settings",
        "A connection string, service, variable or password file is invalid.",
    ),
    (
        "unreachable",
        "No connection to the database server could be established.",
    ),
    (
        "private-server",
        "The private server could not be created, started or stopped.",
    ),
    ("database", "PostgreSQL reported an error."),
    (
        LOCKED,
        "Another session holds a lock that the command requires.",
    ),
    (
        "permission-denied",
        "The role has no privilege for the command.",
    ),
    (
        "schema-version",
        "The program cannot use the schema of the database.",
    ),
    ("unknown-distro", "The distribution does not exist."),
    (
        "unknown-kernel",
        "The kernel version does not exist, or is not part of the build or test run.",
    ),
    (
        "unknown-pattern",
        "The pattern of ignored kernels does not exist.",
    ),
    ("unknown-generation", "The generation does not exist."),
    (
        "unknown-revision",
        "No build and no available module has the revision.",
    ),
    (
        "unknown-target",
        "No build and no available module has the release target.",
    ),
    ("unknown-cluster", "The cluster does not exist."),
    ("unknown-cluster-type", "The cluster type does not exist."),
    (
        "unknown-table",
        "The table does not exist, or is not journaled.",
    ),
    ("unknown-run", "The build or test run does not exist."),
    (
        "unknown-source",
        "The source of the distribution does not exist.",
    ),
    (
        "ambiguous-kernel",
        "The kernel version exists in several distributions.",
    ),
    (
        "future-time",
        "A state was requested by a time in the future.",
    ),
    ("already-exists", "An object with this name already exists."),
    (
        "invalid-position",
        "The position of a follower does not belong to the database.",
    ),
    (
        "run-finished",
        "The build or test run has already finished.",
    ),
    (
        "not-ready",
        "A kernel lacks an earlier stage or is unwanted, no kernel has reached the required stage, or a build or test run lacks a successful kernel, a revision or a target.",
    ),
    ("no-source", "A distribution has no source."),
    (
        "pipeline-file",
        "The pipeline file is invalid or could not be read.",
    ),
    (
        "invalid-report",
        "The report of customers could not be read, is invalid, or contradicts itself.",
    ),
    (
        "report-shrink",
        "The report of customers deletes more than one fifth of the clusters or hosts.",
    ),
    (
        "archive-busy",
        "Another command writes to the archive of the journal.",
    ),
    (
        "invalid-archive",
        "The archive of the journal is damaged, incomplete or missing.",
    ),
    ("fetch", "The headers of a kernel could not be fetched."),
    ("store-busy", "Another command uses the store."),
    (
        "download",
        "A server of a repository could not be reached, or did not send a complete file.",
    ),
    (
        "not-found",
        "A file does not exist on a server or on this machine.",
    ),
    (
        "authentication",
        "A server of a repository rejected the credentials, or requires some.",
    ),
    ("certificate", "A certificate is invalid or missing."),
    (
        "configuration",
        "The definition of a source, or its credentials, are invalid.",
    ),
    ("keyring", "A keyring is missing or invalid."),
    (
        "missing-signature",
        "The metadata of a repository is not signed.",
    ),
    (
        "invalid-signature",
        "The signature of a repository is invalid, or by an unknown or expired key.",
    ),
    (
        "outdated",
        "The metadata of a repository is expired, older than before, or dated in the future.",
    ),
    (
        "invalid-metadata",
        "The metadata of a repository has an invalid format.",
    ),
    (
        "checksum-mismatch",
        "A file differs from its size or checksum in the metadata.",
    ),
    ("limit-exceeded", "A file exceeds a limit."),
    ("storage-full", "The disk is full, or a quota is exceeded."),
    (
        "unsafe-directory",
        "Other users can change or replace a directory of the store or of logs, or such a directory is a symbolic link.",
    ),
    (
        "invalid-name",
        "A name or checksum cannot be part of a path in the store.",
    ),
    (
        "invalid-manifest",
        "The manifest of a tree is missing, invalid, or that of another kernel.",
    ),
    (
        "modified-tree",
        "The files of a tree differ from its manifest.",
    ),
    (
        "invalid-package",
        "A package is damaged, or contains entries that are not allowed.",
    ),
    (
        "invalid-tree",
        "The packages do not contain usable headers of the kernel.",
    ),
    (
        "unsupported-path",
        "The kernel build system cannot use a path of the store.",
    ),
    ("missing-tool", "A build program could not be started."),
    ("build-failed", "The test module could not be compiled."),
    (
        "sandbox",
        "The sandbox of a command could not be created, or the required isolation is not available.",
    ),
    (
        "time-limit",
        "The compilation of the test module exceeded its time limit.",
    ),
    (
        "wrong-vermagic",
        "The compiled test module is of another kernel.",
    ),
];

/// Returns the code of an error of the database.
pub(super) fn of_database(error: &DbError) -> &'static str {
    match error {
        DbError::Postgres(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            "permission-denied"
        }
        DbError::Postgres(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => LOCKED,
        DbError::Locked { .. } | DbError::ReadModelLocked { .. } => LOCKED,
        DbError::Postgres(_) => "database",
        DbError::Schema(_) => "schema-version",
        DbError::Position(_) => "invalid-position",
        DbError::Exists { .. } => "already-exists",
        DbError::Future { .. } => "future-time",
        DbError::ReadOnly { .. } | DbError::NotCrawler { .. } => "permission-denied",
        DbError::Unexpected { .. } => "internal",
        DbError::Unknown { subject, .. } => match subject {
            Subject::Distro => "unknown-distro",
            Subject::KernelVersion => "unknown-kernel",
            Subject::Pattern => "unknown-pattern",
            Subject::Generation => "unknown-generation",
            Subject::Revision => "unknown-revision",
            Subject::ReleaseTarget => "unknown-target",
            Subject::Cluster => "unknown-cluster",
            Subject::Table => "unknown-table",
            Subject::Run(_) => "unknown-run",
        },
    }
}

/// Returns the code of an error of a connection.
pub(super) fn of_connection(error: &ConnectError) -> &'static str {
    match error {
        ConnectError::NoServerSpecified { .. } => "no-server",
        ConnectError::Unreachable { .. } => "unreachable",
        ConnectError::Tls(_) | ConnectError::TlsFile { .. } => "certificate",
        _ => "connection-settings",
    }
}

/// Returns the code of an error of an archive.
fn of_archive(error: &ArchiveError) -> &'static str {
    match error {
        ArchiveError::Busy { .. } | ArchiveError::Exists { .. } => "archive-busy",
        ArchiveError::Empty { .. }
        | ArchiveError::Missing { .. }
        | ArchiveError::Invalid { .. } => "invalid-archive",
        ArchiveError::Position { .. } | ArchiveError::StandbyLags => "invalid-position",
    }
}

/// Returns the code of an error of a use case.
pub(super) fn of_use_case(error: &Error) -> &'static str {
    match error {
        Error::Db(error)
        | Error::Run {
            error: RunError::Db(error),
            ..
        } => of_database(error),
        Error::Connect(error) => of_connection(error),
        Error::PrivateServer(_) => "private-server",
        Error::Store(error) => error.code(),
        Error::Sandbox(_) => "sandbox",
        Error::Upstream(error) => error.code(),
        Error::Io { .. } => IO,
        Error::Fetch(_) => "fetch",
        Error::Keyring(_) => "keyring",
        Error::Run {
            error: RunError::Finished { .. },
            ..
        } => "run-finished",
        Error::Run {
            error: RunError::NotInRun { .. },
            ..
        } => "unknown-kernel",
        Error::Run {
            error: RunError::Ambiguous { .. },
            ..
        }
        | Error::AmbiguousKernel { .. } => "ambiguous-kernel",
        Error::NotReady { .. }
        | Error::SeveralBuilds { .. }
        | Error::NoInput { .. }
        | Error::NoKernelNamed
        | Error::NoTestedBuild
        | Error::NoSuccessfulKernel { .. }
        | Error::MissingRunField { .. } => "not-ready",
        Error::NoSource { .. } | Error::NoSupportedSource => "no-source",
        Error::UnknownSource { .. } => "unknown-source",
        Error::UnknownDistribution { .. } => "unknown-distro",
        Error::PipelineFileUnreadable { .. } | Error::PipelineFileInvalid { .. } => "pipeline-file",
        Error::UnknownClusterType(_) => "unknown-cluster-type",
        Error::InvalidReport { .. } | Error::ReportConflict { .. } => "invalid-report",
        Error::ReportShrink(_) => "report-shrink",
        Error::SourceFile(_) | Error::Client(_) => "configuration",
        Error::Archive(error) => of_archive(error),
        Error::StoreBusy => "store-busy",
        Error::Interrupted => "interrupted",
        _ => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_one_meaning() {
        let codes: BTreeSet<&str> = CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(codes.len(), CODES.len());
        let source = include_str!("code.rs");
        let functions = &source[source.find("pub(super) fn of_database").unwrap()
            ..source.find("#[cfg(test)]\nmod").unwrap()];
        let set_directly = include_str!("../error.rs")
            .split("code: \"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        let used: BTreeSet<&str> = functions
            .split('"')
            .skip(1)
            .step_by(2)
            .chain(set_directly)
            .collect();
        let kinds = sqern_upstream::ErrorKind::ALL
            .iter()
            .map(|kind| kind.code());
        let kinds = kinds.chain(sqern_store::ErrorKind::ALL.iter().map(|kind| kind.code()));
        let missing: Vec<&str> = used
            .into_iter()
            .chain(kinds)
            .filter(|code| !codes.contains(code))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
