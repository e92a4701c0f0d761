//! As-of, diff and revert against a model that knows nothing of the journal, over random histories.

mod check;
mod model;
mod run;
mod shown;
mod statement;
mod step;
mod traps;
mod universe;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use check::{Way, check};
use step::histories;

use crate::support::migrated;

/// Some histories; `PROPTEST_CASES` says how many, where more are wanted. A failure tells the history as SQL.
fn for_random_histories(way: Way) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(migrated());
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(12);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 300, max_shrink_time: 60_000, ..Config::default() };
    let strategy = (histories(), any::<[u8; 8]>());
    let outcome =
        TestRunner::new(config).run(&strategy, |(history, choices)| runtime.block_on(check(&database, &history, way, &choices)));
    if let Err(error) = outcome {
        // The value that proptest shows is a tree of numbers; the error holds the SQL.
        match error {
            proptest::test_runner::TestError::Fail(reason, _) => panic!("{reason}"),
            error @ proptest::test_runner::TestError::Abort(_) => panic!("{error}"),
        }
    }
}

#[test]
fn any_history_reads_forward_from_the_beginning_as_it_was() {
    for_random_histories(Way::Forward);
}

#[test]
fn any_history_reads_back_from_the_present_as_it_was() {
    for_random_histories(Way::Backward);
}
