//! The state of the schema, and whether this program can use it.

use schemars::JsonSchema;
use serde::Serialize;

use super::{checksum, files};
use crate::decode::{from_row, query_row, query_rows};
use crate::{DbError, SqlClient};

/// The oldest supported PostgreSQL version, as `server_version_num`.
pub const OLDEST_SERVER: i32 = 150_000;

/// The program cannot use or migrate the schema.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database has no schema.
    #[error("database has no sqern schema")]
    Missing {
        /// The schema version of this program.
        latest: i32,
    },
    /// The program is newer than the schema.
    #[error("database schema has version {got}, but version {latest} is required")]
    Older {
        /// The version of the schema.
        got: i32,
        /// The schema version of this program.
        latest: i32,
    },
    /// The functions in the database differ from those of this program.
    #[error("functions in the database differ from those of this program: {}", .files.join(", "))]
    FunctionsDiffer {
        /// The files that differ.
        files: Vec<String>,
    },
    /// The schema is newer than the program. The program cannot migrate it, and must not use it
    /// after a breaking migration.
    #[error(
        "database schema version {got} ({name}) is newer than version {latest} of sqern {program}; {}", must_not(*.breaking)
    )]
    Newer {
        /// The version of the schema.
        got: i32,
        /// The name of the unknown migration.
        name: String,
        /// Whether older programs must not use the schema. Otherwise they only cannot migrate it.
        breaking: bool,
        /// The schema version of this program.
        latest: i32,
        /// The version of this program.
        program: &'static str,
    },
    /// An applied migration differs from the migration of this program with the same number.
    #[error(
        "migration {version} ({name}) in the database differs from the migration of this program"
    )]
    Altered {
        /// The number of the migration.
        version: i32,
        /// The name of the migration.
        name: String,
    },
    /// The requested version does not exist.
    #[error("schema version {got} is outside the valid range (0 .. {latest})")]
    NoSuchVersion {
        /// The requested schema version.
        got: i32,
        /// The schema version of this program.
        latest: i32,
    },
    /// The encoding of the database is not UTF8. Text of other encodings can be invalid or
    /// impossible to convert.
    #[error("database encoding {got} is not supported, UTF8 is required")]
    Encoding {
        /// The encoding.
        got: String,
    },
    /// The server is too old.
    #[error("PostgreSQL {got} is not supported, version 15 or later is required")]
    OldServer {
        /// The version of the server.
        got: String,
    },
}

impl SchemaError {
    /// Returns a hint: a command or a sentence.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } | Self::Older { .. } | Self::FunctionsDiffer { .. } => Some("sqern db migrate".into()),
            Self::Newer { .. } => {
                Some("Install the version of sqern that migrated this database, or a later one. Nothing was changed.".into())
            }
            Self::Altered { .. } => Some("sqern db status  # shows the applied migrations".into()),
            Self::Encoding { .. } => {
                Some("Create the database with: createdb --encoding=UTF8 --template=template0 NAME".into())
            }
            Self::NoSuchVersion { .. } => Some("sqern db status".into()),
            Self::OldServer { .. } => Some("sqern local up  # or specify another server with --service or --dsn".into()),
        }
    }
}

fn must_not(breaking: bool) -> &'static str {
    if breaking {
        "older programs must not use it"
    } else {
        "older programs can use it, but not migrate it"
    }
}

/// A migration that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Applied {
    /// The number of the migration.
    pub version: i32,
    /// The name of the migration.
    pub name: String,
    /// Whether older programs must not use the database.
    pub breaking: bool,
    /// SHA-256 of its file, in hexadecimal.
    pub checksum: String,
}

from_row!(Applied {
    version,
    name,
    breaking,
    checksum
});

/// The state of the schema, compared with this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SchemaStatus {
    /// The version of the schema; 0 if there is none.
    pub version: i32,
    /// The schema version of this program.
    pub latest: i32,
    /// The migrations that were applied, oldest first.
    pub applied: Vec<Applied>,
    /// The function files that differ from the applied ones.
    pub functions_differ: Vec<String>,
}

impl SchemaStatus {
    /// Returns an error if the applied migrations are not those of this program, which never
    /// migrates such a schema.
    pub(super) fn check_history(&self) -> Result<(), SchemaError> {
        for applied in &self.applied {
            match files::migrations()
                .iter()
                .find(|migration| migration.version == applied.version)
            {
                None => return Err(self.newer(applied)),
                Some(known) if known.checksum != applied.checksum => {
                    return Err(SchemaError::Altered {
                        version: applied.version,
                        name: applied.name.clone(),
                    });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Returns an error unless this program can read and write the data: the schema has its
    /// version, or a newer one without a breaking migration.
    pub fn check_usable(&self) -> Result<(), SchemaError> {
        if let Some(breaking) = self
            .applied
            .iter()
            .rev()
            .find(|applied| applied.version > self.latest && applied.breaking)
        {
            return Err(self.newer(breaking));
        }
        if self.version > self.latest {
            return Ok(());
        }
        if self.version == 0 {
            return Err(SchemaError::Missing {
                latest: self.latest,
            });
        }
        if self.version < self.latest {
            return Err(SchemaError::Older {
                got: self.version,
                latest: self.latest,
            });
        }
        if !self.functions_differ.is_empty() {
            return Err(SchemaError::FunctionsDiffer {
                files: self.functions_differ.clone(),
            });
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

/// Returns the state of the schema.
pub async fn status(client: &impl SqlClient) -> Result<SchemaStatus, DbError> {
    read(client).await
}

/// Returns an error unless this program can read and write the data.
pub async fn require_usable(client: &impl SqlClient) -> Result<(), DbError> {
    Ok(read(client).await?.check_usable()?)
}

struct Server {
    version_num: i32,
    version: String,
    has_schema: bool,
}

from_row!(Server {
    version_num,
    version,
    has_schema
});

/// A function file and the checksum of its text.
#[derive(PartialEq, Eq)]
struct FunctionFile {
    file: String,
    checksum: String,
}

from_row!(FunctionFile { file, checksum });

pub(super) async fn read(client: &impl SqlClient) -> Result<SchemaStatus, DbError> {
    let query = "SELECT current_setting('server_version_num')::int AS version_num, current_setting('server_version') AS version,
         to_regclass('public.schema_migration') IS NOT NULL AS has_schema";
    let Server {
        version_num,
        version,
        has_schema,
    } = query_row(client, query, &[]).await?;
    if version_num < OLDEST_SERVER {
        return Err(SchemaError::OldServer { got: version }.into());
    }
    let latest = files::latest_version();
    if !has_schema {
        return Ok(SchemaStatus {
            version: 0,
            latest,
            applied: vec![],
            functions_differ: vec![],
        });
    }
    let query =
        "SELECT version, name, breaking, checksum FROM public.schema_migration ORDER BY version";
    let applied: Vec<Applied> = query_rows(client, query, &[]).await?;
    let query = "SELECT file, checksum FROM public.schema_function ORDER BY file";
    let stored: Vec<FunctionFile> = query_rows(client, query, &[]).await?;
    Ok(SchemaStatus {
        version: applied.last().map_or(0, |applied| applied.version),
        latest,
        applied,
        functions_differ: differing_functions(&stored),
    })
}

/// Returns the names of the files that differ from the applied ones, and of applied files that this
/// program does not contain.
fn differing_functions(stored: &[FunctionFile]) -> Vec<String> {
    let known: Vec<FunctionFile> = files::functions()
        .iter()
        .map(|(file, text)| FunctionFile {
            file: file.clone(),
            checksum: checksum(text),
        })
        .collect();
    let changed = known.iter().filter(|entry| !stored.contains(entry));
    let unknown = stored
        .iter()
        .filter(|stored| !known.iter().any(|known| known.file == stored.file));
    let mut differing: Vec<String> = changed
        .chain(unknown)
        .map(|entry| entry.file.clone())
        .collect();
    differing.sort();
    differing
}
