//! Hostile commands, with each method that this machine supports.

#![allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]

mod files;
mod inherited;
mod ipc;
mod limits;
mod network;
mod processes;
mod support;
