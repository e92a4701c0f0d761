//! The reason why the next stage of a kernel is missing.

use sqern_db::kver::KverPackage;
use sqern_db::status::{Missing, Status};
use sqern_db::why::Evidence;
use sqern_model::{Kernel, LikePattern};

/// Returns the reason why the next stage of a kernel is missing, and a hint. Returns `None` if no
/// stage is missing.
pub(super) fn reason(
    status: &Status,
    evidence: &Evidence,
    packages: &[KverPackage],
) -> Option<(String, String)> {
    let Kernel { distro, version } = &status.kernel;
    let missing = status.missing?;
    if status.archived {
        let hint = format!("sqern kver unarchive {distro}/{version}");
        return Some(("archived, so excluded from all plans".to_owned(), hint));
    }
    if let Some(by) = evidence.ignored_by.first() {
        let comment = by
            .comment
            .as_ref()
            .map(|comment| format!(" ({comment})"))
            .unwrap_or_default();
        // The pattern as it was specified, and as sqern ignore list prints it.
        let glob = LikePattern::from_database(&by.pattern).to_glob();
        let reason = format!("ignored by pattern {glob}{comment}");
        return Some((reason, format!("sqern ignore list --distro {distro}")));
    }
    let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
    let last_run = || {
        if status.built_by.is_some() {
            ("test", evidence.tests.first())
        } else {
            ("build", evidence.builds.first())
        }
    };
    Some(match missing {
        Missing::NotSeen => {
            let reason = format!("not listed by any source of {distro}");
            (reason, format!("sqern check --distro {distro}"))
        }
        Missing::NotFetched
            if !packages.is_empty() && packages.iter().all(|package| package.gone_at.is_some()) =>
        {
            let reason =
                "headers are not fetched, and no source lists their packages anymore".to_owned();
            (
                reason,
                format!("sqern kver show {version} --distro {distro}"),
            )
        }
        Missing::NotFetched => (
            "headers are not fetched".to_owned(),
            format!("sqern fetch --distro {distro} --kernel {version}"),
        ),
        Missing::NotBuilt => (
            "not built yet".to_owned(),
            format!("sqern build plan --distro {distro} --kernel {version}"),
        ),
        Missing::NotTested => {
            let reason = format!("build {} is not tested yet", id(status.built_by));
            (
                reason,
                format!("sqern test plan --distro {distro} --kernel {version}"),
            )
        }
        Missing::NotAvailable => {
            let test = id(status.tested_by);
            (
                format!("test {test} succeeded, but the module is not available"),
                format!("sqern available add --test {test}"),
            )
        }
        Missing::Building
        | Missing::BuildFailed
        | Missing::Testing
        | Missing::TestFailed
        | Missing::HarnessFailed => {
            let (kind, last) = last_run();
            let number = id(last.map(|run| run.id));
            let reason = match last.and_then(|run| run.result) {
                Some(result) => format!("{kind} {number} recorded result {result} for this kernel"),
                None => format!("{kind} {number} is in progress"),
            };
            (reason, format!("sqern {kind} show {number}"))
        }
    })
}
