//! Tests of the use cases with a real server and a real store.
#![allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]

mod customers;
mod doctor;
mod execute;
mod init;
mod reports;
mod runs;
mod store_sync;
mod support;
