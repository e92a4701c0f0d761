//! The selection of kernels.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use sqern_db::fetch as db;
use sqern_db::{distro, kver};
use sqern_model::{DistroName, Kernel, KernelName, KernelVersion};
use tokio_postgres::Client;

use super::packages::{self, KernelPlan, ProvenanceBySource};
use super::{DownloadMethod, FetchError, FetchObstacle, verify};
use crate::Error;

/// Selects kernels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// Distributions; empty for all.
    pub distros: Vec<DistroName>,
    /// Names of kernels; empty for all.
    pub kernels: Vec<KernelName>,
    /// Maximum number of kernels; `None` for all.
    pub max_kernels: Option<usize>,
    /// Whether to fetch kernels again whose headers package was published again since they were
    /// fetched.
    pub republished: bool,
    /// The architecture of the headers, as printed by `uname -m`.
    pub machine: String,
    /// The program that downloads the headers. Only for [`DownloadMethod::Packages`], the plan
    /// contains packages.
    pub method: DownloadMethod,
}

/// The kernels to fetch.
#[derive(Debug)]
pub struct FetchPlan {
    /// The kernels with their packages, most important first.
    pub kernels: Vec<KernelPlan>,
    /// Selected versions without a headers package for the architecture, and kernels with a package that
    /// nothing authenticates.
    pub rejected: Vec<RejectedKernel>,
    /// The number of other kernels without a headers package for the architecture.
    pub skipped: usize,
    /// The number of fetched kernels whose headers package was published again, and that are not part
    /// of the plan.
    pub republished: usize,
    /// The program that downloads the headers.
    pub method: DownloadMethod,
}

/// A selected kernel that cannot be fetched.
#[derive(Debug)]
pub struct RejectedKernel {
    /// The kernel.
    pub kernel: Kernel,
    /// The reason.
    pub error: Error,
}

impl FetchPlan {
    /// Returns whether the plan contains neither kernels nor errors.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kernels.is_empty() && self.rejected.is_empty()
    }
}

/// Selects wanted kernels that were seen and are not fetched. Kernels of customer hosts are first.
///
/// # Errors
///
/// Returns [`FetchError::NotFetchable`] for a selected version that is archived, ignored or not
/// listed, and an error of the database if a selected object does not exist.
pub async fn plan(client: &Client, request: &FetchRequest) -> Result<FetchPlan, Error> {
    for name in &request.distros {
        distro::get(client, name).await?;
    }
    let mut candidates = db::candidates(client, &request.distros, &request.kernels).await?;
    let mut republished = 0;
    if !request.republished {
        let all = candidates.len();
        candidates.retain(|candidate| !candidate.is_republished);
        republished = all - candidates.len();
    }
    for name in &request.kernels {
        if !candidates
            .iter()
            .any(|candidate| name.matches(&candidate.kernel))
        {
            require_fetchable(client, &name.version, &name.distros(&request.distros)).await?;
        }
    }
    db::add_packages(client, &mut candidates).await?;
    let max_kernels = request.max_kernels.unwrap_or(usize::MAX);
    let mut plan = FetchPlan {
        kernels: vec![],
        rejected: vec![],
        skipped: 0,
        republished,
        method: request.method.clone(),
    };
    let mut provenance: BTreeMap<&DistroName, ProvenanceBySource> = BTreeMap::new();
    for candidate in &candidates {
        let planned = match request.method {
            DownloadMethod::Command { .. } => {
                Ok(KernelPlan::without_packages(candidate, &request.machine))
            }
            DownloadMethod::Packages { .. } => {
                let distro = &candidate.kernel.distro;
                let by_source = match provenance.entry(distro) {
                    Entry::Occupied(entry) => entry.into_mut(),
                    Entry::Vacant(entry) => entry.insert(db::provenance(client, distro).await?),
                };
                packages::choose(candidate, &request.machine, by_source)
            }
        };
        match planned {
            Ok(_) if plan.kernels.len() >= max_kernels => break,
            Ok(kernel) => match require_verifiable(&kernel, &request.method) {
                Ok(()) => plan.kernels.push(kernel),
                Err(error) => plan.rejected.push(RejectedKernel {
                    kernel: kernel.kernel,
                    error: error.into(),
                }),
            },
            // A kernel of another architecture is an error only if it was selected.
            Err(_) if request.kernels.is_empty() => plan.skipped += 1,
            Err(error) => plan.rejected.push(RejectedKernel {
                kernel: candidate.kernel.clone(),
                error: error.into(),
            }),
        }
    }
    Ok(plan)
}

/// Returns an error if a package of a kernel cannot be verified, unless the method accepts that.
fn require_verifiable(kernel: &KernelPlan, method: &DownloadMethod) -> Result<(), FetchError> {
    match method {
        DownloadMethod::Command { .. }
        | DownloadMethod::Packages {
            allow_unverified: true,
            ..
        } => Ok(()),
        DownloadMethod::Packages { .. } => kernel
            .packages
            .iter()
            .try_for_each(verify::require_verifiable),
    }
}

/// Returns an error if a selected version does not exist or cannot be fetched. A version that is
/// already fetched is no error.
async fn require_fetchable(
    client: &Client,
    version: &KernelVersion,
    distros: &[DistroName],
) -> Result<(), Error> {
    for known in kver::find(client, version, distros).await? {
        let obstacle = match (
            &known.fetched_at,
            known.seen_at,
            known.archived,
            known.ignored,
        ) {
            (Some(_), ..) => continue,
            (_, _, true, _) => FetchObstacle::Archived,
            (_, _, _, true) => FetchObstacle::Ignored,
            (_, None, ..) => FetchObstacle::NotListed,
            _ => continue,
        };
        return Err(FetchError::NotFetchable {
            kernel: known.kernel,
            obstacle,
        }
        .into());
    }
    Ok(())
}
