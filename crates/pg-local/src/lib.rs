//! Private PostgreSQL servers of a program, created from the server binaries that are installed.
//!
//! [`LocalServer`] creates, starts, stops and removes a server. All its files are in one directory.
//! Outside it, there are only the record in the service file and, for long paths, a socket
//! directory below `/tmp`:
//!
//! | path | content |
//! | --- | --- |
//! | `DIR/.NAME-local` | marker of the program, and the lock of all operations that change the directory |
//! | `DIR/data/` | data directory of PostgreSQL, created as `data.new` and renamed when it is complete |
//! | `DIR/log/` | log of the server |
//! | `DIR/run/` | Unix socket |
//!
//! # Security and durability
//!
//! - The server only listens on the Unix socket, in a directory that only its owner and root can search.
//! - Peer authentication accepts the operating system user that created the server, root, and the user that runs the server. Each
//!   has the role [`Program::role`].
//! - A server that root starts runs as `postgres`, because PostgreSQL refuses to run as root.
//! - `fsync` is on, except after [`LocalServer::throwaway`].
//!
//! # Blocking
//!
//! The functions block until the server has started or stopped. In asynchronous code, call them in
//! `tokio::task::spawn_blocking`.
//!
//! # Example
//!
//! ```no_run
//! use std::path::Path;
//!
//! use pg_local::{LocalEnv, LocalServer, OsUser, Program};
//!
//! const PROGRAM: Program = Program {
//!     name: "example",
//!     role: "example",
//!     database: "example",
//!     service: "example-local",
//!     up_command: "example up",
//!     status_command: "example status",
//!     destroy_command: "example destroy",
//!     directory_option: "--data-dir",
//!     binaries_variable: "EXAMPLE_PG_BIN",
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let user = OsUser::current().ok_or("the user of this process has no name")?;
//! let dir = PROGRAM.default_dir(&user, Some(Path::new("/home/me")), None).ok_or("there is no home directory")?;
//! let server = LocalServer::at(&dir, &LocalEnv::new(PROGRAM, user, dir.clone()))?;
//! let up = server.up()?;
//! println!("PostgreSQL is running: {}", up.endpoint.dsn(&PROGRAM));
//! server.down()?;
//! # Ok(())
//! # }
//! ```

mod binaries;
mod claim;
mod command;
mod config;
mod create;
mod destroy;
mod endpoint;
mod env;
mod error;
mod files;
mod interrupt;
mod layout;
mod os_user;
mod pid_file;
mod program;
mod server;
mod service_file;
mod socket;
mod start;
mod status;
mod stop;
mod up;
mod version;

pub use destroy::Destroyed;
pub use endpoint::Endpoint;
pub use env::LocalEnv;
pub use error::LocalError;
pub use interrupt::Interrupt;
pub use os_user::OsUser;
pub use pid_file::running_endpoint;
pub use program::Program;
pub use server::LocalServer;
pub use status::{State, Status};
pub use stop::Down;
pub use up::Up;
