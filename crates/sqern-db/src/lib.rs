//! The database of sqern: migrations of its schema, and queries by group of tables.
//!
//! Functions take a client or a transaction: the caller opens connections and transactions, and passes the current time.

pub mod activity;
mod as_of;
pub mod available;
pub mod change;
pub mod check;
pub mod crawl;
pub mod cust;
mod decode;
pub mod distro;
pub mod doctor;
mod error;
pub mod event;
pub mod fetch;
pub mod follow;
pub mod generation;
pub mod ignore;
mod kernel;
pub mod kver;
pub mod migrate;
pub mod risk;
pub mod run;
pub mod status;
mod suggest;
mod text_enum;
pub mod why;

// Errors and their suggestions.
pub use error::{DbError, Subject};
pub use suggest::similar_names;

// The state that a query reads.
pub use as_of::{AsOf, DataState, PastState, snapshot};
