//! Errors of database operations.

use std::fmt;

use jiff::Timestamp;
use sqern_model::RunKind;
use tokio_postgres::error::SqlState;

use crate::suggest::did_you_mean;

/// The error of a database operation.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// PostgreSQL reported an error, or the connection was lost.
    #[error("{}", describe(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// The program cannot use the schema.
    #[error(transparent)]
    Schema(#[from] crate::migrate::SchemaError),
    /// A follower's position does not belong to this database.
    #[error(transparent)]
    Position(#[from] crate::follow::PositionError),
    /// A named object does not exist.
    #[error("{subject} {got:?} does not exist")]
    Unknown {
        /// The kind of object.
        subject: Subject,
        /// The name of the object.
        got: String,
        /// The names of similar existing objects.
        near: Vec<String>,
    },
    /// An object with this name already exists.
    #[error("{subject} {got:?} already exists")]
    Exists {
        /// The kind of object.
        subject: Subject,
        /// The name of the object.
        got: String,
    },
    /// The role of the session cannot record changes.
    #[error("role {role} can read, but cannot record changes")]
    ReadOnly {
        /// The role.
        role: String,
    },
    /// The role of the session cannot record crawls.
    #[error("role {role} cannot record crawls")]
    NotCrawler {
        /// The role.
        role: String,
    },
    /// Other sessions hold locks that the operation requires.
    #[error("could not lock the tables of the schema: {}", locked_by(holders))]
    Locked {
        /// The sessions that hold locks on tables of the schema.
        holders: Vec<String>,
    },
    /// Another session locks the read model.
    #[error("could not update the read model: {}", locked_by(holders))]
    ReadModelLocked {
        /// The sessions that lock the read model.
        holders: Vec<String>,
    },
    /// A state was requested by a time in the future.
    #[error("the time {at} is in the future")]
    Future {
        /// The time.
        at: Timestamp,
    },
    /// A value in the database violates the schema, or this program does not support it.
    #[error("invalid value in column {column}: {reason}")]
    Unexpected {
        /// The column of the query or table.
        column: String,
        /// The reason, usually with the valid values and the value.
        reason: String,
    },
}

/// The kind of an object that an error refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A row of `distro`.
    Distro,
    /// A version in `kver`.
    KernelVersion,
    /// A live pattern of `kver_ignore`.
    Pattern,
    /// A row of `generation`.
    Generation,
    /// A revision of a build or an available module.
    Revision,
    /// A release target of a build or an available module.
    ReleaseTarget,
    /// A live row of `cust_cluster`.
    Cluster,
    /// A table in schema `public`.
    Table,
    /// A live row of `sp_build` or `sp_test`.
    Run(RunKind),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Distro => "distribution",
            Self::KernelVersion => "kernel version",
            Self::Pattern => "pattern",
            Self::Generation => "generation",
            Self::Revision => "revision",
            Self::ReleaseTarget => "release target",
            Self::Cluster => "cluster",
            Self::Table => "table",
            Self::Run(kind) => kind.noun(),
        })
    }
}

impl Subject {
    /// Returns the command that lists the existing objects, if there is one.
    fn hint(self) -> Option<&'static str> {
        match self {
            Self::Distro => {
                Some("sqern distro list  # or add it with sqern distro import or sqern distro add")
            }
            Self::KernelVersion => Some("sqern kver list --all"),
            Self::Pattern => Some("sqern ignore list"),
            Self::Generation => Some("sqern generation list"),
            Self::Revision | Self::ReleaseTarget => Some("sqern build list"),
            Self::Cluster | Self::Table | Self::Run(_) => None,
        }
    }
}

impl DbError {
    /// Returns a hint, if there is one: a command or a sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Postgres(error) => postgres_hint(error),
            Self::Schema(error) => error.hint(),
            Self::Position(_) => Some("sqern event follow --from start  # or --from now".into()),
            Self::Unknown { subject, .. } => subject.hint().map(str::to_owned),
            Self::ReadOnly { role } => Some(grant_hint("sqern_writer", role)),
            Self::NotCrawler { role } => Some(grant_hint("sqern_crawler", role)),
            Self::Locked { .. } => Some(
                "Nothing was changed. Run the command again when the other session has ended."
                    .into(),
            ),
            Self::ReadModelLocked { .. } => {
                Some("Run the command again when the other session has ended.".into())
            }
            Self::Exists { .. } | Self::Future { .. } | Self::Unexpected { .. } => None,
        }
    }

    /// Returns the hint that suggests similar names, if there are any.
    #[must_use]
    pub fn suggestion(&self) -> Option<String> {
        match self {
            Self::Unknown { near, .. } => did_you_mean(near),
            _ => None,
        }
    }

    /// Returns whether the connection was lost or the server canceled the work, so that a retry on
    /// a new connection can succeed: SQLSTATE classes 08 and 57P, and 40001, by which a standby
    /// cancels queries that conflict with recovery.
    #[must_use]
    pub fn is_interruption(&self) -> bool {
        let Self::Postgres(error) = self else {
            return false;
        };
        match error.code() {
            Some(code) => ["08", "57P", "40001"]
                .iter()
                .any(|class| code.code().starts_with(class)),
            None => {
                error.is_closed()
                    || std::error::Error::source(error)
                        .is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
            }
        }
    }
}

fn locked_by(holders: &[String]) -> String {
    if holders.is_empty() {
        "the session that held a lock has ended".to_owned()
    } else {
        format!("locked by {}", holders.join(", "))
    }
}

fn grant_hint(granted: &str, role: &str) -> String {
    let role = role.replace('"', "\"\"");
    format!("An administrator can run: GRANT {granted} TO \"{role}\"")
}

fn postgres_hint(error: &tokio_postgres::Error) -> Option<String> {
    let database = error.as_db_error()?;
    if let Some(hint) = database.hint() {
        return Some(hint.to_owned());
    }
    match *database.code() {
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_FUNCTION => Some("sqern db migrate".into()),
        SqlState::INSUFFICIENT_PRIVILEGE => Some(
            "Grant a role to the user: sqern_reader to read, sqern_writer to write, sqern_crawler to record crawls, sqern_admin to migrate or delete.".into(),
        ),
        SqlState::READ_ONLY_SQL_TRANSACTION => Some(
            "The server is a standby, or the role may only read. To find the primary of several hosts, add target_session_attrs=read-write to the connection.".into(),
        ),
        SqlState::QUERY_CANCELED if database.message().contains("statement timeout") => Some(
            "The role or the database has a statement_timeout. To disable it for one command: PGOPTIONS='-c statement_timeout=0' sqern …".into(),
        ),
        SqlState::CHARACTER_NOT_IN_REPERTOIRE | SqlState::UNTRANSLATABLE_CHARACTER => Some(
            "sqern db check  # reports a database without the encoding UTF8".into(),
        ),
        SqlState::TOO_MANY_CONNECTIONS => Some("Wait until other sessions have ended, or raise max_connections or the limit of the role.".into()),
        SqlState::DISK_FULL => Some("Free disk space on the database server. Nothing was changed.".into()),
        _ => None,
    }
}

/// Returns the message and detail of PostgreSQL, one per line, or the chain of causes of a lost
/// connection.
fn describe(error: &tokio_postgres::Error) -> String {
    let Some(database) = error.as_db_error() else {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        return text;
    };
    let detail = database
        .detail()
        .map(|detail| format!("\n  {detail}"))
        .unwrap_or_default();
    format!("{}{detail}", database.message())
}
