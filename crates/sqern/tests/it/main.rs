//! The program as its users meet it: arguments, output, exit status, and what the database holds then.

#![allow(clippy::unwrap_used, reason = "a test that can't go on says so by a panic")]

mod apt_lists;
mod bad_input;
mod check;
mod check_rpm;
mod cust;
mod doctor;
mod everyday;
mod fetch;
mod follow;
mod generate;
mod history;
mod init;
mod local;
mod names;
mod new_distro;
mod program;
mod report;
mod runs;
mod source;
