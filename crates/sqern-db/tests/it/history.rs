//! Compares as-of queries, differences and reverts with a model without a journal, for random
//! histories.

mod check;
mod model;
mod regressions;
mod row_text;
mod run;
mod statement;
mod step;
mod tables;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use check::{Direction, check};
use step::histories;

use crate::support::migrated;

/// Checks random histories: 12, or the number in `PROPTEST_CASES`. A failure prints the history as
/// SQL.
fn for_random_histories(direction: Direction) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let database = runtime.block_on(migrated());
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(12);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 300,
        max_shrink_time: 60_000,
        ..Config::default()
    };
    let strategy = (histories(), any::<[u8; 8]>());
    let outcome = TestRunner::new(config).run(&strategy, |(history, choices)| {
        runtime.block_on(check(&database, &history, direction, &choices))
    });
    if let Err(error) = outcome {
        // The value of proptest is a tree of numbers. The error contains the SQL.
        match error {
            proptest::test_runner::TestError::Fail(reason, _) => panic!("{reason}"),
            error @ proptest::test_runner::TestError::Abort(_) => panic!("{error}"),
        }
    }
}

#[test]
fn random_histories_are_reproduced_forward_from_the_beginning() {
    for_random_histories(Direction::Forward);
}

#[test]
fn random_histories_are_reproduced_backward_from_the_present() {
    for_random_histories(Direction::Backward);
}
