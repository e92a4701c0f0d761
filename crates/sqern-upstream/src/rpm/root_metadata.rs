//! The top of a repository: `repomd.xml`, with its signature where there is one.

use std::path::Path;

use sqern_model::{RpmMdSource, SignaturePolicy};
use url::Url;

use super::metalink::Metalink;
use super::mirrorlist;
use super::repomd::Repomd;
use crate::Failure;
use crate::crawl::context::Context;
use crate::crawl::date;
use crate::crawl::download::stopped;
use crate::crawl::mirrors::PassedOver;
use crate::crawl::path::{base_url, below};
use crate::crawl::top::{Says, Top};
use crate::crawl::trust::{Signed, Trust, judge};
use crate::digest::Algorithm;
use crate::http::{FetchError, shown};

/// Reads the top: from the base URLs, then from the mirrors that lists name.
pub(crate) async fn read_top(context: &Context<'_>, source: &RpmMdSource) -> Result<Top, Failure> {
    let mut passed_over = PassedOver::default();
    let own = own_bases(source)?;
    if let Some(top) = from_first(context, source, &own, None, &mut passed_over).await {
        return Ok(passed_over.warn(top));
    }
    if !source.mirrorlist.is_empty() || source.metalink.is_some() {
        match listed(context, source).await {
            Ok((listed, metalink)) => {
                if let Some(top) = from_first(context, source, &listed, metalink.as_ref(), &mut passed_over).await {
                    return Ok(passed_over.warn(top));
                }
            }
            Err(failure) => passed_over.add(failure),
        }
    }
    Err(passed_over.into_failure(&source.name))
}

/// The base URLs that the source names itself.
fn own_bases(source: &RpmMdSource) -> Result<Vec<Url>, Failure> {
    source.base.iter().map(|text| base_url(text)).collect()
}

async fn from_first(
    context: &Context<'_>,
    source: &RpmMdSource,
    bases: &[Url],
    metalink: Option<&Metalink>,
    passed_over: &mut PassedOver,
) -> Option<Top> {
    for (place, base) in bases.iter().enumerate() {
        match from_base(context, source, base, metalink).await {
            Ok(top) => return Some(Top { mirrors: bases[place..].to_vec(), ..top }),
            Err(failure) => passed_over.add(failure),
        }
    }
    None
}

/// The mirrors that the source's lists name: of the first list that names any, else of the metalink.
async fn listed(context: &Context<'_>, source: &RpmMdSource) -> Result<(Vec<Url>, Option<Metalink>), Failure> {
    let mut failed = None;
    for list in &source.mirrorlist {
        let url = base_url(list)?;
        match context.fetch_text(&url, "a list of mirrors").await {
            Ok((text, _)) => {
                let bases = mirrorlist::parse(&text, &url);
                if !bases.is_empty() {
                    return Ok((bases, None));
                }
                failed = failed.or(Some(Failure::new("a mirror list with one URL per line", "no URL", shown(&url))));
            }
            Err(error) => failed = failed.or(Some(error.into_failure())),
        }
    }
    if let Some(metalink) = &source.metalink {
        let url = base_url(metalink)?;
        let (text, _) = context.fetch_text(&url, "a metalink").await.map_err(FetchError::into_failure)?;
        let metalink = Metalink::parse(&text, &url)
            .map_err(|error| Failure::operation("cannot parse metalink", error.to_string(), shown(&url)))?;
        if metalink.bases.is_empty() {
            return Err(Failure::new("a metalink with an http or https mirror of repomd.xml", "none", shown(&url)));
        }
        return Ok((metalink.bases.clone(), Some(metalink)));
    }
    Err(failed
        .unwrap_or_else(|| Failure::new("a base URL, a mirrorlist or a metalink", "none", format!("source {}", source.name))))
}

async fn from_base(context: &Context<'_>, source: &RpmMdSource, base: &Url, metalink: Option<&Metalink>) -> Result<Top, Failure> {
    let url = below(base, "repodata/repomd.xml");
    let place = shown(&url);
    // Side by side: a repository that is changed between the two is refused by its signature either way.
    let (text, signatures) = tokio::join!(context.fetch_text(&url, "the text of a repomd.xml"), signature(context, source, base));
    let ((text, etag), signatures) = (text.map_err(FetchError::into_failure)?, signatures?);
    if metalink.is_some_and(|metalink| !metalink.admits(&text)) {
        return Err(Failure::new("a repomd.xml with a checksum of the metalink", "another checksum", place));
    }
    let signed = Signed { text, signatures, place };
    let trust = Trust {
        policy: source.signature,
        keyring: source.keyring.clone(),
        keyring_package: source.keyring_package.clone(),
        signature: "repomd.xml.asc",
    };
    let (allow_unsigned, now) = (context.options.allow_unsigned, context.options.now);
    // Reads keyrings and computes signatures: not on the threads that serve connections.
    let judged =
        tokio::task::spawn_blocking(move || judge(&trust, allow_unsigned, now, &signed).map(|warning| (signed, warning)));
    let (signed, warning) = judged.await.map_err(|error| stopped(&error, base))??;
    let refused = |got: String| Failure::operation("cannot parse", got, &signed.place);
    let repomd = Repomd::parse(&signed.text).map_err(|error| refused(error.to_string()))?;
    let mut warnings: Vec<String> = warning.into_iter().collect();
    if repomd.primary.sent.as_ref().is_some_and(|stated| stated.algorithm == Algorithm::Sha1) {
        warnings.push(format!("the repomd.xml contains only SHA-1 checksums of the package list, at {}", signed.place));
    }
    let dated_at = repomd.dated_at();
    warnings.extend(date::judge(context, "repomd.xml", dated_at, &signed.place)?);
    let mirrors = Vec::new();
    Ok(Top {
        says: Says::Repomd(repomd),
        text: signed.text,
        base: base.clone(),
        mirrors,
        url: signed.place,
        etag,
        dated_at,
        warnings,
    })
}

/// `repomd.xml.asc`, where the repository has one and the source asks for it.
async fn signature(context: &Context<'_>, source: &RpmMdSource, base: &Url) -> Result<Option<Vec<u8>>, Failure> {
    // Where a signature may be missing, one that nothing here can judge is not asked for.
    let judged = match source.signature {
        SignaturePolicy::Require => true,
        SignaturePolicy::IfPresent => source.keyring.iter().any(|file| Path::new(file).exists()),
        SignaturePolicy::Off => false,
    };
    if !judged {
        return Ok(None);
    }
    match context.fetch_small(&below(base, "repodata/repomd.xml.asc")).await {
        Ok((bytes, _)) => Ok(Some(bytes)),
        Err(FetchError::Absent(_)) => Ok(None),
        Err(error) => Err(error.into_failure()),
    }
}
