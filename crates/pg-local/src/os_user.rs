//! Users of the operating system.

use nix::unistd::{Uid, User, geteuid};

use super::error::LocalError;

/// A user of the operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsUser {
    /// The user's number.
    pub uid: u32,
    /// The number of the user's first group.
    pub gid: u32,
    /// The name, as peer authentication sees it.
    pub name: String,
}

impl OsUser {
    /// The user this process acts as. `None` where the number has no name, as in some containers.
    #[must_use]
    pub fn current() -> Option<Self> {
        Self::with_uid(geteuid())
    }

    /// The user of this number. `None` where it has no name.
    #[must_use]
    pub fn numbered(uid: u32) -> Option<Self> {
        Self::with_uid(Uid::from_raw(uid))
    }

    /// The user called `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        User::from_name(name).ok().flatten().map(Self::from)
    }

    fn with_uid(uid: Uid) -> Option<Self> {
        User::from_uid(uid).ok().flatten().map(Self::from)
    }

    /// Whether PostgreSQL would refuse to run as this user.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// The user that a server started by this one runs as: itself, for root `postgres`, which the packages create.
    pub(super) fn server_user(&self) -> Result<Self, LocalError> {
        if self.is_root() { Self::named("postgres").ok_or(LocalError::NoServerUser) } else { Ok(self.clone()) }
    }
}

impl From<User> for OsUser {
    fn from(user: User) -> Self {
        Self { uid: user.uid.as_raw(), gid: user.gid.as_raw(), name: user.name }
    }
}
