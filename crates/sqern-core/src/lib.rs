//! The use cases of sqern, for the command line and for other front ends.
//!
//! Each use case is a function. Its input is a plain value, and its result is data. Settings such
//! as the current time, the store, the comment of a generation or the owner of a lease are part of
//! the input. While a use case runs, it reports typed events to a [`Progress`]. All functions
//! return the same [`Error`].
//!
//! | module | use cases |
//! | --- | --- |
//! | [`check`] | find new kernels in repositories |
//! | [`fetch`] | download kernel headers and record them |
//! | [`runs`] | plan, start, execute and finish builds and tests |
//! | [`available`] | make modules available, withdraw and list them |
//! | [`pipeline`] | run the steps of a file in sequence |
//! | [`sources`], [`source_test`] | load, list and test the sources of distributions |
//! | [`keyring`] | list the keyrings of sources, and import keys |
//! | [`customers`] | load reports of customer hosts |
//! | [`reports`], [`why`] | report risk, coverage, lag and activity; explain one kernel |
//! | [`init`], [`doctor`] | set up a database; check the installation |
//! | [`follow`] | deliver generations as they commit |
//! | [`journal_archive`] | archive the journal, and verify archives |
//! | [`environment`], [`sandbox`] | select the variables and the isolation of commands |
//! | [`store_sync`] | compare the store with the database, and repair both |
//!
//! The crate prints nothing, reads no environment variable, and knows no exit status.

pub mod available;
mod blocking;
pub mod change;
pub mod check;
pub mod clock;
pub mod crawl;
pub mod customers;
pub mod database;
mod directories;
pub mod doctor;
pub mod environment;
pub mod error;
pub mod fetch;
pub mod follow;
pub mod init;
pub mod input;
pub mod journal_archive;
pub mod keyring;
pub mod os_release;
pub mod owner;
pub mod pipeline;
pub mod private_server;
pub mod progress;
pub mod read_model;
pub mod reports;
pub mod runs;
pub mod sandbox;
pub mod shell;
pub mod source_test;
pub mod sources;
pub mod store_sync;
pub mod why;

pub use change::ChangeOptions;
pub use clock::Clock;
pub use database::Database;
pub use error::Error;
pub use progress::{Progress, Silent};
