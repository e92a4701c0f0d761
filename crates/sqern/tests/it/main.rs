//! Tests of the program: arguments, output, exit status, and the resulting state of the database.

#![allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]

mod apt_lists;
mod archive;
mod bad_input;
mod check;
mod check_rpm;
mod config;
mod cust;
mod doctor;
mod everyday;
mod fetch;
mod follow;
mod generate;
mod history;
mod hostile_text;
mod init;
mod json_schemas;
mod local;
mod names;
mod new_distro;
mod output;
mod pooler;
mod program;
mod refresh;
mod report;
mod runs;
mod session;
mod source;
