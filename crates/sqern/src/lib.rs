//! The program `sqern`: settings, commands, reports and output.
//!
//! Only [`settings`] reads the environment, only [`printer`] prints, only `main.rs` exits.

pub mod cli;
pub mod config;
mod cust;
mod distributions;
mod doctor;
pub mod failure;
mod host_distro;
pub mod printer;
mod private_server;
mod reports;
pub mod settings;
mod version;
