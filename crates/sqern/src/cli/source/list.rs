//! `sqern source list`: sources with the results of their last crawls.

use sqern_core::sources::{self, SourceStatus};
use sqern_db::crawl;
use sqern_model::{DistroName, SignaturePolicy, SourceSet};

use crate::cli::Context;
use crate::failure::{Exit, Failure};
use crate::printer::{Record, time};

impl Record for SourceStatus {
    const SCHEMA: &'static str = "source.list/1";
    const COLUMNS: &'static [&'static str] =
        &["distro", "source", "kind", "architectures", "signature", "state", "kernels", "finished"];
    fn cells(&self) -> Vec<String> {
        let signature = match self.signature {
            SignaturePolicy::Require => "require",
            SignaturePolicy::IfPresent => "if-present",
            SignaturePolicy::Off => "off",
        };
        let state = match (&self.missing_file, self.state) {
            (Some(_), _) => "skipped".to_owned(),
            (None, state) => state.map(|state| state.to_string()).unwrap_or_default(),
        };
        vec![
            self.distro.to_string(),
            self.source.clone(),
            self.kind.as_str().to_owned(),
            self.architectures.join(" "),
            signature.to_owned(),
            state,
            self.kernels.map(|kernels| kernels.to_string()).unwrap_or_default(),
            time(self.finished_at),
        ]
    }
}

pub(super) async fn run(distros: &[DistroName], set: &SourceSet, context: &Context<'_>) -> Result<Exit, Failure> {
    let selected = sources::select(set, distros)?;
    let last_crawls = match context.open().await {
        Ok(session) => crawl::last(&session.client).await?,
        Err(failure) => {
            context.printer.warning(&format!("results of the last check are omitted: {}", failure.message()));
            Vec::new()
        }
    };
    context.printer.list(&sources::statuses(&selected, &last_crawls))?;
    Ok(Exit::Done)
}
