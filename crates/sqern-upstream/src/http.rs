//! Downloads files by `http`, `https` and `file` URLs with limits.

mod address;
mod body;
mod client;
mod clock;
mod credentials;
mod error;
mod fetch;
mod host_limiter;
mod local;
mod locate;
mod options;
mod partial;
mod response;
mod sink;
#[cfg(test)]
mod tests;
mod tls;

pub use body::UNRESOLVED_HOST;
pub use client::{Client, ClientError};
pub(crate) use credentials::{Credentials, CredentialsFile};
pub(crate) use error::FetchError;
pub(crate) use fetch::{Fetched, Request};
pub(crate) use locate::{redact_url, without_credentials};
pub use options::ClientOptions;
pub(crate) use sink::{Sink, is_html};
pub(crate) use tls::TlsFiles;
