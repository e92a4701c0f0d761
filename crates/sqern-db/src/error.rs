//! What can go wrong between a caller and the database, in words that a user can act on.

use tokio_postgres::error::SqlState;

/// A request that the database could not meet.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// PostgreSQL said no, or the connection broke.
    #[error("{}", describe(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// The schema is not one that this program can work with.
    #[error(transparent)]
    Schema(#[from] crate::migrate::SchemaError),
    /// A follower's position does not belong to this database.
    #[error(transparent)]
    Position(#[from] crate::follow::PositionError),
    /// A record that was named is not there.
    #[error("expected a {what} that is known, got {got:?}{}", nearest(.near))]
    Unknown {
        /// What was looked for ("distro", "generation").
        what: &'static str,
        /// The name as given.
        got: String,
        /// What is there and looks alike.
        near: Vec<String>,
    },
    /// A record that should be new is there already.
    #[error("expected a new {what}, got {got:?}, which is there already")]
    Exists {
        /// What should have been made.
        what: &'static str,
        /// The name as given.
        got: String,
    },
    /// A value in the database is not what the schema allows, or this program does not know it.
    #[error("expected {expected} in {place}, got {got:?}")]
    Unexpected {
        /// What the schema promises.
        expected: &'static str,
        /// Table and column.
        place: &'static str,
        /// What was read.
        got: String,
    },
}

impl DbError {
    /// Something that can be typed to get further, where there is such a thing.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Postgres(error) => postgres_hint(error),
            Self::Schema(error) => error.hint(),
            Self::Position(_) => Some("sqern event follow --from start  # or: --from now".into()),
            Self::Unknown { what: "distro", .. } => Some("sqern distro list  # or: sqern distro import, sqern distro add".into()),
            Self::Unknown { what: "generation", .. } => Some("sqern generation list".into()),
            Self::Unknown { .. } | Self::Exists { .. } | Self::Unexpected { .. } => None,
        }
    }

    /// Whether the connection is gone, or the server ended the work for a reason of its own, so that the same may do on a new
    /// connection: SQLSTATE classes 08 and 57P, and 40001, by which a standby ends what keeps it from replaying.
    #[must_use]
    pub fn is_interruption(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        match error.code() {
            Some(code) => ["08", "57P", "40001"].iter().any(|class| code.code().starts_with(class)),
            None => {
                error.is_closed() || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
            }
        }
    }
}

fn postgres_hint(error: &tokio_postgres::Error) -> Option<String> {
    let database = error.as_db_error()?;
    if let Some(hint) = database.hint() {
        return Some(hint.to_owned());
    }
    match *database.code() {
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_FUNCTION => Some("sqern db migrate".into()),
        SqlState::INSUFFICIENT_PRIVILEGE => Some(
            "have one of these granted: sqern_reader to read, sqern_writer to write, sqern_admin to migrate and delete".into(),
        ),
        SqlState::DISK_FULL => Some("free space on the database's disk; nothing was changed".into()),
        _ => None,
    }
}

/// PostgreSQL's own words: message and detail on one line each; a broken connection says what broke.
fn describe(error: &tokio_postgres::Error) -> String {
    let Some(database) = error.as_db_error() else {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        return text;
    };
    let detail = database.detail().map(|detail| format!("\n  {detail}")).unwrap_or_default();
    format!("{}{detail}", database.message())
}

fn nearest(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!(" (did you mean {}?)", near.join(" or ")) }
}
