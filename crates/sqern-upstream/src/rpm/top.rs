//! The top of a repository: `repomd.xml`, with its signature where there is one.

use sqern_model::{RpmMdSource, SignaturePolicy};
use url::Url;

use super::metalink::Metalink;
use super::mirrorlist;
use super::repomd::Repomd;
use crate::Failure;
use crate::crawl::context::Context;
use crate::crawl::download::stopped;
use crate::crawl::mirrors::PassedOver;
use crate::crawl::path::{base_url, below};
use crate::crawl::top::{Repository, Says, Top};
use crate::crawl::trust::{Signed, Trust, judge};
use crate::digest::Algorithm;
use crate::http::{FetchError, shown};

/// What a URL has in the place of an architecture.
const ARCH: &str = "{arch}";

/// Reads the top of each folder of a source: one for each architecture that its URLs tell apart, or one for all.
pub(crate) async fn read_top(context: &Context<'_>, source: &RpmMdSource) -> Result<Top, Failure> {
    let urls = source.base.iter().chain(&source.mirrorlist).chain(&source.metalink);
    let folders = if urls.into_iter().any(|url| url.contains(ARCH)) {
        source.architectures.iter().map(std::slice::from_ref).collect()
    } else {
        vec![source.architectures.as_slice()]
    };
    let mut whole: Option<Top> = None;
    for architectures in folders {
        let top = read_folder(context, source, architectures).await?;
        whole = Some(match whole {
            None => top,
            Some(first) => join(first, top),
        });
    }
    whole.ok_or_else(|| Failure::new("at least one architecture", "none", format!("source {}", source.name)))
}

fn join(mut first: Top, next: Top) -> Top {
    first.text.push('\n');
    first.text.push_str(next.base.as_str());
    first.text.push_str(&next.text);
    first.warnings.extend(next.warnings);
    if let (Says::Repomd(repositories), Says::Repomd(more)) = (&mut first.says, next.says) {
        repositories.extend(more);
    }
    first
}

/// The top of one folder: from the base URLs, then from the mirrors that lists name.
async fn read_folder(context: &Context<'_>, source: &RpmMdSource, architectures: &[String]) -> Result<Top, Failure> {
    let architecture = architectures.first().map(String::as_str).unwrap_or_default();
    let mut passed_over = PassedOver::default();
    let own = own_bases(source, architecture)?;
    if let Some(top) = from_first(context, source, &own, None, &mut passed_over).await {
        return Ok(passed_over.warn(with_mirrors(top, &own, architectures)));
    }
    if !source.mirrorlist.is_empty() || source.metalink.is_some() {
        match listed(context, source, architecture).await {
            Ok((listed, metalink)) => {
                if let Some(top) = from_first(context, source, &listed, metalink.as_ref(), &mut passed_over).await {
                    return Ok(passed_over.warn(with_mirrors(top, &listed, architectures)));
                }
            }
            Err(failure) => passed_over.add(failure),
        }
    }
    Err(passed_over.into_failure(context.source))
}

/// The base URLs that the source names itself.
fn own_bases(source: &RpmMdSource, architecture: &str) -> Result<Vec<Url>, Failure> {
    source.base.iter().map(|text| base_url(&text.replace(ARCH, architecture))).collect()
}

async fn from_first(
    context: &Context<'_>,
    source: &RpmMdSource,
    bases: &[Url],
    metalink: Option<&Metalink>,
    passed_over: &mut PassedOver,
) -> Option<Top> {
    for base in bases {
        match from_base(context, source, base, metalink).await {
            Ok(top) => return Some(top),
            Err(failure) => passed_over.add(failure),
        }
    }
    None
}

/// A folder's top, with the mirrors that may serve its files: the one that it came from, and those after it.
fn with_mirrors(mut top: Top, bases: &[Url], architectures: &[String]) -> Top {
    if let Says::Repomd(repositories) = &mut top.says {
        for repository in repositories {
            repository.architectures = architectures.to_vec();
            repository.bases = bases.iter().skip_while(|base| **base != top.base).cloned().collect();
        }
    }
    top
}

/// The mirrors that the source's lists name: of the first list that names any, else of the metalink.
async fn listed(
    context: &Context<'_>,
    source: &RpmMdSource,
    architecture: &str,
) -> Result<(Vec<Url>, Option<Metalink>), Failure> {
    let mut failed = None;
    for list in &source.mirrorlist {
        let url = base_url(&list.replace(ARCH, architecture))?;
        match context.fetch_text(&url, "a list of mirrors").await {
            Ok((text, _)) => {
                let bases = mirrorlist::parse(&text, &url);
                if !bases.is_empty() {
                    return Ok((bases, None));
                }
                failed = failed.or(Some(Failure::new("a list with a base URL a line", "none", shown(&url))));
            }
            Err(error) => failed = failed.or(Some(error.into_failure())),
        }
    }
    if let Some(metalink) = &source.metalink {
        let url = base_url(&metalink.replace(ARCH, architecture))?;
        let (text, _) = context.fetch_text(&url, "a metalink").await.map_err(FetchError::into_failure)?;
        let metalink =
            Metalink::parse(&text, &url).map_err(|error| Failure::new("a metalink", error.to_string(), shown(&url)))?;
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
    let (text, etag) = context.fetch_text(&url, "the text of a repomd.xml").await.map_err(FetchError::into_failure)?;
    if metalink.is_some_and(|metalink| !metalink.admits(&text)) {
        return Err(Failure::new("a repomd.xml with a checksum that the metalink states", "another one", place));
    }
    let signatures = match source.signature {
        SignaturePolicy::Off => None,
        _ => match context.fetch_small(&below(base, "repodata/repomd.xml.asc")).await {
            Ok((bytes, _)) => Some(bytes),
            Err(FetchError::Absent(_)) => None,
            Err(error) => return Err(error.into_failure()),
        },
    };
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
    let refused = |got: String| Failure::new("a repomd.xml", got, &signed.place);
    let repomd = Repomd::parse(&signed.text).map_err(|error| refused(error.to_string()))?;
    let mut warnings: Vec<String> = warning.into_iter().collect();
    if repomd.primary.sent.as_ref().is_some_and(|stated| stated.algorithm == Algorithm::Sha1) {
        warnings.push(format!("the repomd.xml states nothing better than SHA-1 of its list of packages, at {}", signed.place));
    }
    tracing::debug!(revision = repomd.revision, timestamp = repomd.primary.timestamp, place = signed.place, "repomd.xml");
    let url = signed.place.clone();
    let repository = Repository { architectures: Vec::new(), bases: Vec::new(), url: url.clone(), repomd };
    Ok(Top { says: Says::Repomd(vec![repository]), text: signed.text, base: base.clone(), url, etag, warnings })
}
