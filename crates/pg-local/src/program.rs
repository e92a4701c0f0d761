//! The program that manages private servers.

/// The program that manages private servers: the names that its servers have, and the commands that
/// messages and hints quote.
///
/// Servers of different programs are separate. The names of a program must not change, because
/// existing servers contain them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// The name of the program, of letters, digits and hyphens. It is a part of the names of files
    /// and directories.
    pub name: &'static str,
    /// The superuser role, to which peer authentication maps the owner of the server and root.
    pub role: &'static str,
    /// The database that is created with the server.
    pub database: &'static str,
    /// The name of the service record of the server in the default directory.
    pub service: &'static str,
    /// The command that starts the server ([`LocalServer::up`](crate::LocalServer::up)).
    pub up_command: &'static str,
    /// The command that shows the state of the server
    /// ([`LocalServer::status`](crate::LocalServer::status)).
    pub status_command: &'static str,
    /// The command that removes the server ([`LocalServer::destroy`](crate::LocalServer::destroy)).
    pub destroy_command: &'static str,
    /// The option that specifies the directory of the server, such as `--data-dir`.
    pub directory_option: &'static str,
    /// The environment variable that specifies the directory of the server binaries.
    pub binaries_variable: &'static str,
}
