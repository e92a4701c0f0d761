//! The tree of one kernel: download, unpack, adapt the paths, compile a module, and commit the tree
//! to the store.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use futures_util::future::try_join_all;
use jiff::Timestamp;
use sqern_model::Kernel;
use sqern_store::store::{
    Found, Manifest, ManifestCompilers, ManifestPackage, PackageVerification, Staged, digest,
};
use sqern_store::tree::{Machine, Proof, ProveOptions, Tool, make_variables};
use sqern_store::{Limits, Store, tree, unpack};

use super::download::Downloader;
use super::verify::verify;
use super::{
    DownloadMethod, FetchEvent, FetchOutcome, KernelPlan, MissingTools, PackageLocation,
    PlannedPackage, external_command,
};
use crate::blocking::blocking;
use crate::sandbox::Sandbox;
use crate::{Error, Progress};

/// The operation in an error of a blocking task.
const PROCESS: &str = "process a tree";

/// Creates trees.
pub(super) struct TreeFetcher<'a, P> {
    pub(super) downloader: Downloader<'a, P>,
    pub(super) store: &'a Store,
    pub(super) method: &'a DownloadMethod,
    /// The tools with which a module is compiled in each tree. A tree without a module is rejected.
    /// `None` skips the compilation.
    pub(super) tools: Option<ProofTools>,
    /// The environment of a fetch command.
    pub(super) environment: &'a [(OsString, OsString)],
    pub(super) now: Timestamp,
    pub(super) progress: &'a P,
    /// The missing tools that were reported.
    pub(super) reported_tools: Mutex<BTreeSet<Tool>>,
}

/// The tools that compile a module.
pub(super) struct ProofTools {
    /// The build tools of this machine.
    pub(super) machine: Machine,
    /// The sandbox of make.
    pub(super) sandbox: Sandbox,
}

/// The result of unpacking the packages of a kernel.
#[derive(Default)]
struct Unpacked {
    /// The changed links and lines, without which the tree would not build in the store.
    changes: Vec<String>,
    /// The names in the dependencies of the packages.
    depends: BTreeSet<String>,
}

impl<P: Progress<FetchEvent>> TreeFetcher<'_, P> {
    /// Creates the tree of a kernel. After an error, the store contains no part of it.
    pub(super) async fn fetch(&self, plan: &KernelPlan) -> Result<FetchOutcome, Error> {
        let kernel = &plan.kernel;
        let Some(staged) = self.store.begin(kernel)? else {
            return Ok(FetchOutcome::Busy);
        };
        if let Some(tree) = self.intact_tree(plan).await? {
            return Ok(FetchOutcome::Found(tree));
        }
        let (mut unpacked, mut packages) = (Unpacked::default(), Vec::new());
        match self.method {
            DownloadMethod::Command { script, time_limit } => {
                external_command::run(script, kernel, staged.root(), *time_limit, self.environment)
                    .await?;
            }
            DownloadMethod::Packages {
                allow_unverified, ..
            } => {
                (unpacked, packages) = self.unpack(plan, &staged, *allow_unverified).await?;
            }
        }
        let proof = match &self.tools {
            Some(tools) => Some(
                self.compile_module(kernel, &staged, tools, &unpacked.depends)
                    .await?,
            ),
            None => None,
        };
        if proof
            .as_ref()
            .is_some_and(|proof| proof.lacks_symbol_versions)
        {
            self.progress
                .report(FetchEvent::NoSymbolVersions(kernel.clone()));
        }
        let compilers = proof.as_ref().map(|proof| ManifestCompilers {
            kernel: proof.kernel_compiler.clone(),
            module: proof.module_compiler.clone(),
        });
        let (vermagic, sandbox) = proof.map(|proof| (proof.vermagic, proof.sandbox)).unzip();
        let root = staged.root().to_owned();
        let tree = blocking(PROCESS, move || digest(&root)).await??;
        let manifest = Manifest {
            schema: Manifest::schema(),
            distro: kernel.distro.clone(),
            version: kernel.version.clone(),
            architecture: plan.architecture.clone(),
            made_at: self.now.to_string(),
            packages,
            changes: unpacked.changes,
            vermagic,
            sandbox: sandbox.flatten().map(Into::into),
            compilers,
            tree,
        };
        Ok(FetchOutcome::Fetched(
            blocking(PROCESS, move || staged.commit(&manifest)).await??,
        ))
    }

    /// Returns the tree of a kernel if the store contains an intact one of the planned packages.
    async fn intact_tree(&self, plan: &KernelPlan) -> Result<Option<PathBuf>, Error> {
        let Some(Found::Tree(manifest)) = self.store.find(&plan.kernel)? else {
            return Ok(None);
        };
        let allow_unverified = matches!(
            self.method,
            DownloadMethod::Packages {
                allow_unverified: true,
                ..
            }
        );
        let contains = |planned: &PlannedPackage| {
            manifest.packages.iter().any(|package| {
                package.checksum == planned.package.checksum
                    && (package.verified.is_some() || allow_unverified)
            })
        };
        let is_proven = self.tools.is_none() || manifest.vermagic.is_some();
        let is_command = matches!(self.method, DownloadMethod::Command { .. });
        if !is_proven || is_command || !plan.packages.iter().all(contains) {
            return Ok(None);
        }
        let (store, kernel) = (self.store.clone(), plan.kernel.clone());
        let verified = blocking(PROCESS, move || store.verify(&kernel, &manifest)).await?;
        if verified.is_err() {
            Ok(None)
        } else {
            Ok(self.store.usable_tree(&plan.kernel)?)
        }
    }

    /// Downloads the packages, verifies and unpacks them into the staging directory.
    async fn unpack(
        &self,
        plan: &KernelPlan,
        staged: &Staged,
        allow_unverified: bool,
    ) -> Result<(Unpacked, Vec<ManifestPackage>), Error> {
        let distro = &plan.kernel.distro;
        let downloads = plan
            .packages
            .iter()
            .map(|planned| self.downloader.package(distro, planned));
        let files = try_join_all(downloads).await?;
        let mut packages = Vec::new();
        for (planned, file) in plan.packages.iter().zip(&files) {
            let source = planned.locations.first().map(|location| &*location.source);
            let source = source.and_then(|source| self.downloader.source(distro, source));
            let verified = match verify(planned, source, file.clone(), self.now).await? {
                Ok(verified) => Some(verified),
                Err(_) if allow_unverified => None,
                Err(error) => return Err(error.into()),
            };
            packages.push(manifest_package(planned, verified));
        }
        let (root, kernel) = (staged.root().to_owned(), plan.kernel.version.clone());
        let unpacked = blocking(PROCESS, move || {
            let Unpacked {
                mut changes,
                mut depends,
            } = Unpacked::default();
            for file in files {
                let package = unpack(&file, &root, &Limits::default())?;
                depends.extend(package.depends);
                changes.extend(package.relinked.into_iter().map(|link| match link.now {
                    Some(now) => format!("{}: {} became {now}", link.path, link.was),
                    None => format!("{}: link to {} omitted", link.path, link.was),
                }));
            }
            let adapted = tree::adapt(&root, &kernel)?;
            changes.extend(
                adapted
                    .changed
                    .into_iter()
                    .map(|file| format!("{}: {}", file.path, file.why)),
            );
            changes.push(format!("{}: link to {}", adapted.build, adapted.headers));
            Ok::<_, sqern_store::Error>(Unpacked { changes, depends })
        });
        Ok((unpacked.await??, packages))
    }

    /// Compiles a module in the tree. Without the tools for BTF or
    /// objtool, the module has no BTF or is not processed by objtool.
    async fn compile_module(
        &self,
        kernel: &Kernel,
        staged: &Staged,
        tools: &ProofTools,
        depends: &BTreeSet<String>,
    ) -> Result<Proof, Error> {
        let root = staged.root().to_owned();
        let build = root.join("build");
        let missing = MissingTools::find(kernel, &build, &tools.machine, depends);
        let options = ProveOptions {
            variables: make_variables(&build, &missing.tools),
            sandbox: tools.sandbox.clone(),
            ..ProveOptions::default()
        };
        let checked = missing.check();
        self.report_missing(missing);
        checked?;
        let scratch = tempfile::tempdir_in(self.store.scratch()?);
        let scratch = scratch.map_err(Error::io("could not create a temporary directory"))?;
        let kernel = kernel.version.clone();
        let prove = move || tree::prove(&root, &kernel, scratch.path(), &options);
        Ok(blocking(PROCESS, prove).await??)
    }

    /// Reports missing tools if one of them was not reported for another kernel.
    fn report_missing(&self, missing: MissingTools) {
        let is_new = {
            let mut reported = self
                .reported_tools
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // Every tool is recorded, so `any` must not end the loop early.
            missing
                .tools
                .iter()
                .filter(|requirement| reported.insert(requirement.tool.clone()))
                .count()
                > 0
        };
        if is_new {
            self.progress.report(FetchEvent::MissingTools(missing));
        }
    }
}

/// Returns a package for the manifest, with the root metadata that lists its index.
fn manifest_package(
    planned: &PlannedPackage,
    verified: Option<PackageVerification>,
) -> ManifestPackage {
    let package = &planned.package;
    let location = planned.verified_location().or(planned.locations.first());
    let (source, url, root) = match location.cloned() {
        Some(PackageLocation {
            source,
            url,
            provenance,
            ..
        }) => (source, url, provenance),
        None => Default::default(),
    };
    ManifestPackage {
        role: package.role,
        name: package.name.clone(),
        version: package.version.clone(),
        architecture: package.architecture.clone(),
        url,
        size_bytes: package.size_bytes,
        checksum: package.checksum.clone(),
        source,
        top_dated_at: root
            .as_ref()
            .and_then(|root| root.dated_at)
            .map(|time| time.to_string()),
        top_url: root.map(|root| root.url),
        verified,
    }
}
