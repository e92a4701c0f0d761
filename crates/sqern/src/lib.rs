//! The program `sqern`: settings, commands, reports and output.
//!
//! Only [`settings`] reads the environment, only [`printer`] prints, only `main.rs` exits.

pub mod cli;
pub mod cust;
pub mod distributions;
pub mod doctor;
pub mod failure;
pub mod fetch;
pub mod printer;
pub mod reports;
pub mod settings;
pub mod version;
