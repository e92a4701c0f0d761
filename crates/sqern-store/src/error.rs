//! The error type of this crate.

use std::fmt;
use std::io;

sqern_model::diagnostic_error! {
    /// A file or directory could not be accessed.
    Io = "io",
    /// The disk is full, or a quota is exceeded.
    StorageFull = "storage-full",
    /// Other users can change or replace a directory, or a directory of the store is a symbolic link.
    UnsafeDirectory = "unsafe-directory",
    /// A name or checksum cannot be part of a path in the store.
    InvalidName = "invalid-name",
    /// The manifest of a tree is missing, invalid or that of another kernel.
    InvalidManifest = "invalid-manifest",
    /// The files of a tree differ from its manifest.
    ModifiedTree = "modified-tree",
    /// A package is damaged, contains entries that are not allowed, or exceeds a limit. Another
    /// attempt fails, too.
    InvalidPackage = "invalid-package",
    /// The packages of a tree do not contain usable headers of the kernel.
    InvalidTree = "invalid-tree",
    /// kbuild cannot use a path.
    UnsupportedPath = "unsupported-path",
    /// A build program could not be started.
    MissingTool = "missing-tool",
    /// The test module could not be compiled.
    BuildFailed = "build-failed",
    /// The sandbox of the compilation could not be created.
    Sandbox = "sandbox",
    /// The compilation exceeded its time limit.
    TimeLimit = "time-limit",
    /// The compiled module is not of the kernel.
    WrongVermagic = "wrong-vermagic",
}

impl Error {
    /// Returns the error of a failed system call.
    pub(crate) fn io(operation: &str, error: io::Error, location: impl fmt::Display) -> Self {
        let is_full = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        );
        let kind = if is_full {
            ErrorKind::StorageFull
        } else {
            ErrorKind::Io
        };
        let failed = Self::caused(kind, operation, error, location);
        if is_full {
            failed.with_hint("Delete files on the full disk (df -h), or of the user whose quota is exceeded (quota).")
        } else {
            failed
        }
    }

    /// Returns the error with the last lines of the output of make.
    #[must_use]
    pub(crate) fn with_output(mut self, lines: &[String]) -> Self {
        if !lines.is_empty() {
            self.0.detail = Some(format!(
                "last lines of the output of make:\n  | {}",
                lines.join("\n  | ")
            ));
        }
        self
    }

    /// Returns the error with its location inside an outer one, such as an entry of a package.
    #[must_use]
    pub(crate) fn within(mut self, outer: impl fmt::Display) -> Self {
        self.0.description.within(outer);
        self
    }
}
