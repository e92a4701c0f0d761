//! Available modules: add, remove and list.

use sqern_db::available as db;
use sqern_db::change::Finished;
use sqern_db::run::{self, RunSelection};
use sqern_db::{AsOf, SqlClient, distro, kver};
use sqern_model::{DistroName, Kernel, KernelName, RunKind, RunResult};
use tokio_postgres::Client;

use crate::{ChangeOptions, Error};

pub use sqern_db::available::{Available, Filter as AvailableFilter};

/// Selects modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModuleSelection {
    /// The kernels for which a build or test run succeeded.
    Run {
        /// The kind of the run.
        kind: RunKind,
        /// The id of the run.
        id: i64,
        /// The revision; `None` for that of the build.
        revision: Option<String>,
        /// The release target; `None` for that of the build.
        target: Option<String>,
    },
    /// The kernels with a successful build or test of a revision and target. Withdrawn modules are
    /// omitted.
    Succeeded(SucceededModules),
    /// These kernels.
    Kernels {
        /// The revision.
        revision: String,
        /// The release target.
        target: String,
        /// The kernels. Without a distribution, the version must exist in only one.
        kernels: Vec<KernelName>,
    },
}

/// Selects the modules with a successful build or test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SucceededModules {
    /// The revision.
    pub revision: String,
    /// The release target.
    pub target: String,
    /// Profile of the build containers; `None` for any.
    pub profile: Option<String>,
    /// Distributions; empty for all.
    pub distros: Vec<DistroName>,
    /// The stage that a module must have reached.
    pub evidence: Evidence,
}

/// The stage that a module must have reached before it is made available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// A successful build.
    Built,
    /// A successful test.
    Tested {
        /// Flavor of the tests; `None` for any.
        flavor: Option<String>,
    },
}

/// The result of a change of available modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailabilityChange {
    /// The revision of the modules.
    pub revision: String,
    /// The release target of the modules.
    pub target: String,
    /// The kernels with a changed availability.
    pub kernels: Vec<Kernel>,
    /// The generation.
    pub finished: Finished,
}

/// The kernels of a selection.
struct SelectedModules {
    revision: String,
    target: String,
    kernels: Vec<Kernel>,
}

/// Makes modules available in one generation. With `dry_run`, returns the same data and changes
/// nothing.
///
/// # Errors
///
/// Returns an error if a selected object does not exist or is ambiguous, or if the selected run has
/// no successful kernel, no revision or no target.
pub async fn add(
    client: &mut Client,
    selection: &ModuleSelection,
    options: &ChangeOptions,
) -> Result<AvailabilityChange, Error> {
    require_distros(client, selection).await?;
    let change = sqern_db::change::begin(client, &options.comment).await?;
    let SelectedModules {
        revision,
        target,
        kernels,
    } = selected(&change.transaction, selection, true).await?;
    let kernels = db::add(&change.transaction, &revision, &target, &kernels).await?;
    let finished = change.finish(options.dry_run).await?;
    Ok(AvailabilityChange {
        revision,
        target,
        kernels,
        finished,
    })
}

/// Withdraws modules in one generation. With `dry_run`, returns the same data and changes nothing.
///
/// # Errors
///
/// Returns the errors of [`add`], and an error if no build and no available module has the selected
/// revision or target.
pub async fn remove(
    client: &mut Client,
    selection: &ModuleSelection,
    options: &ChangeOptions,
) -> Result<AvailabilityChange, Error> {
    require_distros(client, selection).await?;
    let (revision, target) = selection.names();
    db::require(client, revision, target).await?;
    let change = sqern_db::change::begin(client, &options.comment).await?;
    let SelectedModules {
        revision,
        target,
        kernels,
    } = selected(&change.transaction, selection, false).await?;
    let kernels = db::remove(&change.transaction, &revision, &target, &kernels).await?;
    let finished = change.finish(options.dry_run).await?;
    Ok(AvailabilityChange {
        revision,
        target,
        kernels,
        finished,
    })
}

/// Returns the available modules by revision, target and distribution, the newest kernels first.
///
/// # Errors
///
/// Returns an error with similar names if a distribution, the revision or the target does not
/// exist.
pub async fn list(
    client: &impl SqlClient,
    filter: &AvailableFilter,
    as_of: &AsOf,
) -> Result<Vec<Available>, Error> {
    kver::require(client, &filter.distros, &filter.kernels, as_of).await?;
    db::require(client, filter.revision.as_deref(), filter.target.as_deref()).await?;
    Ok(db::list(client, filter, as_of).await?)
}

impl ModuleSelection {
    /// Returns the revision and the target, if they are specified.
    fn names(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Run {
                revision, target, ..
            } => (revision.as_deref(), target.as_deref()),
            Self::Succeeded(SucceededModules {
                revision, target, ..
            })
            | Self::Kernels {
                revision, target, ..
            } => (Some(revision), Some(target)),
        }
    }
}

async fn require_distros(client: &Client, selection: &ModuleSelection) -> Result<(), Error> {
    if let ModuleSelection::Succeeded(modules) = selection {
        distro::require(client, &modules.distros, &AsOf::Now).await?;
    }
    Ok(())
}

/// Returns the kernels of a selection, for an addition only those whose modules can be added.
async fn selected(
    client: &impl SqlClient,
    selection: &ModuleSelection,
    only_addable: bool,
) -> Result<SelectedModules, Error> {
    match selection {
        ModuleSelection::Run {
            kind,
            id,
            revision,
            target,
        } => {
            let (revision, target) = (revision.clone(), target.clone());
            successful_kernels(client, *kind, *id, revision, target).await
        }
        ModuleSelection::Succeeded(modules) => succeeded(client, modules, only_addable).await,
        ModuleSelection::Kernels {
            revision,
            target,
            kernels,
        } => {
            let (revision, target) = (revision.clone(), target.clone());
            Ok(SelectedModules {
                revision,
                target,
                kernels: named(client, kernels).await?,
            })
        }
    }
}

async fn successful_kernels(
    client: &impl SqlClient,
    kind: RunKind,
    id: i64,
    revision: Option<String>,
    target: Option<String>,
) -> Result<SelectedModules, Error> {
    let run = run::get(client, kind, id)
        .await
        .map_err(|error| Error::run(kind, error))?;
    let mut kernels = run::kernels(client, kind, id, &AsOf::Now).await?;
    kernels.retain(|kernel| kernel.result == Some(RunResult::Success));
    if kernels.is_empty() {
        return Err(Error::NoSuccessfulKernel { kind, id });
    }
    let missing = |field| Error::MissingRunField { kind, id, field };
    Ok(SelectedModules {
        revision: revision
            .or(run.revision)
            .ok_or_else(|| missing("revision"))?,
        target: target.or(run.target).ok_or_else(|| missing("target"))?,
        kernels: kernels.into_iter().map(|kernel| kernel.kernel).collect(),
    })
}

async fn succeeded(
    client: &impl SqlClient,
    modules: &SucceededModules,
    only_addable: bool,
) -> Result<SelectedModules, Error> {
    let SucceededModules {
        revision,
        target,
        profile,
        distros,
        evidence,
    } = modules.clone();
    let (kind, flavor) = match evidence {
        Evidence::Built => (RunKind::Build, None),
        Evidence::Tested { flavor } => (RunKind::Test, flavor),
    };
    let selection = RunSelection {
        revision: Some(revision.clone()),
        target: Some(target.clone()),
        profile,
        distros,
        ..RunSelection::default()
    };
    let succeeded = db::Succeeded {
        kind,
        selection: &selection,
        flavor: flavor.as_deref(),
        only_addable,
    };
    Ok(SelectedModules {
        kernels: db::succeeded(client, succeeded).await?,
        revision,
        target,
    })
}

async fn named(client: &impl SqlClient, names: &[KernelName]) -> Result<Vec<Kernel>, Error> {
    let mut kernels = Vec::new();
    for name in names {
        let found = kver::find(client, &name.version, name.distro.as_slice()).await?;
        if found.len() > 1 {
            let distros = found.into_iter().map(|known| known.kernel.distro).collect();
            return Err(Error::AmbiguousKernel {
                name: name.clone(),
                distros,
            });
        }
        kernels.extend(found.into_iter().map(|known| known.kernel));
    }
    Ok(kernels)
}
