//! The program `sqern`: settings, commands and output. The use cases are in `sqern-core`.
//!
//! Only [`settings`] reads the environment, only [`printer`] prints, only `main.rs` exits.

pub mod cli;
pub mod config;
mod distributions;
pub mod error;
mod host_distro;
mod output;
pub mod printer;
mod private_server;
pub mod settings;
mod version;

pub use output::json_schemas::json_schemas;
