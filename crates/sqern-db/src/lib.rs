//! The database of sqern: migrations of its schema, and the queries by group of tables. `pg-connect` opens the connections.
//!
//! Functions take a client or a transaction: the caller owns the transaction, and passes in the time.

pub mod as_of;
pub mod available;
pub mod change;
pub mod check;
pub mod completion;
pub mod crawl;
pub mod cust;
pub mod distro;
pub mod doctor;
pub mod error;
pub mod event;
pub mod fetch;
pub mod follow;
pub mod generation;
pub mod ignore;
pub mod kver;
pub mod migrate;
pub mod new;
pub mod risk;
pub mod run;
pub mod status;
mod text;
pub mod why;
mod words;

pub use as_of::AsOf;
pub use error::DbError;
pub use text::nearest;
