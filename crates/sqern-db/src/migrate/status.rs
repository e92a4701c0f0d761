//! What the schema is, and whether this program can work with it.

use serde::Serialize;
use tokio_postgres::GenericClient;

use super::{checksum, files};
use crate::DbError;

/// The oldest PostgreSQL that the schema works on, as `server_version_num`.
pub const OLDEST_SERVER: i32 = 150_000;

/// A schema that this program can't work with.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Nothing was migrated yet.
    #[error("expected sqern's schema at version {latest}, got a database without it")]
    Missing {
        /// The version that this program brings.
        latest: i32,
    },
    /// The program is newer than the schema.
    #[error("expected sqern's schema at version {latest}, got version {got}")]
    Older {
        /// The schema's version.
        got: i32,
        /// The version that this program brings.
        latest: i32,
    },
    /// The functions are not this program's.
    #[error("expected this program's functions in the database, got other ones: {}", .files.join(", "))]
    FunctionsDiffer {
        /// The files that differ.
        files: Vec<String>,
    },
    /// The schema is newer than the program: it can't be migrated, and maybe not even used.
    #[error(
        "expected a schema that sqern {program} knows (version {latest} at most), got version {got} ({name}){}", must_not(*.breaking)
    )]
    Newer {
        /// The schema's version.
        got: i32,
        /// What the unknown migration brought.
        name: String,
        /// Whether older programs must not use the schema at all; otherwise they only can't migrate it.
        breaking: bool,
        /// The version that this program brings.
        latest: i32,
        /// This program's version.
        program: &'static str,
    },
    /// A migration that was applied is not the one that this program has under that number.
    #[error("expected migration {version} ({name}) as this program has it, got another one of that number in the database")]
    Altered {
        /// Its number.
        version: i32,
        /// Its name.
        name: String,
    },
    /// A target was asked for that does not exist.
    #[error("expected a schema version from 0 to {latest}, got {got}")]
    NoSuchVersion {
        /// What was asked for.
        got: i32,
        /// The version that this program brings.
        latest: i32,
    },
    /// The server is too old.
    #[error("expected PostgreSQL 15 or newer, got {got}")]
    OldServer {
        /// The server's version.
        got: String,
    },
}

impl SchemaError {
    /// Something that can be typed to get further.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } | Self::Older { .. } | Self::FunctionsDiffer { .. } => Some("sqern db migrate".into()),
            Self::Newer { .. } => {
                Some("install the sqern that migrated this database, or a newer one; nothing was changed".into())
            }
            Self::Altered { .. } => Some("sqern db status  # which program migrated this database?".into()),
            Self::NoSuchVersion { .. } => Some("sqern db status".into()),
            Self::OldServer { .. } => Some("sqern local up  # or name another server with --service or --dsn".into()),
        }
    }
}

fn must_not(breaking: bool) -> &'static str {
    if breaking { ", which older programs must not use" } else { ", which older programs can use and not migrate" }
}

/// A migration that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Its number.
    pub version: i32,
    /// What it brought.
    pub name: String,
    /// Whether programs that do not know it must keep away.
    pub breaking: bool,
    /// SHA-256 of its file, in hexadecimal.
    pub checksum: String,
}

/// What the schema is, beside what this program would make of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaStatus {
    /// The schema's version; 0 when there is none.
    pub version: i32,
    /// The version that this program brings.
    pub latest: i32,
    /// The migrations that were applied, oldest first.
    pub applied: Vec<Applied>,
    /// The function files that differ from what was applied last.
    pub functions_differ: Vec<String>,
}

impl SchemaStatus {
    /// Whether what was applied is what this program has: a foreign or newer schema is never migrated.
    pub(super) fn check_history(&self) -> Result<(), SchemaError> {
        for applied in &self.applied {
            match files::migrations().iter().find(|migration| migration.version == applied.version) {
                None => return Err(self.newer(applied)),
                Some(known) if known.checksum != applied.checksum => {
                    return Err(SchemaError::Altered { version: applied.version, name: applied.name.clone() });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Whether this program may read and write the data: the schema is at its version, or at a newer one that does not mind.
    pub fn check_usable(&self) -> Result<(), SchemaError> {
        if let Some(breaking) = self.applied.iter().rev().find(|applied| applied.version > self.latest && applied.breaking) {
            return Err(self.newer(breaking));
        }
        if self.version > self.latest {
            return Ok(());
        }
        if self.version == 0 {
            return Err(SchemaError::Missing { latest: self.latest });
        }
        if self.version < self.latest {
            return Err(SchemaError::Older { got: self.version, latest: self.latest });
        }
        if !self.functions_differ.is_empty() {
            return Err(SchemaError::FunctionsDiffer { files: self.functions_differ.clone() });
        }
        Ok(())
    }

    fn newer(&self, applied: &Applied) -> SchemaError {
        SchemaError::Newer {
            got: applied.version,
            name: applied.name.clone(),
            breaking: applied.breaking,
            latest: self.latest,
            program: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// What the schema is.
pub async fn status(client: &impl GenericClient) -> Result<SchemaStatus, DbError> {
    read(client).await
}

/// An error, with what to type, unless this program may read and write the data.
pub async fn require_usable(client: &impl GenericClient) -> Result<(), DbError> {
    Ok(read(client).await?.check_usable()?)
}

pub(super) async fn read(client: &impl GenericClient) -> Result<SchemaStatus, DbError> {
    let server = client
        .query_one("SELECT current_setting('server_version_num')::int, current_setting('server_version'), to_regclass('public.schema_migration') IS NOT NULL", &[])
        .await?;
    if server.get::<_, i32>(0) < OLDEST_SERVER {
        return Err(SchemaError::OldServer { got: server.get(1) }.into());
    }
    let latest = files::latest_version();
    if !server.get::<_, bool>(2) {
        return Ok(SchemaStatus { version: 0, latest, applied: vec![], functions_differ: vec![] });
    }
    let applied: Vec<Applied> = client
        .query("SELECT version, name, breaking, checksum FROM public.schema_migration ORDER BY version", &[])
        .await?
        .iter()
        .map(|row| Applied { version: row.get(0), name: row.get(1), breaking: row.get(2), checksum: row.get(3) })
        .collect();
    let stored: Vec<(String, String)> = client
        .query("SELECT file, checksum FROM public.schema_function ORDER BY file", &[])
        .await?
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    Ok(SchemaStatus {
        version: applied.last().map_or(0, |applied| applied.version),
        latest,
        applied,
        functions_differ: differing_functions(&stored),
    })
}

/// The names of the files that were not applied as this program has them, and of those that it no longer has.
fn differing_functions(stored: &[(String, String)]) -> Vec<String> {
    let ours: Vec<(String, String)> = files::functions().iter().map(|(file, text)| (file.clone(), checksum(text))).collect();
    let mut differing: Vec<String> = ours
        .iter()
        .filter(|entry| !stored.contains(entry))
        .chain(stored.iter().filter(|(file, _)| !ours.iter().any(|(own, _)| own == file)))
        .map(|(file, _)| file.clone())
        .collect();
    differing.sort();
    differing
}
