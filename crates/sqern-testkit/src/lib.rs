//! What tests of several crates build their world from: servers, databases, repositories, packages.

pub mod package;
pub mod repo;
pub mod server;

pub use server::{DATABASE, TestDatabase, TestServer, clean_command};
