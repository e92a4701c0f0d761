//! Fetches the headers of kernels into trees of the store.

mod apt;
mod missing_tools;
mod outside;
pub mod plan;
mod run;

pub use missing_tools::MissingTools;
pub use run::{Fetcher, Job, Outcome};
