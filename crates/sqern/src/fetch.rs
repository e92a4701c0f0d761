//! Headers: what is fetched for a kernel, and how it becomes a tree in the store that builds.

mod apt;
mod missing_tools;
mod outside;
pub mod plan;
mod run;

pub use missing_tools::MissingTools;
pub use run::{Fetcher, Job, Outcome};
