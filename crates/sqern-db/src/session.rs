//! The settings and the clock of a session.

use jiff::Timestamp;
use tokio_postgres::GenericClient;

use crate::DbError;
use crate::decode::query_value;

/// The settings that queries require. They replace the defaults of the role and the database.
///
/// - `search_path`: a table of the user must not hide a table of sqern.
/// - `standard_conforming_strings`: off would change the meaning of `\` in string constants.
/// - `client_connection_check_interval`: the server stops a query soon after its client has died. Not every platform supports it.
const SETTINGS: &str = "SET search_path = public, pg_temp;
    SET standard_conforming_strings = on;
    DO $$
    BEGIN
        PERFORM set_config('client_connection_check_interval', '10s', false);
    EXCEPTION WHEN invalid_parameter_value THEN
        NULL;
    END
    $$";

/// Prepares a new session for the functions of this crate.
pub async fn prepare(client: &impl GenericClient) -> Result<(), DbError> {
    Ok(client.batch_execute(SETTINGS).await?)
}

/// Returns the time of the server, which is the same for all machines.
pub async fn now(client: &impl GenericClient) -> Result<Timestamp, DbError> {
    query_value(client, "SELECT clock_timestamp()", &[]).await
}
