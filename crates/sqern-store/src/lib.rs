//! The store on disk alone: packages unpacked, trees that build. No SQL, no network.

mod failure;
pub mod store;

pub use failure::Failure;
pub use store::Store;
