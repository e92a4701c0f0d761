//! Fixtures that the tests of several crates share: servers, databases, repositories and packages.

pub mod package;
pub mod pooler;
pub mod repo;
pub mod server;

pub use pooler::Pooler;
pub use server::{DATABASE, TestDatabase, TestServer, clean_command};
