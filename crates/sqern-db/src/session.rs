//! Transactions and their settings, and the clock of the server.
//!
//! No function of this crate changes the state of a session: settings and temporary tables are
//! local to a transaction, and statements are not prepared. Behind a connection pooler in
//! transaction mode, each transaction can use another session, which other programs use as well.
//! [`LISTEN`](crate::follow::listen) is the exception.

use std::future::Future;

use futures_util::future::join3;
use jiff::Timestamp;
use tokio_postgres::{Client, Error, GenericClient, Transaction, TransactionBuilder};

use crate::DbError;
use crate::decode::query_value;

/// The settings that queries require, for the present transaction. They replace the defaults of the
/// role and the database.
///
/// - `search_path`: a table of the user must not hide a table of sqern.
/// - `standard_conforming_strings`: off would change the meaning of `\` in string constants.
/// - `client_connection_check_interval`: the server stops a query soon after its client has died.
///   Servers on some platforms reject it.
macro_rules! settings {
    () => {
        "SET LOCAL search_path = public, pg_temp; SET LOCAL standard_conforming_strings = on;
        SELECT set_config('client_connection_check_interval', '10s', true) WHERE version() LIKE '%linux%';"
    };
}

/// Starts a transaction with the settings.
const BEGIN: &str = concat!("BEGIN; ", settings!());

/// Starts a transaction for a query of a follower. The default of the database might be an
/// isolation level that can fail. A poll is one statement, so another level has no advantage.
/// Statistics that are older than the growth of the journal could lead to a plan that reads it
/// completely, or that starts parallel workers for few rows.
const BEGIN_FOLLOWING: &str = concat!(
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL max_parallel_workers_per_gather = 0; ",
    settings!()
);

/// A client or a transaction, over which the functions of this crate send their statements.
pub trait SqlClient: GenericClient + Sync {
    /// Awaits one statement in a transaction with the settings of this module. A client starts a
    /// separate transaction for it.
    fn in_transaction<T: Send>(
        &self,
        statement: impl Future<Output = Result<T, Error>> + Send,
    ) -> impl Future<Output = Result<T, Error>> + Send;

    /// Awaits one statement of a follower. A client starts a separate transaction with the settings
    /// of a follower for it.
    fn following<T>(
        &self,
        statement: impl Future<Output = Result<T, Error>>,
    ) -> impl Future<Output = Result<T, Error>>;
}

impl SqlClient for Client {
    fn in_transaction<T: Send>(
        &self,
        statement: impl Future<Output = Result<T, Error>> + Send,
    ) -> impl Future<Output = Result<T, Error>> + Send {
        enclose(self, BEGIN, statement)
    }

    fn following<T>(
        &self,
        statement: impl Future<Output = Result<T, Error>>,
    ) -> impl Future<Output = Result<T, Error>> {
        enclose(self, BEGIN_FOLLOWING, statement)
    }
}

impl SqlClient for Transaction<'_> {
    fn in_transaction<T: Send>(
        &self,
        statement: impl Future<Output = Result<T, Error>> + Send,
    ) -> impl Future<Output = Result<T, Error>> + Send {
        statement
    }

    fn following<T>(
        &self,
        statement: impl Future<Output = Result<T, Error>>,
    ) -> impl Future<Output = Result<T, Error>> {
        statement
    }
}

/// Starts a transaction with the statements `begin`, awaits a statement, and commits. Everything is
/// sent at once. `statement` must send its message when it is polled first.
async fn enclose<T>(
    client: &Client,
    begin: &str,
    statement: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    // They are polled in this order. After a failed statement, COMMIT rolls back.
    let (started, result, committed) = join3(
        client.batch_execute(begin),
        statement,
        client.batch_execute("COMMIT"),
    )
    .await;
    started?;
    let value = result?;
    committed?;
    Ok(value)
}

/// Starts a transaction with the settings of this module.
pub async fn start(builder: TransactionBuilder<'_>) -> Result<Transaction<'_>, Error> {
    let transaction = builder.start().await?;
    transaction.batch_execute(settings!()).await?;
    Ok(transaction)
}

/// Returns the time of the server, which is the same for all machines.
pub async fn now(client: &impl SqlClient) -> Result<Timestamp, DbError> {
    query_value(client, "SELECT clock_timestamp()", &[]).await
}
