//! The database of sqern: migrations of its schema, and queries by group of tables.
//!
//! Functions take a client or a transaction: the caller opens connections and transactions, and
//! passes the current time. No function changes the state of a session: see [`session`]. Each module
//! has the functions of its tables, such as [`distro::list`]. Types that several modules share are in
//! the root of the crate.

// Schema and server.
pub mod check;
pub mod completion;
pub mod doctor;
pub mod migrate;
pub mod retention;
pub mod session;

// Journal: changes, their events and generations, and followers.
pub mod change;
pub mod event;
pub mod follow;
pub mod generation;

// Distributions, kernels and their packages.
pub mod crawl;
pub mod distro;
pub mod fetch;
pub mod ignore;
pub mod kver;

// Builds, tests and available modules.
pub mod available;
pub mod run;

// Clusters and hosts of customers.
pub mod cust;

// Reports over several groups of tables, and the read model that they use.
pub mod activity;
pub mod read_model;
pub mod risk;
pub mod status;
pub mod why;

mod as_of;
mod decode;
mod error;
mod kernel;
mod parameter;
mod suggest;
mod text_enum;

// The state that a query reads.
pub use as_of::{AsOf, DataState, PastState, snapshot};

// The connections over which statements are sent.
pub use session::SqlClient;

// Errors and their suggestions.
pub use error::{DbError, Subject};
pub use suggest::{did_you_mean, similar_names};
