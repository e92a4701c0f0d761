//! Tests of the use cases with a real server and a real store.
#![allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]

mod available;
mod check;
mod customers;
mod doctor;
mod execute;
mod fetch;
mod init;
mod keyring;
mod reports;
mod runs;
mod source_test;
mod store_sync;
mod support;
