//! The program `sqern`: its settings, its words, its commands.
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
pub mod runner;
pub mod settings;
pub mod version;
