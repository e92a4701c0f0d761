//! Options that all use cases with changes share.

/// Describes the generation of a use case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeOptions {
    /// The comment of the generation. It must not be blank.
    pub comment: String,
    /// Whether the changes are rolled back after they were computed.
    pub dry_run: bool,
}

impl ChangeOptions {
    /// Returns the options of a change that is committed.
    pub fn committed(comment: impl Into<String>) -> Self {
        Self {
            comment: comment.into(),
            dry_run: false,
        }
    }
}
