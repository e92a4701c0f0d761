//! Pipelines: check, fetch, build, test and available in sequence, from one file.
//!
//! A [`PipelineFile`] contains typed [`Step`]s. A front end executes them with a [`StepRunner`].
//! Each step can be rendered as a command line, which has the same effect.

mod file;
mod render;
mod run;
mod step;
mod value;

pub use file::PipelineFile;
pub use render::quote;
pub use run::{PipelineOutcome, StepOutcome, StepRunner, run_steps};
pub use step::{
    AvailableStep, BuildStep, CheckStep, CrawlTarget, FetchMethod, FetchStep, Step, StepName,
    TestStep,
};

/// The tables whose changes can add kernels for the steps of a pipeline.
pub const WATCHED_TABLES: [&str; 4] = ["kver", "kver_seen", "kver_fetched", "kver_ignore"];
