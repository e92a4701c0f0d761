//! Connecting as libpq does, so that psql, psycopg and sqern given the same words reach the same database.
//!
//! What names a server comes from four places, the first that has a parameter wins: the connection string, the service
//! file, the environment, the defaults (manual of libpq, 34.1 *Database Connection Control Functions*). [`resolve`] does
//! that part: it reads files, opens no connection, and takes the environment as a value, [`ConnectEnv`]. [`open`] does the
//! rest: the hosts in turn, TLS, `target_session_attrs`.
//!
//! Where sqern differs from libpq, on purpose:
//! - nothing given at all means the private local server, not a server on the default socket;
//! - `connect_timeout` that nobody set is 30 seconds for each host, not forever, so that a job ends; `0` is forever;
//! - parameters that ask for a protection that sqern lacks (`sslcrl`, `require_auth`, …) are refused, not ignored.

mod attempt;
mod conninfo;
mod env;
mod error;
mod hint;
mod keyword;
mod names;
mod params;
mod passfile;
mod resolve;
mod secret;
mod service;
mod session;
mod target;
mod tls;
mod uri;
mod verify;

pub use attempt::open;
pub use env::{ConnectEnv, ConnectRequest};
pub use error::{ConnectError, FailureKind, HostFailure, ServiceFileSeen};
pub use resolve::resolve;
pub use secret::Secret;
pub use session::Session;
pub use target::{HostTarget, Origin, Place, SessionAttrs, Target};
pub use tls::{SslMode, TlsSettings, TrustedRoots};

/// Finds out which server is meant and connects to it: [`resolve`], then [`open`].
///
/// Takes what the user named and the environment as a value; gives a session whose background task already runs on the
/// current tokio runtime. Each error has a [hint](ConnectError::hint) and never holds a password.
pub async fn connect(request: &ConnectRequest, env: &ConnectEnv) -> Result<Session, ConnectError> {
    open(&resolve(request, env)?).await
}
