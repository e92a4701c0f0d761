//! The explanation of a kernel as text.

use std::fmt::Write;

use jiff::Timestamp;
use sqern_core::why::{Explanation, KernelExplanation, UsualDuration};
use sqern_db::crawl::LastCheck;
use sqern_db::kver::KverPackage;
use sqern_db::status::Stage;
use sqern_db::why::{HostsOfType, RecentRun, Recorded};
use sqern_model::{Kernel, PackageRole, RunResult, counted};

use crate::printer::{Document, duration, relative, time};

/// The maximum number of printed lines of a log.
const MAX_LOG_LINES: usize = 5;

impl Document for Explanation {
    const SCHEMA: &'static str = "why/1";
}

/// Returns the explanation as text at the time `now`.
#[must_use]
pub fn describe(explanation: &Explanation, now: Timestamp) -> String {
    let mut out = String::new();
    if explanation.kernels.is_empty() {
        let _ = writeln!(
            out,
            "{} is unknown: no source lists it, and no host reported it",
            explanation.version
        );
        let nearest = |kernel: &Kernel| format!("{} {}", kernel.distro, kernel.version);
        let nearest: Vec<String> = explanation.nearest.iter().map(nearest).collect();
        if !nearest.is_empty() {
            line(&mut out, "nearest", &nearest.join(", "));
        }
    }
    let kernels: Vec<String> = explanation
        .kernels
        .iter()
        .map(|kernel| describe_kernel(kernel, now))
        .collect();
    out.push_str(&kernels.join("\n"));
    let age = |check: &LastCheck| {
        format!(
            "{} at {}, {}",
            check.distro,
            time(Some(check.checked_at)),
            relative(check.checked_at, now)
        )
    };
    let checks: Vec<String> = explanation.last_checks.iter().map(age).collect();
    line(
        &mut out,
        "checked",
        if checks.is_empty() {
            "never".to_owned()
        } else {
            checks.join("; ")
        }
        .as_str(),
    );
    out
}

/// Returns a headline, a line for each stage, and lines about the next step.
fn describe_kernel(why: &KernelExplanation, now: Timestamp) -> String {
    let status = &why.status;
    let mut out = format!(
        "{} {}: {}",
        status.kernel.distro,
        status.kernel.version,
        status.stage.as_str()
    );
    if !status.wanted {
        let _ = write!(out, ", {}", why.state);
    }
    match (status.missing_if_wanted(), status.missing_since) {
        (Some(missing), Some(since)) => {
            let _ = write!(
                out,
                "; missing step: {} (since {})",
                missing.as_str(),
                time(Some(since))
            );
        }
        (Some(missing), None) => {
            let _ = write!(out, "; missing step: {}", missing.as_str());
        }
        (None, _) => {}
    }
    out.push('\n');
    for stage in Stage::ALL {
        let (at, evidence) = stage_line(why, *stage);
        let at = if at.is_some() {
            time(at)
        } else {
            "-".to_owned()
        };
        let text = format!("{at:<21} {evidence}");
        line(&mut out, stage.as_str(), text.trim_end());
    }
    if let Some(reason) = &why.reason {
        line(&mut out, "reason", reason);
        for log in log_lines(why) {
            line(&mut out, "", &format!("| {log}"));
        }
    }
    if let Some(position) = &why.position {
        line(
            &mut out,
            "plan",
            &format!(
                "rank {} of {} in the {} plan",
                position.rank, position.kernels, position.plan
            ),
        );
    }
    if let Some(usual) = &why.usual {
        line(&mut out, "usual", &usual_line(usual, now));
    }
    let hosts = |hosts: &HostsOfType| {
        format!(
            "{}: {} running, {} installed",
            hosts.cltype, hosts.running, hosts.installed
        )
    };
    let hosts: Vec<String> = why.evidence.hosts.iter().map(hosts).collect();
    line(
        &mut out,
        "hosts",
        if hosts.is_empty() {
            "none".to_owned()
        } else {
            hosts.join("; ")
        }
        .as_str(),
    );
    if let Some(hint) = &why.hint {
        line(&mut out, "hint", hint);
    }
    out
}

/// Returns the time and the evidence of a stage.
fn stage_line(why: &KernelExplanation, stage: Stage) -> (Option<Timestamp>, String) {
    let (status, evidence) = (&why.status, &why.evidence);
    match stage {
        Stage::Known => (
            status.known_at,
            evidence.recorded.as_ref().map(recorded).unwrap_or_default(),
        ),
        Stage::Seen => (status.seen_at, packages(why)),
        Stage::Fetched => (status.fetched_at, String::new()),
        Stage::Built => (status.built_at, runs("build", &evidence.builds)),
        Stage::Tested => (status.tested_at, runs("test", &evidence.tests)),
        Stage::Available => {
            let available = evidence
                .available
                .iter()
                .map(|module| format!("{} for {}", module.revision, module.target));
            (
                status.available_at,
                available.collect::<Vec<_>>().join(", "),
            )
        }
    }
}

fn recorded(recorded: &Recorded) -> String {
    let comment = recorded
        .comment
        .as_ref()
        .map(|comment| format!(": {comment}"))
        .unwrap_or_default();
    format!(
        "generation {} by {}{comment}",
        recorded.generation, recorded.username
    )
}

/// Returns the header packages with the sources that list them.
fn packages(why: &KernelExplanation) -> String {
    let gone = |gone: Option<Timestamp>| {
        gone.map(|at| format!(", no longer listed since {}", time(Some(at))))
            .unwrap_or_default()
    };
    let headers = why
        .packages
        .iter()
        .filter(|package| package.role == PackageRole::Headers);
    let describe = |package: &KverPackage| {
        format!(
            "{}: {} {}{}",
            package.source,
            package.name,
            package.package_version,
            gone(package.gone_at)
        )
    };
    headers.map(describe).collect::<Vec<_>>().join("; ")
}

/// Returns the newest builds or tests: `build 17 FAILURE (21.0 for lab), build 16 SUCCESS (…)`.
fn runs(kind: &str, runs: &[RecentRun]) -> String {
    let describe = |run: &RecentRun| {
        let part = |label: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("{label}{value}"))
        };
        let parts = [
            part("", &run.revision),
            part("for ", &run.target),
            part("flavor ", &run.flavor),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let details = if parts.is_empty() {
            String::new()
        } else {
            format!(" ({})", parts.join(" "))
        };
        format!(
            "{kind} {} {}{details}",
            run.id,
            run.result.map_or("running", RunResult::as_str)
        )
    };
    runs.iter().map(describe).collect::<Vec<_>>().join(", ")
}

/// Returns the last lines of the log of the last failed build or test.
fn log_lines(why: &KernelExplanation) -> Vec<String> {
    let Some(failed) = why.failed_run() else {
        return vec![];
    };
    let tail: Vec<&str> = failed.tail.as_deref().unwrap_or_default().lines().collect();
    let shown = tail
        .iter()
        .skip(tail.len().saturating_sub(MAX_LOG_LINES))
        .map(|&log| log.to_owned());
    shown
        .chain(failed.log.iter().map(|log| format!("({log})")))
        .collect()
}

fn usual_line(usual: &UsualDuration, now: Timestamp) -> String {
    let distros = usual.distro.as_deref().unwrap_or("all distributions");
    let expected = match usual.expected_at {
        Some(at) if at >= now => format!("; expected by {}", time(Some(at))),
        Some(at) => format!("; overdue since {}", time(Some(at))),
        None => String::new(),
    };
    let step = usual.step.as_str();
    let median = duration(usual.spread.median_s);
    let p90 = duration(usual.spread.p90_s);
    let kernels = counted(usual.done, "kernel");
    format!("{step}: median {median}, 90% within {p90} ({kernels} of {distros}){expected}")
}

/// Adds a line with a name in the first column, and a text.
fn line(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "  {name:<10} {text}");
}
