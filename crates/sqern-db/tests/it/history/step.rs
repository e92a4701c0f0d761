//! What histories are made of: steps of two sessions, each with transactions and savepoints.

use proptest::collection::vec;
use proptest::prelude::*;

use super::statement::{Statement, statements};

#[derive(Debug, Clone)]
pub enum Action {
    Statement(Statement),
    Savepoint,
    /// Back to one of the savepoints that are open, by number; makes one where there is none, as the next does.
    RollbackTo(u8),
    Release(u8),
    Commit,
    Rollback,
}

/// What one of the two sessions does next.
#[derive(Debug, Clone)]
pub struct Step {
    pub session: usize,
    pub action: Action,
}

/// Random histories.
pub fn histories() -> impl Strategy<Value = Vec<Step>> {
    let action = prop_oneof![
        18 => statements().prop_map(Action::Statement),
        3 => Just(Action::Savepoint),
        3 => any::<u8>().prop_map(Action::RollbackTo),
        2 => any::<u8>().prop_map(Action::Release),
        5 => Just(Action::Commit),
        1 => Just(Action::Rollback),
    ];
    vec((0usize..2, action).prop_map(|(session, action)| Step { session, action }), 5..60)
}
