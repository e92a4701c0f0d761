//! Migrations of the schema, and the functions, views and comments that are applied after them.
//!
//! Each call runs in one transaction under an advisory lock. An interrupted call leaves the schema
//! unchanged, and concurrent calls are safe. The files are part of the program (`schema/` of the
//! repository).

mod files;
mod status;

use std::time::Duration;

use schemars::JsonSchema;
use sha2::{Digest, Sha256};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, IsolationLevel, Transaction};

pub use files::{Migration, latest, latest_version};
pub use status::{Applied, OLDEST_SERVER, SchemaError, SchemaStatus, require_usable, status};

use crate::decode::{execute, query_value, query_values};
use crate::{DbError, read_model, session};
use files::{functions, migrations};

/// The key of the advisory lock for the first migration: "sqern" in ASCII.
const MIGRATION_LOCK: i64 = 0x73_71_65_72_6e;

/// The time to wait for a lock in one attempt, in seconds.
const LOCK_SECONDS: u32 = 3;
/// The number of attempts to migrate while other sessions hold locks.
const ATTEMPTS: u32 = 4;
/// The time between 2 attempts.
const PAUSE: Duration = Duration::from_secs(3);

/// Creates the roles, which belong to the cluster and not to the schema, and makes the current role
/// a member of `sqern_admin`.
const ROLES: &str = include_str!("../schema/roles.sql");

/// Makes `sqern_admin` the owner of all objects of an existing schema.
const OWNERS: &str = include_str!("../schema/owners.sql");

/// Revokes the privileges that let readers store data, as far as the current role may.
const RESTRICTIONS: &str = include_str!("../schema/restrictions.sql");

/// A step of a migration run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, JsonSchema)]
#[serde(tag = "step", rename_all = "lowercase")]
pub enum Step {
    /// Applies the up file of a migration.
    Up {
        /// The number of the migration.
        version: i32,
        /// The name of the migration.
        name: String,
    },
    /// Applies the down file of a migration.
    Down {
        /// The number of the migration.
        version: i32,
        /// The name of the migration.
        name: String,
    },
    /// Applies the functions, triggers, views and comments again.
    Functions {
        /// The files that differ from the applied ones.
        files: Vec<String>,
    },
    /// Restores owners and privileges, which a restore without them loses.
    Privileges {
        /// The differences from the owners and privileges of the schema.
        problems: Vec<String>,
    },
    /// Advances sequences that are behind their tables, for example after logical replication.
    Sequences {
        /// The names of the sequences.
        sequences: Vec<String>,
    },
    /// Fills the read model: after other steps, because functions can compute other rows, and on
    /// another server.
    ReadModel {
        /// The number of kernels.
        kernels: i64,
    },
}

/// Migrates the schema to `target` (the latest version if `None`; 0 is an empty database) and
/// returns the steps. With `dry_run`, only plans them.
///
/// # Errors
/// Returns [`DbError::Postgres`] with SQLSTATE 42501 if the role lacks a privilege; its hint lists
/// the commands for a superuser.
///
/// Returns [`DbError::Locked`] if other sessions hold locks for longer than 20 seconds, and
/// [`DbError::ReadModelLocked`] if the schema is migrated and only the read model is not filled,
/// because another session locks it.
pub async fn migrate(
    client: &mut Client,
    target: Option<i32>,
    dry_run: bool,
) -> Result<Vec<Step>, DbError> {
    for attempt in 1..=ATTEMPTS {
        match migrate_once(client, target, dry_run).await {
            Err(DbError::Postgres(error))
                if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) =>
            {
                if attempt < ATTEMPTS {
                    // A waiting migration blocks the sessions that wait after it.
                    tokio::time::sleep(PAUSE).await;
                }
            }
            Ok(mut steps) => {
                if !dry_run && target.is_none_or(|target| target == latest_version()) {
                    // A separate transaction, because the locks of a migration exclude all others.
                    let kernels = read_model::fill(client).await?;
                    if kernels > 0 {
                        steps.push(Step::ReadModel { kernels });
                    }
                }
                return Ok(steps);
            }
            Err(error) => return Err(error),
        }
    }
    let holders = query_values(client, include_str!("../queries/lock_holders.sql"), &[]).await?;
    Err(DbError::Locked { holders })
}

async fn migrate_once(
    client: &mut Client,
    target: Option<i32>,
    dry_run: bool,
) -> Result<Vec<Step>, DbError> {
    let target = target.unwrap_or_else(latest_version);
    if !(0..=latest_version()).contains(&target) {
        return Err(SchemaError::NoSuchVersion {
            got: target,
            latest: latest_version(),
        }
        .into());
    }
    // READ COMMITTED in every database: the status must include the changes of the previous holder
    // of the lock.
    let transaction = session::start(
        client
            .build_transaction()
            .isolation_level(IsolationLevel::ReadCommitted),
    )
    .await?;
    lock(&transaction).await?;
    let encoding: String = query_value(&transaction, "SHOW server_encoding", &[]).await?;
    if encoding != "UTF8" {
        return Err(SchemaError::Encoding { got: encoding }.into());
    }
    let status = status::read(&transaction).await?;
    status.check_history()?;
    let mut steps = plan(&status, target);
    if steps.is_empty() && status.version == latest_version() {
        let problems = lost_privileges(&transaction).await?;
        if !problems.is_empty() {
            steps.push(Step::Privileges { problems });
        }
    }
    // Changed functions can compute other rows.
    let invalidates_read_model = target == latest_version()
        && steps
            .iter()
            .any(|step| matches!(step, Step::Up { .. } | Step::Functions { .. }));
    if dry_run && target == latest_version() {
        let kernels = read_model::count_to_fill(&transaction, invalidates_read_model).await?;
        if kernels > 0 {
            steps.push(Step::ReadModel { kernels });
        }
    }
    if !dry_run && !steps.is_empty() {
        transaction.batch_execute(ROLES).await?;
        if status.version > 0 {
            transaction.batch_execute(OWNERS).await?;
        }
        for step in &steps {
            apply(&transaction, step).await?;
        }
        if target == latest_version() {
            transaction.batch_execute("RESET ROLE").await?;
            transaction.batch_execute(RESTRICTIONS).await?;
        }
        if invalidates_read_model {
            execute(&transaction, "DELETE FROM kver_state_position", &[]).await?;
        }
    }
    if target == latest_version() && !dry_run {
        let sequences = prepare_server(&transaction).await?;
        if !sequences.is_empty() {
            steps.push(Step::Sequences { sequences });
        }
    }
    if !dry_run {
        transaction.commit().await?;
    }
    Ok(steps)
}

/// Returns the differences from the owners and privileges of the schema that the current role can
/// repair.
async fn lost_privileges(transaction: &Transaction<'_>) -> Result<Vec<String>, DbError> {
    let query = include_str!("../queries/check_privileges.sql");
    let mut problems: Vec<String> = query_values(transaction, query, &[]).await?;
    let owns_database =
        "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()";
    if query_value(transaction, owns_database, &[]).await? {
        let query = include_str!("../queries/check_restrictions.sql");
        problems.extend(query_values::<String>(transaction, query, &[]).await?);
    }
    Ok(problems)
}

/// Waits for other migrations, and limits the time to wait for each lock of the transaction.
///
/// Only a role that may change the schema can lock its table. A role without this privilege fails
/// at the first step.
async fn lock(transaction: &Transaction<'_>) -> Result<(), DbError> {
    transaction
        .batch_execute(&format!("SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        .await?;
    let may_lock = "SELECT coalesce(has_table_privilege(to_regclass('public.schema_migration'), 'UPDATE'), false)";
    let mut may_lock_table: bool = query_value(transaction, may_lock, &[]).await?;
    if !may_lock_table {
        execute(
            transaction,
            "SELECT pg_advisory_xact_lock($1)",
            &[&MIGRATION_LOCK],
        )
        .await?;
        // The holder of the advisory lock might have created the table.
        may_lock_table = query_value(transaction, may_lock, &[]).await?;
    }
    if may_lock_table {
        transaction
            .batch_execute("LOCK TABLE public.schema_migration IN EXCLUSIVE MODE")
            .await?;
    }
    Ok(())
}

/// Returns the steps from the current schema to `target`.
fn plan(status: &SchemaStatus, target: i32) -> Vec<Step> {
    let mut steps: Vec<Step> = migrations()
        .iter()
        .filter(|migration| migration.version > status.version && migration.version <= target)
        .map(|migration| Step::Up {
            version: migration.version,
            name: migration.name.clone(),
        })
        .collect();
    steps.extend(
        migrations()
            .iter()
            .rev()
            .filter(|migration| migration.version <= status.version && migration.version > target)
            .map(|migration| Step::Down {
                version: migration.version,
                name: migration.name.clone(),
            }),
    );
    if target == latest_version() && (!steps.is_empty() || !status.functions_differ.is_empty()) {
        let files = if steps.is_empty() {
            status.functions_differ.clone()
        } else {
            functions().iter().map(|(file, _)| file.clone()).collect()
        };
        steps.push(Step::Functions { files });
    }
    steps
}

async fn apply(transaction: &Transaction<'_>, step: &Step) -> Result<(), DbError> {
    match step {
        Step::Up { version, .. } => {
            let migration = files::migration(*version);
            // The first migration grants privileges as the owner of the database.
            if migration.version > 1 {
                transaction
                    .batch_execute("SET LOCAL ROLE sqern_admin")
                    .await?;
            }
            transaction.batch_execute(&migration.up).await?;
            let Migration {
                version,
                name,
                breaking,
                checksum,
                ..
            } = migration;
            let insert = "INSERT INTO schema_migration (version, name, breaking, checksum) VALUES ($1, $2, $3, $4)";
            execute(transaction, insert, &[version, name, breaking, checksum]).await?;
        }
        Step::Down { version, .. } => {
            let migration = files::migration(*version);
            transaction
                .batch_execute(include_str!("../schema/drop_functions.sql"))
                .await?;
            transaction.batch_execute(&migration.down).await?;
            if migration.version > 1 {
                execute(
                    transaction,
                    "DELETE FROM schema_migration WHERE version = $1",
                    &[&migration.version],
                )
                .await?;
                execute(transaction, "DELETE FROM schema_function", &[]).await?;
            }
        }
        Step::Functions { .. } | Step::Privileges { .. } => apply_functions(transaction).await?,
        // They follow all other steps.
        Step::Sequences { .. } | Step::ReadModel { .. } => {}
    }
    Ok(())
}

/// Starts the epoch of a new server, because concurrent first changes would wait for each other.
/// Advances the sequences that are behind their tables, and returns their names.
async fn prepare_server(transaction: &Transaction<'_>) -> Result<Vec<String>, DbError> {
    let behind: Vec<String> = query_values(
        transaction,
        "SELECT sequence::text FROM sequences_behind()",
        &[],
    )
    .await?;
    transaction
        .batch_execute(
            "SET LOCAL ROLE sqern_admin; SELECT setval(sequence, highest) FROM sequences_behind(); SELECT generation_epoch(); RESET ROLE",
        )
        .await?;
    Ok(behind)
}

/// Applies all files of `schema/functions/`. They are idempotent, and a function can depend on a
/// changed one.
async fn apply_functions(transaction: &Transaction<'_>) -> Result<(), DbError> {
    // A function can reference objects of later files. A view cannot; its first line names the file
    // that must be applied before it.
    transaction
        .batch_execute("SET LOCAL ROLE sqern_admin; SET LOCAL check_function_bodies = off")
        .await?;
    for (_, text) in functions() {
        transaction.batch_execute(text).await?;
    }
    execute(transaction, "DELETE FROM schema_function", &[]).await?;
    for (file, text) in functions() {
        execute(
            transaction,
            "INSERT INTO schema_function (file, checksum) VALUES ($1, $2)",
            &[file, &checksum(text)],
        )
        .await?;
    }
    Ok(())
}

/// Returns the SHA-256 in hexadecimal.
fn checksum(text: &str) -> String {
    use std::fmt::Write;
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
