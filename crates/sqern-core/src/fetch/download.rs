//! Downloads of packages into the cache of the store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use sqern_model::{DistroName, KernelPackage, Source, SourceSet};
use sqern_store::Store;
use sqern_store::store::{Cached, Partial};
use sqern_upstream::{Client, PackageRequest, belongs_to};
use url::Url;

use super::packages::is_rpm;
use super::{FetchError, FetchEvent, PackageLocation, PlannedPackage, apt_download};
use crate::blocking::blocking;
use crate::{Error, Progress};

/// The wait while another fetch downloads a package.
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Downloads packages.
pub(super) struct Downloader<'a, P> {
    pub(super) client: Client,
    /// The sources, for their URLs, credentials and keyrings.
    pub(super) sources: &'a SourceSet,
    pub(super) store: &'a Store,
    pub(super) mirror_base: Option<&'a Url>,
    pub(super) now: Timestamp,
    pub(super) progress: &'a P,
}

impl<P: Progress<FetchEvent>> Downloader<'_, P> {
    /// Returns the cached file of a package, which is downloaded from the first available location.
    pub(super) async fn package(
        &self,
        distro: &DistroName,
        planned: &PlannedPackage,
    ) -> Result<PathBuf, Error> {
        let package = &planned.package;
        let suffix = if is_rpm(package) { "rpm" } else { "deb" };
        let partial = loop {
            let (store, checksum, size) = (
                self.store.clone(),
                package.checksum.clone(),
                package.size_bytes,
            );
            match blocking("read the cache of packages", move || {
                store.cached(&checksum, size, suffix)
            })
            .await??
            {
                Cached::Available(path) => return Ok(path),
                Cached::Missing(partial) => break partial,
                Cached::Busy => tokio::time::sleep(LOCK_POLL).await,
            }
        };
        let mut first_error = None;
        for location in &planned.locations {
            let downloaded = if let Some(name_version) = location.url.strip_prefix("apt:") {
                self.download_with_apt(name_version, package, partial.path())
                    .await
            } else {
                self.download_url(distro, location, package, &partial).await
            };
            match downloaded {
                Ok(()) => return Ok(partial.publish()?),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        Err(first_error.unwrap_or_else(|| {
            FetchError::NoPackageSource {
                package: package.name.clone(),
            }
            .into()
        }))
    }

    /// Returns the definition of a source of a distribution.
    pub(super) fn source(&self, distro: &DistroName, name: &str) -> Option<&Source> {
        let distro = self.sources.get(distro)?;
        distro.sources.iter().find(|source| source.name() == name)
    }

    async fn download_url(
        &self,
        distro: &DistroName,
        location: &PackageLocation,
        package: &KernelPackage,
        partial: &Partial,
    ) -> Result<(), Error> {
        let PackageLocation {
            source,
            url,
            provenance,
            ..
        } = location;
        let invalid = |reason| FetchError::InvalidPackageUrl {
            package: package.name.clone(),
            url: url.clone(),
            reason,
        };
        let url = Url::parse(url).map_err(invalid)?;
        let root_url = provenance.as_ref().map(|provenance| &*provenance.url);
        let defined = self
            .source(distro, source)
            .filter(|source| belongs_to(source, root_url, &url));
        let Some(source) = defined else {
            return Err(FetchError::ForeignUrl {
                package: package.name.clone(),
                url: url.to_string(),
                source_name: source.clone(),
            }
            .into());
        };
        let request = PackageRequest {
            url: &url,
            source: Some(source),
            size_bytes: package.size_bytes,
            checksum: &package.checksum,
            mirror_base: self.mirror_base,
            now: self.now,
        };
        let received = |bytes| self.progress.report(FetchEvent::Received { bytes });
        Ok(self
            .client
            .download(&request, partial.file()?, &received)
            .await?)
    }

    /// Downloads a package with apt-get to `target`. The file is compared with the index, too.
    async fn download_with_apt(
        &self,
        name_version: &str,
        package: &KernelPackage,
        target: &Path,
    ) -> Result<(), Error> {
        let directory = tempfile::tempdir_in(target.parent().unwrap_or(target));
        let directory = directory.map_err(Error::io("could not create a temporary directory"))?;
        let file =
            apt_download::download(name_version, &package.architecture, directory.path()).await?;
        let (size, checksum, target) = (
            package.size_bytes,
            package.checksum.clone(),
            target.to_owned(),
        );
        let moved = blocking("read a package", move || {
            sqern_upstream::check_file(&file, size, &checksum)?;
            let operation = format!("could not move the package to {}", target.display());
            std::fs::rename(&file, &target).map_err(Error::io(operation))
        });
        moved.await?
    }
}
