//! Fetches one kernel: download, unpack, adapt the tree to its place, compile a module, and commit the tree to the store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use sqern_db::fetch::Provenance;
use sqern_model::{Kernel, Source, SourceSet};
use sqern_store::store::{Cached, Found, Manifest, ManifestPackage, Staged, digest};
use sqern_store::tree::{Machine, ProveOptions, make_variables};
use sqern_store::{Limits, Store, tree, unpack};
use sqern_upstream::{Client, PackageRequest};
use url::Url;

use super::plan::{Chosen, Plan};
use super::{MissingTools, apt, outside};
use crate::failure::Failure;

/// The wait while another fetch downloads a package.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Fetches kernels.
pub struct Fetcher<'a> {
    /// Connections to the mirrors.
    pub client: Client,
    /// The sources, for their credentials.
    pub sources: &'a SourceSet,
    /// The store of trees.
    pub store: Store,
    /// Sends requests for `scheme://HOST/PATH` to `mirror_base/HOST/PATH`.
    pub mirror_base: Option<Url>,
    /// The build tools of this machine: a module is compiled in each tree, and a tree without one is rejected. `None` skips that.
    pub prove: Option<Machine>,
    /// Called before a proof with the tools that it lacks.
    pub missing: &'a (dyn Fn(&MissingTools) + Sync),
    /// The shell command that replaces the download, with its time limit.
    pub command: Option<(String, Duration)>,
    /// The current time.
    pub now: Timestamp,
    /// Called with the number of received bytes.
    pub received: &'a (dyn Fn(u64) + Sync),
}

/// One kernel to fetch.
#[derive(Debug)]
pub struct Job<'a> {
    /// The packages to fetch.
    pub plan: &'a Plan,
    /// The verified metadata of the packages, by source.
    pub vouched: &'a std::collections::BTreeMap<String, Provenance>,
}

/// The result of a fetch.
#[derive(Debug)]
pub enum Outcome {
    /// Its tree is in the store.
    Fetched(PathBuf),
    /// An intact tree was found, from a run that did not record it.
    Found(PathBuf),
    /// Another process is fetching it.
    Busy,
}

impl Fetcher<'_> {
    /// Fetches one kernel. After an error, the store contains no part of it.
    pub async fn fetch(&self, job: &Job<'_>) -> Result<Outcome, Failure> {
        let kernel = &job.plan.kernel;
        let Some(staged) = self.store.begin(kernel)? else { return Ok(Outcome::Busy) };
        if let Some(place) = self.found(job.plan).await? {
            return Ok(Outcome::Found(place));
        }
        let mut content = Content::default();
        match &self.command {
            Some((command, limit)) => outside::run(command, kernel, staged.root(), *limit).await?,
            None => content = self.unpack(job.plan, &staged).await?,
        }
        let vermagic = match &self.prove {
            Some(machine) => Some(self.proven(kernel, &staged, machine, &content).await?),
            None => None,
        };
        let root = staged.root().to_owned();
        let tree = blocking(move || digest(&root)).await??;
        let manifest = Manifest {
            schema: Manifest::schema(),
            distro: kernel.distro.clone(),
            version: kernel.version.clone(),
            architecture: job.plan.architecture.clone(),
            made_at: self.now.to_string(),
            packages: if self.command.is_some() { Vec::new() } else { packages(job) },
            changes: content.changes,
            vermagic,
            tree,
        };
        Ok(Outcome::Fetched(blocking(move || staged.commit(&manifest)).await??))
    }

    /// Returns the tree of the kernel if the store contains an intact one of these packages.
    async fn found(&self, plan: &Plan) -> Result<Option<PathBuf>, Failure> {
        let Some(Found::Tree(manifest)) = self.store.find(&plan.kernel)? else { return Ok(None) };
        let wanted = |chosen: &Chosen| manifest.packages.iter().any(|package| package.checksum == chosen.package.checksum);
        if (self.prove.is_some() && manifest.vermagic.is_none()) || !plan.packages.iter().all(wanted) || self.command.is_some() {
            return Ok(None);
        }
        let (store, kernel) = (self.store.clone(), plan.kernel.clone());
        let whole = blocking(move || store.verify(&kernel, &manifest)).await?;
        whole.ok().map(|()| self.store.tree(&plan.kernel)).transpose().map_err(Failure::from)
    }

    /// Downloads the packages and unpacks them into the staging directory.
    async fn unpack(&self, plan: &Plan, staged: &Staged) -> Result<Content, Failure> {
        let files = try_join_all(plan.packages.iter().map(|chosen| self.package(&plan.kernel, chosen))).await?;
        let (root, kernel) = (staged.root().to_owned(), plan.kernel.version.clone());
        let content = blocking(move || {
            let Content { mut changes, mut depends } = Content::default();
            for file in files {
                let unpacked = unpack(&file, &root, &Limits::default())?;
                depends.extend(unpacked.depends);
                changes.extend(unpacked.relinked.into_iter().map(|link| match link.now {
                    Some(now) => format!("{}: {} became {now}", link.path, link.was),
                    None => format!("{}: link to {} omitted", link.path, link.was),
                }));
            }
            let adapted = tree::adapt(&root, &kernel)?;
            changes.extend(adapted.changed.into_iter().map(|file| format!("{}: {}", file.path, file.why)));
            changes.push(format!("{}: link to {}", adapted.build, adapted.headers));
            Ok::<_, sqern_store::Error>(Content { changes, depends })
        });
        Ok(content.await??)
    }

    /// Returns the cached file of a package, which is downloaded from the first available source.
    async fn package(&self, kernel: &Kernel, chosen: &Chosen) -> Result<PathBuf, Failure> {
        let package = &chosen.package;
        let is_rpm = Path::new(&package.url).extension().is_some_and(|suffix| suffix == "rpm");
        let suffix = if is_rpm { "rpm" } else { "deb" };
        let partial = loop {
            let (store, checksum, size) = (self.store.clone(), package.checksum.clone(), package.size_bytes);
            match blocking(move || store.cached(&checksum, size, suffix)).await?? {
                Cached::Available(path) => return Ok(path),
                Cached::Missing(partial) => break partial,
                Cached::Busy => tokio::time::sleep(LOOK_AGAIN).await,
            }
        };
        let mut failed = None;
        for (source, url) in &chosen.places {
            let received = if let Some(wanted) = url.strip_prefix("apt:") {
                self.by_apt(wanted, chosen, partial.path()).await
            } else {
                let known = self.sources.get(&kernel.distro).map_or(&[][..], |distro| &distro.sources);
                let source = known.iter().find(|one| one.name() == source);
                self.by_url(source, url, chosen, &partial).await
            };
            match received {
                Ok(()) => return Ok(partial.publish()?),
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        Err(failed.unwrap_or_else(|| Failure::unmet(format!("no source lists package {}", package.name))))
    }

    async fn by_url(
        &self,
        source: Option<&Source>,
        url: &str,
        chosen: &Chosen,
        partial: &sqern_store::store::Partial,
    ) -> Result<(), Failure> {
        let package = &chosen.package;
        let parsed = Url::parse(url)
            .map_err(|error| Failure::unmet(format!("invalid URL {url:?} of package {}: {error}", package.name)))?;
        let request = PackageRequest {
            url: &parsed,
            source,
            size_bytes: package.size_bytes,
            checksum: &package.checksum,
            mirror_base: self.mirror_base.as_ref(),
            now: self.now,
        };
        Ok(self.client.download(&request, partial.file()?, self.received).await?)
    }

    /// Downloads a package by apt of this machine; the file is verified against the index, too.
    async fn by_apt(&self, wanted: &str, chosen: &Chosen, target: &Path) -> Result<(), Failure> {
        let package = &chosen.package;
        let folder = tempfile::tempdir_in(target.parent().unwrap_or(target))?;
        let file = apt::download(wanted, &package.architecture, folder.path()).await?;
        let (size, checksum) = (package.size_bytes, package.checksum.clone());
        let target = target.to_owned();
        let checked = blocking(move || {
            sqern_upstream::check_file(&file, size, &checksum)?;
            let failed = |error| Failure::unmet(format!("could not move the package to {}: {error}", target.display()));
            std::fs::rename(&file, &target).map_err(failed)
        });
        checked.await?
    }

    /// Compiles a module in the tree and returns its vermagic. Without the tools for BTF or objtool, the module has no BTF or
    /// is not processed by objtool.
    async fn proven(&self, kernel: &Kernel, staged: &Staged, machine: &Machine, content: &Content) -> Result<String, Failure> {
        let build = staged.root().join("build");
        let missing = MissingTools::of(kernel, &build, machine, &content.depends);
        if !missing.tools.is_empty() {
            (self.missing)(&missing);
        }
        if missing.prevents_building() {
            return Err(missing.failure());
        }
        let options = ProveOptions { variables: make_variables(&missing.tools), ..ProveOptions::default() };
        let kernel = kernel.version.clone();
        let scratch = tempfile::tempdir_in(self.store.scratch()?)?;
        let proof = blocking(move || tree::prove(&build, &kernel, scratch.path(), &options)).await??;
        Ok(proof.vermagic)
    }
}

/// What unpacking learned of a kernel's packages.
#[derive(Default)]
struct Content {
    /// Links and lines that were changed so that the tree builds in the store.
    changes: Vec<String>,
    /// The names in the packages' dependencies.
    depends: BTreeSet<String>,
}

/// Returns the packages of the manifest.
fn packages(job: &Job<'_>) -> Vec<ManifestPackage> {
    let line = |chosen: &Chosen| {
        let package = &chosen.package;
        let (source, url) = chosen.places.first().cloned().unwrap_or_default();
        let vouched = job.vouched.get(&source);
        ManifestPackage {
            role: package.role,
            name: package.name.clone(),
            version: package.version.clone(),
            architecture: package.architecture.clone(),
            url,
            size_bytes: package.size_bytes,
            checksum: package.checksum.clone(),
            source,
            top_url: vouched.map(|vouched| vouched.url.clone()),
            top_dated_at: vouched.and_then(|vouched| vouched.dated_at).map(|at| at.to_string()),
        }
    };
    job.plan.packages.iter().map(line).collect()
}

/// Runs file operations on a blocking thread.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Failure::unmet(format!("could not process a tree: {error}")))
}
