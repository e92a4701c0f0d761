//! Random histories: steps of two sessions with transactions and savepoints.

use proptest::collection::vec;
use proptest::prelude::*;

use super::statement::{Statement, statements};

#[derive(Debug, Clone)]
pub enum Action {
    Statement(Statement),
    Savepoint,
    /// Rolls back to an open savepoint, selected by number. Creates a savepoint if there is none,
    /// as `Release` does.
    RollbackTo(u8),
    Release(u8),
    Commit,
    Rollback,
}

/// The next step of one of the two sessions.
#[derive(Debug, Clone)]
pub struct Step {
    pub session: usize,
    pub action: Action,
}

/// Generates random histories.
pub fn histories() -> impl Strategy<Value = Vec<Step>> {
    let action = prop_oneof![
        18 => statements().prop_map(Action::Statement),
        3 => Just(Action::Savepoint),
        3 => any::<u8>().prop_map(Action::RollbackTo),
        2 => any::<u8>().prop_map(Action::Release),
        5 => Just(Action::Commit),
        1 => Just(Action::Rollback),
    ];
    vec(
        (0usize..2, action).prop_map(|(session, action)| Step { session, action }),
        5..60,
    )
}
