//! The time that use cases record.

use jiff::Timestamp;
use sqern_db::{DbError, SqlClient, session};

/// A source of the current time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The clock of this machine. Recorded times are those of the database server.
    #[default]
    System,
    /// A fixed time, for reproducible output.
    Fixed(Timestamp),
}

impl Clock {
    /// Returns the current time.
    #[must_use]
    pub fn now(self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Fixed(time) => time,
        }
    }

    /// Returns the time to record: that of the server, because the clocks of the machines that
    /// share a database can differ.
    pub(crate) async fn recorded(self, client: &impl SqlClient) -> Result<Timestamp, DbError> {
        match self {
            Self::System => session::now(client).await,
            Self::Fixed(time) => Ok(time),
        }
    }
}
