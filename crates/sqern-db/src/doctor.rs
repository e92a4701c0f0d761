//! What `sqern doctor` asks of a server, and of a database in whatever state it is.

use jiff::Timestamp;
use tokio_postgres::GenericClient;

use crate::DbError;

/// A server, and who is connected to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `server_version_num`: 150004 is 15.4.
    pub version_num: i32,
    /// `server_version`, as it is shown.
    pub version: String,
    /// The role of the session.
    pub user: String,
    /// The server's clock.
    pub now: Timestamp,
}

/// One of sqern's roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whether the cluster has it.
    pub exists: bool,
    /// Whether the session has its rights.
    pub held: bool,
}

/// What any server tells, with sqern's schema or without.
pub async fn server(client: &impl GenericClient) -> Result<Server, DbError> {
    let query = "SELECT current_setting('server_version_num')::int, current_setting('server_version'), current_user::text, clock_timestamp()";
    let row = client.query_one(query, &[]).await?;
    Ok(Server { version_num: row.get(0), version: row.get(1), user: row.get(2), now: row.get(3) })
}

/// sqern's roles: they belong to the cluster, so they may be there without the schema, and the schema without the session's having one.
pub async fn roles(client: &impl GenericClient) -> Result<Vec<Role>, DbError> {
    let rows = client.query(include_str!("../queries/doctor_roles.sql"), &[]).await?;
    Ok(rows.iter().map(|row| Role { name: row.get(0), exists: row.get(1), held: row.get(2) }).collect())
}

/// Whether some package that is listed can only be fetched by the machine's own apt.
pub async fn lists_apt_packages(client: &impl GenericClient) -> Result<bool, DbError> {
    let query = "SELECT EXISTS (SELECT FROM kver_package WHERE gone_at IS NULL AND url LIKE 'apt:%')";
    Ok(client.query_one(query, &[]).await?.get(0))
}
