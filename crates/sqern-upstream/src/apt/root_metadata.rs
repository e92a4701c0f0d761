//! The signed top of a suite: `InRelease`, or `Release` with `Release.gpg`.

use sqern_model::AptSource;
use url::Url;

use super::vet::{self, Expired};
use crate::Failure;
use crate::crawl::context::Context;
use crate::crawl::date;
use crate::crawl::download::stopped;
use crate::crawl::mirrors::PassedOver;
use crate::crawl::path::{base_url, below};
use crate::crawl::top::{Says, Top};
use crate::crawl::trust::{Signed, Trust, judge};
use crate::deb::release::Release;
use crate::http::{FetchError, shown};
use crate::openpgp::{Clearsigned, split};

/// Reads the top from the first mirror that has one to be believed; the mirrors passed over are warnings.
pub(crate) async fn read_top(context: &Context<'_>, source: &AptSource) -> Result<Top, Failure> {
    let mut passed_over = PassedOver::default();
    let bases = source.base.iter().map(|base| base_url(base)).collect::<Result<Vec<_>, _>>()?;
    for (place, base) in bases.iter().enumerate() {
        match from_base(context, source, base).await {
            Ok(top) => return Ok(passed_over.warn(Top { mirrors: bases[place..].to_vec(), ..top })),
            Err(failure) => passed_over.add(failure),
        }
    }
    Err(passed_over.into_failure(&source.name))
}

async fn from_base(context: &Context<'_>, source: &AptSource, base: &Url) -> Result<Top, Failure> {
    let (signed, etag) = signed_text(context, source, base).await?;
    let (allow_unsigned, now) = (context.options.allow_unsigned, context.options.now);
    let trust = Trust {
        policy: source.signature,
        keyring: source.keyring.clone(),
        keyring_package: source.keyring_package.clone(),
        signature: "InRelease or Release.gpg",
    };
    // Reads keyrings and computes signatures: not on the threads that serve connections.
    let judged =
        tokio::task::spawn_blocking(move || judge(&trust, allow_unsigned, now, &signed).map(|warning| (signed, warning)));
    let (signed, warning) = judged.await.map_err(|error| stopped(&error, base))??;
    let place = &signed.place;
    let release =
        Release::parse(&signed.text).map_err(|error| Failure::operation("cannot parse Release", error.to_string(), place))?;
    let mut warnings: Vec<String> = warning.into_iter().collect();
    warnings.extend(vet::suite(&release, &source.suite, place)?);
    let expired = if source.check_valid_until { Expired::Fails } else { Expired::Passes };
    warnings.extend(vet::time(&release, now, expired, place)?);
    warnings.extend(date::judge(context, "Release", release.date, place)?);
    Ok(Top {
        dated_at: release.date,
        says: Says::Release(release),
        text: signed.text,
        base: base.clone(),
        mirrors: Vec::new(),
        url: signed.place,
        etag,
        warnings,
    })
}

/// `InRelease`; where there is none, `Release` with `Release.gpg`, as apt has it.
async fn signed_text(context: &Context<'_>, source: &AptSource, base: &Url) -> Result<(Signed, Option<String>), Failure> {
    let file = |name: &str| below(base, &format!("dists/{}/{name}", source.suite.trim_matches('/')));
    let url = file("InRelease");
    match context.fetch_text(&url, "the text of a Release").await {
        Ok((text, etag)) => {
            let Clearsigned { text, signatures } =
                split(&text).map_err(|error| Failure::operation("cannot parse", error.to_string(), shown(&url)))?;
            return Ok((Signed { text, signatures: Some(signatures.into_bytes()), place: shown(&url) }, etag));
        }
        Err(FetchError::Absent(_)) => {}
        Err(error) => return Err(error.into_failure()),
    }
    let url = file("Release");
    let (text, etag) = context.fetch_text(&url, "the text of a Release").await.map_err(|error| match error {
        FetchError::Absent(failure) => Failure { got: format!("{}; InRelease does not exist either", failure.got), ..failure },
        other => other.into_failure(),
    })?;
    let signatures = match context.fetch_small(&file("Release.gpg")).await {
        Ok((bytes, _)) => Some(bytes),
        Err(FetchError::Absent(_)) => None,
        Err(error) => return Err(error.into_failure()),
    };
    Ok((Signed { text, signatures, place: shown(&url) }, etag))
}
