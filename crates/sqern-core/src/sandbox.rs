//! The selection of a sandbox.

use std::fmt;

pub use sqern_sandbox::launcher::run as run_launcher;
pub use sqern_sandbox::{Launcher, Method, Mode, Obstacle, Sandbox};

use crate::Error;
use crate::blocking::blocking;

/// The requested isolation of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxRequest {
    /// The mode.
    pub mode: Mode,
    /// The launcher of this program.
    pub launcher: Launcher,
}

/// Commands have less isolation than bubblewrap provides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeakIsolation {
    /// The method; `None` without a sandbox.
    pub method: Option<Method>,
    /// The reason.
    pub obstacle: Obstacle,
}

impl fmt::Display for WeakIsolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.obstacle.reason)?;
        f.write_str(match self.method {
            Some(_) => {
                "; commands run with Landlock, without separate processes and with unlimited disk space"
            }
            None => "; commands run without a sandbox",
        })
    }
}

/// Selects the sandbox of commands, and reports isolation that is weaker than that of bubblewrap.
///
/// # Errors
///
/// Returns an error if the required isolation is not available.
pub(crate) async fn select(
    request: &SandboxRequest,
    report: impl FnOnce(WeakIsolation),
) -> Result<Sandbox, Error> {
    let SandboxRequest { mode, launcher } = request.clone();
    let select = move || Sandbox::select(mode, &launcher);
    let sandbox = blocking("test the sandbox", select).await??;
    if let Some(obstacle) = sandbox.obstacle() {
        report(WeakIsolation {
            method: sandbox.method(),
            obstacle: obstacle.clone(),
        });
    }
    Ok(sandbox)
}
