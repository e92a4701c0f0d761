//! Fetching files over `http`, `https` and from `file:`, bounded in everything.

mod client;
mod error;
mod fetch;
mod locate;
mod sink;
mod tls;

pub use client::{Client, ClientError, ClientOptions};
pub(crate) use error::FetchError;
pub(crate) use fetch::{Fetched, Request};
pub(crate) use locate::{shown, without_credentials};
pub(crate) use sink::{Sink, is_html};
pub(crate) use tls::TlsFiles;
