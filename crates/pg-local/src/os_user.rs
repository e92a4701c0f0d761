//! Users of the operating system.

use nix::unistd::{Uid, User, geteuid};

use super::error::LocalError;

/// A user of the operating system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OsUser {
    /// The user ID.
    pub uid: u32,
    /// The ID of the primary group.
    pub gid: u32,
    /// The name, which peer authentication compares.
    pub name: String,
}

impl OsUser {
    /// Returns the effective user of this process; `None` if the user ID has no name, as in some
    /// containers.
    #[must_use]
    pub fn current() -> Option<Self> {
        Self::with_uid(geteuid())
    }

    /// Returns the user with this ID; `None` if it has no name.
    #[must_use]
    pub fn from_uid(uid: u32) -> Option<Self> {
        Self::with_uid(Uid::from_raw(uid))
    }

    /// Returns the user `name`, if it exists.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        User::from_name(name).ok().flatten().map(Self::from)
    }

    fn with_uid(uid: Uid) -> Option<Self> {
        User::from_uid(uid).ok().flatten().map(Self::from)
    }

    /// Returns whether this user is root, as whom PostgreSQL refuses to run.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// Returns the user of a server that this user starts: the same user or, for root, `postgres`,
    /// which packages create.
    pub(super) fn server_user(&self) -> Result<Self, LocalError> {
        if self.is_root() {
            Self::from_name("postgres").ok_or(LocalError::NoServerUser)
        } else {
            Ok(self.clone())
        }
    }
}

impl From<User> for OsUser {
    fn from(user: User) -> Self {
        Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            name: user.name,
        }
    }
}
