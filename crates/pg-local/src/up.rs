//! Creation and start of a server in one operation.

use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::unistd::{AccessFlags, eaccess};

use super::binaries::Binaries;
use super::claim::{Claim, check_ownership};
use super::command::as_user;
use super::endpoint::Endpoint;
use super::error::LocalError;
use super::server::{LocalServer, millis_since};
use super::{create, start};

/// The result of creating and starting a server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Up {
    /// The directory of the server.
    pub dir: PathBuf,
    /// Whether the data directory was created.
    pub created: bool,
    /// Whether the server was started; otherwise it was already running.
    pub started: bool,
    /// The major version of the data directory.
    pub version: Option<u32>,
    /// The address of the server.
    pub endpoint: Endpoint,
    /// The name of the service record, if one was written.
    pub service: Option<String>,
    /// The error that prevented the service record.
    #[serde(skip)]
    pub service_error: Option<String>,
    /// The duration, in milliseconds.
    pub elapsed_ms: u64,
}

impl LocalServer {
    /// Creates and starts the server if necessary, and writes its service record. Concurrent calls
    /// create one server.
    ///
    /// # Errors
    ///
    /// Returns an error if the binaries are missing or have another version, if the directory has
    /// other content, or if the start failed. After an error, the data directory is complete or
    /// does not exist.
    pub fn up(&self) -> Result<Up, LocalError> {
        let start = Instant::now();
        // The user of the server must be able to search a directory of root.
        let _claim = Claim::create(
            &self.layout,
            if self.env.user.is_root() {
                0o711
            } else {
                0o700
            },
            &self.interrupt,
        )?;
        let running = start::wait_ready(&self.layout.data(), &self.interrupt)?;
        let (created, started) = if running.is_some() {
            (false, false)
        } else {
            (self.create_and_start()?, true)
        };
        let endpoint = running.unwrap_or_else(|| self.endpoint());
        // The server can be used without its record, for example if the home directory is
        // read-only.
        let (service, service_error) = match self.put_record(&endpoint) {
            Ok(service) => (service, None),
            Err(error) => (None, Some(error.to_string())),
        };
        let version = self.layout.data_version()?;
        let dir = self.layout.dir.clone();
        Ok(Up {
            dir,
            created,
            started,
            version,
            endpoint,
            service,
            service_error,
            elapsed_ms: millis_since(start),
        })
    }

    /// Checks whether [`Self::up`] can create and start the server, without changes.
    ///
    /// # Errors
    ///
    /// Returns the error of `up`: another owner of the directory, missing binaries, or missing
    /// permissions.
    pub fn check_up(&self) -> Result<(), LocalError> {
        check_ownership(&self.layout)?;
        let dir = &self.layout.dir;
        let existing = dir
            .ancestors()
            .find(|dir| dir.exists())
            .unwrap_or(Path::new("/"));
        let action = if existing == dir {
            "write to"
        } else {
            "create directory"
        };
        eaccess(existing, AccessFlags::W_OK | AccessFlags::X_OK).map_err(|error| {
            let path = if existing == dir {
                existing.to_owned()
            } else {
                dir.clone()
            };
            LocalError::Io {
                action,
                path,
                source: error.into(),
            }
        })?;
        let version = self.layout.data_version()?;
        let data = self.layout.data();
        Binaries::find(&self.env, version.map(|version| (version, data.as_path())))?;
        self.check_search_permissions()
    }

    /// Starts the server, and returns whether the data directory was created.
    fn create_and_start(&self) -> Result<bool, LocalError> {
        let version = self.layout.data_version()?;
        let data = self.layout.data();
        let binaries = Binaries::find(&self.env, version.map(|version| (version, data.as_path())))?;
        self.check_search_permissions()?;
        if version.is_none() {
            create::create(self, &binaries)?;
        }
        start::start(self, &binaries)?;
        Ok(version.is_none())
    }

    /// Checks that the user of the server can search all parents of the directory.
    fn check_search_permissions(&self) -> Result<(), LocalError> {
        if self.env.user.uid == self.runs_as.uid {
            return Ok(());
        }
        let mut ancestors: Vec<_> = self.layout.dir.ancestors().collect();
        ancestors.reverse();
        for dir in ancestors.into_iter().filter(|dir| dir.exists()) {
            let mut command = as_user(Path::new("/bin/sh"), &self.env, &self.runs_as);
            let output = command.args(["-c", "cd \"$1\"", "sh"]).arg(dir).output();
            let output = output.map_err(|source| LocalError::SwitchUser {
                user: self.runs_as.name.clone(),
                source,
            })?;
            if !output.status.success() {
                return Err(LocalError::NotTraversable {
                    blocked: dir.to_owned(),
                    user: self.runs_as.name.clone(),
                });
            }
        }
        Ok(())
    }
}
