//! Queries of `sqern doctor`, which work on any server and database.

use jiff::Timestamp;

use crate::decode::{from_row, query_row, query_rows, query_value, query_values};
use crate::{DbError, SqlClient};

/// A server and the session on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// The version as a number: `server_version_num`, 150004 for 15.4.
    pub version_num: i32,
    /// The version as a text: `server_version`.
    pub version: String,
    /// The role of the session.
    pub user: String,
    /// The time of the server.
    pub now: Timestamp,
}

from_row!(Server { version_num, version, user = "role", now });

/// A role of sqern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// The name of the role.
    pub name: String,
    /// Whether the role exists in the cluster.
    pub exists: bool,
    /// Whether the session has the privileges of the role.
    pub held: bool,
}

from_row!(Role { name, exists, held });

/// Returns the server and the session. The database does not need a schema of sqern.
pub async fn server(client: &impl SqlClient) -> Result<Server, DbError> {
    let query = "SELECT current_setting('server_version_num')::int AS version_num, current_setting('server_version') AS version,
         current_user::text AS role, clock_timestamp() AS now";
    query_row(client, query, &[]).await
}

/// Returns the roles of sqern. Roles belong to the cluster, so they can exist without the schema.
pub async fn roles(client: &impl SqlClient) -> Result<Vec<Role>, DbError> {
    query_rows(client, include_str!("../queries/doctor_roles.sql"), &[]).await
}

/// Returns the functions with which every role can store large objects, which every dump of the
/// database contains. Only a superuser can revoke the privilege.
pub async fn large_object_functions(client: &impl SqlClient) -> Result<Vec<String>, DbError> {
    query_values(client, "SELECT large_object_functions()::text", &[]).await
}

/// Returns whether at least one listed package can only be downloaded with the apt configuration of
/// this machine.
pub async fn lists_apt_packages(client: &impl SqlClient) -> Result<bool, DbError> {
    let query =
        "SELECT EXISTS (SELECT FROM kver_package WHERE gone_at IS NULL AND url LIKE 'apt:%')";
    query_value(client, query, &[]).await
}
