//! Reads the root metadata of a repository: `repomd.xml` and its optional signature.

use std::path::Path;

use sqern_model::{RpmMdSource, SignaturePolicy};
use url::Url;

use super::metalink::Metalink;
use super::mirrorlist;
use super::repomd::Repomd;
use crate::crawl::context::Context;
use crate::crawl::date;
use crate::crawl::download::stopped;
use crate::crawl::mirrors::FailedMirrors;
use crate::crawl::path::{base_url, below};
use crate::crawl::root_metadata::{RootDocument, RootMetadata};
use crate::crawl::trust::{Signed, TrustPolicy, Verified, verify_signature};
use crate::http::{FetchError, redact_url};
use crate::{Error, ErrorKind};
use sqern_archive::Algorithm;

/// Reads the root metadata from the base URLs, then from the mirrors in lists.
pub(crate) async fn read_root_metadata(
    context: &Context<'_>,
    source: &RpmMdSource,
) -> Result<RootMetadata, Error> {
    let mut failed_mirrors = FailedMirrors::default();
    let bases = base_urls(source)?;
    if let Some(root) = from_first(context, source, &bases, None, &mut failed_mirrors).await {
        return Ok(failed_mirrors.warn(root));
    }
    if !source.mirrorlist.is_empty() || source.metalink.is_some() {
        match listed_mirrors(context, source).await {
            Ok((mirrors, metalink)) => {
                if let Some(root) = from_first(
                    context,
                    source,
                    &mirrors,
                    metalink.as_ref(),
                    &mut failed_mirrors,
                )
                .await
                {
                    return Ok(failed_mirrors.warn(root));
                }
            }
            Err(failure) => failed_mirrors.add(failure),
        }
    }
    Err(failed_mirrors.into_error(&source.name))
}

/// Returns the base URLs of the source.
fn base_urls(source: &RpmMdSource) -> Result<Vec<Url>, Error> {
    source.base.iter().map(|text| base_url(text)).collect()
}

async fn from_first(
    context: &Context<'_>,
    source: &RpmMdSource,
    bases: &[Url],
    metalink: Option<&Metalink>,
    failed_mirrors: &mut FailedMirrors,
) -> Option<RootMetadata> {
    for (index, base) in bases.iter().enumerate() {
        match from_base(context, source, base, metalink).await {
            Ok(root) => {
                return Some(RootMetadata {
                    mirrors: bases[index..].to_vec(),
                    ..root
                });
            }
            Err(failure) => failed_mirrors.add(failure),
        }
    }
    None
}

/// Returns the mirrors of the first list that contains any, else those of the metalink.
async fn listed_mirrors(
    context: &Context<'_>,
    source: &RpmMdSource,
) -> Result<(Vec<Url>, Option<Metalink>), Error> {
    let mut failed = None;
    for list in &source.mirrorlist {
        let url = base_url(list)?;
        match context.fetch_text(&url).await {
            Ok((text, _)) => {
                let architecture = match source.architectures.as_slice() {
                    [only] => Some(only.as_str()),
                    _ => None,
                };
                let bases = mirrorlist::parse(&text, &url, architecture);
                if !bases.is_empty() {
                    return Ok((bases, None));
                }
                failed = failed.or(Some(Error::unexpected(
                    ErrorKind::InvalidMetadata,
                    "a mirror list with one URL per line",
                    "no URL",
                    redact_url(&url),
                )));
            }
            Err(error) => failed = failed.or(Some(error.into_error())),
        }
    }
    if let Some(metalink) = &source.metalink {
        let url = base_url(metalink)?;
        let (text, _) = context
            .fetch_text(&url)
            .await
            .map_err(FetchError::into_error)?;
        let metalink = Metalink::parse(&text, &url).map_err(|error| {
            Error::caused(
                ErrorKind::InvalidMetadata,
                "cannot parse metalink",
                error,
                redact_url(&url),
            )
        })?;
        if metalink.bases.is_empty() {
            return Err(Error::unexpected(
                ErrorKind::InvalidMetadata,
                "a metalink with an http or https mirror of repomd.xml",
                "none",
                redact_url(&url),
            ));
        }
        return Ok((metalink.bases.clone(), Some(metalink)));
    }
    Err(failed.unwrap_or_else(|| {
        let reason = "the source has no base URL, mirrorlist or metalink";
        Error::failed(
            ErrorKind::Configuration,
            "cannot read source",
            reason,
            &source.name,
        )
    }))
}

async fn from_base(
    context: &Context<'_>,
    source: &RpmMdSource,
    base: &Url,
    metalink: Option<&Metalink>,
) -> Result<RootMetadata, Error> {
    let url = below(base, "repodata/repomd.xml");
    let location = redact_url(&url);
    // Both files are requested concurrently. If the repository changes in between, the signature is
    // invalid in any order.
    let (text, signatures) =
        tokio::join!(context.fetch_text(&url), signature(context, source, base));
    let ((text, etag), signatures) = (text.map_err(FetchError::into_error)?, signatures?);
    if metalink.is_some_and(|metalink| !metalink.matches(&text)) {
        let reason = "the metalink does not list its checksum";
        return Err(Error::failed(
            ErrorKind::ChecksumMismatch,
            "could not verify",
            reason,
            location,
        ));
    }
    let signed = Signed {
        text: text.clone().into_bytes(),
        signatures,
        location,
    };
    let trust = TrustPolicy::of(context, "repomd.xml.asc");
    let (allow_unsigned, now) = (context.options.allow_unsigned, context.options.now);
    // Reading keyrings and verifying signatures would block the threads of connections.
    let verified = tokio::task::spawn_blocking(move || {
        verify_signature(&trust, allow_unsigned, now, &signed).map(|verified| (signed, verified))
    });
    let (signed, Verified { by, warning }) =
        verified.await.map_err(|error| stopped(error, base))??;
    let refused = |actual: String| {
        Error::failed(
            ErrorKind::InvalidMetadata,
            "cannot parse",
            actual,
            &signed.location,
        )
    };
    let repomd = Repomd::parse(&text).map_err(|error| refused(error.to_string()))?;
    let mut warnings: Vec<String> = warning.into_iter().collect();
    if repomd
        .primary
        .sent
        .as_ref()
        .is_some_and(|stated| stated.algorithm == Algorithm::Sha1)
    {
        warnings.push(format!(
            "the repomd.xml contains only SHA-1 checksums of the package list, at {}",
            signed.location
        ));
    }
    let dated_at = repomd.dated_at();
    warnings.extend(date::check(
        context,
        "repomd.xml",
        dated_at,
        &signed.location,
    )?);
    let mirrors = Vec::new();
    Ok(RootMetadata {
        document: RootDocument::Repomd(repomd),
        text,
        base: base.clone(),
        mirrors,
        url: signed.location,
        etag,
        dated_at,
        verified_by: by,
        warnings,
    })
}

/// Downloads `repomd.xml.asc` if the source requires or allows a signature.
async fn signature(
    context: &Context<'_>,
    source: &RpmMdSource,
    base: &Url,
) -> Result<Option<Vec<u8>>, Error> {
    // An optional signature is not downloaded without a keyring.
    let verified = match source.signature {
        SignaturePolicy::Require => true,
        SignaturePolicy::IfPresent => source.keyring.iter().any(|file| Path::new(file).exists()),
        SignaturePolicy::Off => false,
    };
    if !verified {
        return Ok(None);
    }
    match context
        .fetch_small(&below(base, "repodata/repomd.xml.asc"))
        .await
    {
        Ok((bytes, _)) => Ok(Some(bytes)),
        Err(FetchError::Absent(_)) => Ok(None),
        Err(error) => Err(error.into_error()),
    }
}
