//! Reads the root metadata of a suite: `InRelease`, or `Release` with `Release.gpg`.

use sqern_model::AptSource;
use url::Url;

use super::check_release::{self, Expired};
use crate::crawl::context::Context;
use crate::crawl::date;
use crate::crawl::download::stopped;
use crate::crawl::mirrors::FailedMirrors;
use crate::crawl::path::{base_url, below};
use crate::crawl::root_metadata::{RootDocument, RootMetadata};
use crate::crawl::trust::{Signed, TrustPolicy, Verified, verify_signature};
use crate::deb::release::Release;
use crate::http::{FetchError, redact_url};
use crate::openpgp::{Clearsigned, split};
use crate::{Error, ErrorKind};

/// Reads the root metadata from the first mirror with a valid one. Skipped mirrors are warnings.
pub(crate) async fn read_root_metadata(
    context: &Context<'_>,
    source: &AptSource,
) -> Result<RootMetadata, Error> {
    let mut failed_mirrors = FailedMirrors::default();
    let bases = source
        .base
        .iter()
        .map(|base| base_url(base))
        .collect::<Result<Vec<_>, _>>()?;
    for (index, base) in bases.iter().enumerate() {
        match from_base(context, source, base).await {
            Ok(root) => {
                return Ok(failed_mirrors.warn(RootMetadata {
                    mirrors: bases[index..].to_vec(),
                    ..root
                }));
            }
            Err(failure) => failed_mirrors.add(failure),
        }
    }
    Err(failed_mirrors.into_error(&source.name))
}

async fn from_base(
    context: &Context<'_>,
    source: &AptSource,
    base: &Url,
) -> Result<RootMetadata, Error> {
    let (signed, etag) = signed_text(context, source, base).await?;
    let (allow_unsigned, now) = (context.options.allow_unsigned, context.options.now);
    let trust = TrustPolicy::of(context, "InRelease or Release.gpg");
    // Reading keyrings and verifying signatures would block the threads of connections.
    let verified = tokio::task::spawn_blocking(move || {
        verify_signature(&trust, allow_unsigned, now, &signed).map(|verified| (signed, verified))
    });
    let (signed, Verified { by, warning }) =
        verified.await.map_err(|error| stopped(error, base))??;
    let location = &signed.location;
    // Only fields that are not used contain other characters than ASCII.
    let text = String::from_utf8_lossy(&signed.text).into_owned();
    let release = Release::parse(&text).map_err(|error| {
        Error::caused(
            ErrorKind::InvalidMetadata,
            "cannot parse Release",
            error,
            location,
        )
    })?;
    let mut warnings: Vec<String> = warning.into_iter().collect();
    warnings.extend(release.date_warning(location));
    let suite = match &source.release_suite {
        Some(suite) => Some(suite.as_str()),
        // The Release file of a flat repository need not name a suite.
        None => (!source.is_flat()).then_some(source.suite.as_str()),
    };
    if let Some(suite) = suite {
        warnings.extend(check_release::suite(
            &release,
            suite,
            by.is_some(),
            location,
        )?);
    }
    let expired = if source.check_valid_until {
        Expired::Fails
    } else {
        Expired::Passes
    };
    warnings.extend(check_release::time(&release, now, expired, location)?);
    warnings.extend(date::check(
        context,
        "Release file",
        release.date,
        location,
    )?);
    Ok(RootMetadata {
        dated_at: release.date,
        document: RootDocument::Release(release),
        text,
        base: base.clone(),
        mirrors: Vec::new(),
        url: signed.location,
        etag,
        verified_by: by,
        warnings,
    })
}

/// Downloads `InRelease`, or else `Release` and `Release.gpg`, like apt.
async fn signed_text(
    context: &Context<'_>,
    source: &AptSource,
    base: &Url,
) -> Result<(Signed, Option<String>), Error> {
    let file = |name: &str| below(base, &source.suite_file(name));
    let url = file("InRelease");
    match context.fetch_text_bytes(&url).await {
        Ok((text, etag)) => {
            let Clearsigned { text, signatures } = split(&text).map_err(|error| {
                Error::caused(
                    ErrorKind::InvalidMetadata,
                    "cannot parse",
                    error,
                    redact_url(&url),
                )
            })?;
            return Ok((
                Signed {
                    text,
                    signatures: Some(signatures.into_bytes()),
                    location: redact_url(&url),
                },
                etag,
            ));
        }
        Err(FetchError::Absent(_)) => {}
        Err(error) => return Err(error.into_error()),
    }
    let url = file("Release");
    let (text, etag) = context
        .fetch_text_bytes(&url)
        .await
        .map_err(|error| match error {
            FetchError::Absent(mut error) => {
                error.append("; InRelease does not exist either");
                error
            }
            other => other.into_error(),
        })?;
    let signatures = match context.fetch_small(&file("Release.gpg")).await {
        Ok((bytes, _)) => Some(bytes),
        Err(FetchError::Absent(_)) => None,
        Err(error) => return Err(error.into_error()),
    };
    Ok((
        Signed {
            text,
            signatures,
            location: redact_url(&url),
        },
        etag,
    ))
}
