//! Connections to PostgreSQL that are compatible with libpq: psql, psycopg and a program with this
//! crate reach the same server with the same connection string, service file and environment.
//!
//! # Parameters
//!
//! The parameters of a connection have 4 sources. The first that sets a parameter determines its
//! value (libpq's manual, 34.1
//! *Database Connection Control Functions*):
//!
//! 1. the connection string, as `key=value` pairs or as a URI;
//! 2. the service file;
//! 3. the environment;
//! 4. the defaults.
//!
//! [`resolve`] merges them. It reads files but opens no connection, and receives the environment as
//! a value, [`ConnectEnv`]. [`connect()`] also opens the connection: it tries the hosts in order,
//! and supports TLS and `target_session_attrs`.
//!
//! # Differences from libpq
//!
//! - A program can define a [`DefaultServer`], which is used if no server is named.
//! - The default of `connect_timeout` is 30 seconds for each host, so that a job ends. The value 0 means no limit.
//! - Parameters that request a protection that this crate does not support (`sslcrl`, `require_auth`) are errors.
//! - GSSAPI, OAuth and the replication protocol are not supported.
//!
//! # Example
//!
//! ```no_run
//! use pg_connect::{ConnectEnv, ConnectRequest, HintTexts, connect};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let env = ConnectEnv {
//!     vars: std::env::vars().collect(),
//!     home: std::env::var_os("HOME").map(Into::into),
//!     application_name: "example".into(),
//!     ..ConnectEnv::default()
//! };
//! match connect(&ConnectRequest::dsn("service=prod connect_timeout=5"), &env).await {
//!     Ok(session) => {
//!         let row = session.client.query_one("SELECT version()", &[]).await?;
//!         println!("{}: {}", session.describe(), row.get::<_, &str>(0));
//!     }
//!     Err(error) => {
//!         eprintln!("{error}");
//!         eprintln!("hint: {}", error.hint(&HintTexts::default()).unwrap_or_default());
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod attempt;
mod cancel;
mod conninfo;
mod details;
mod env;
mod error;
mod hint;
mod keyword;
mod names;
mod params;
mod passfile;
mod process_id;
mod resolve;
mod secret;
mod service;
mod session;
mod suggest;
mod target;
mod tls;
mod uri;
mod value;
mod verify;

pub use cancel::Canceler;
pub use details::{FailureKind, HostFailure, ServiceFile};
pub use env::{ConnectEnv, ConnectRequest, DefaultServer};
pub use error::ConnectError;
pub use hint::{DefaultServerHints, HintTexts};
pub use resolve::resolve;
pub use session::Session;
pub use target::{Origin, Target};

/// Resolves a request and connects to its server.
///
/// A background task on the current Tokio runtime performs the input and output of the session.
///
/// # Errors
///
/// Returns an error with a [hint](ConnectError::hint) if the parameters are invalid or no host
/// accepts the connection. No error contains a password.
pub async fn connect(request: &ConnectRequest, env: &ConnectEnv) -> Result<Session, ConnectError> {
    attempt::open(&resolve(request, env)?).await
}
