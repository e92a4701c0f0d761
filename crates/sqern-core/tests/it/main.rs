//! Tests of the use cases with a real server and a real store.
#![allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]

mod available;
mod check;
mod execute;
mod fetch;
mod runs;
mod source_test;
mod store_sync;
mod support;
