//! The explanation as text.

use std::fmt::Write;

use jiff::Timestamp;
use sqern_db::crawl::LastCheck;
use sqern_db::status::Stage;
use sqern_db::why::{HostsOfType, RecentRun, Recorded};
use sqern_model::{PackageRole, RunResult, counted};

use super::{Answer, Usual, Why};
use crate::printer::time;
use crate::reports::lag::hours;

/// How many lines of a log are shown.
const LOG_LINES: usize = 5;

/// The answer as text, as of `now`.
#[must_use]
pub fn describe(answer: &Answer, now: Timestamp) -> String {
    let mut out = String::new();
    if answer.kernels.is_empty() {
        let _ = writeln!(out, "{} is unknown: no source lists it, and no host reported it", answer.version);
        let nearest = |kernel: &sqern_model::Kernel| format!("{} {}", kernel.distro, kernel.version);
        let nearest: Vec<String> = answer.nearest.iter().map(nearest).collect();
        if !nearest.is_empty() {
            line(&mut out, "nearest", &nearest.join(", "));
        }
    }
    let one = |why: &Why| kernel(why, now);
    out.push_str(&answer.kernels.iter().map(one).collect::<Vec<_>>().join("\n"));
    let age = |check: &LastCheck| {
        let hours_ago = hours((now.as_second() - check.checked_at.as_second()).max(0));
        format!("{} at {}, {hours_ago} h ago", check.distro, time(Some(check.checked_at)))
    };
    let checks: Vec<String> = answer.last_checks.iter().map(age).collect();
    line(&mut out, "checked", if checks.is_empty() { "never".to_owned() } else { checks.join("; ") }.as_str());
    out
}

/// One kernel: what it is at, a line a stage, and what about the next.
fn kernel(why: &Why, now: Timestamp) -> String {
    let status = &why.status;
    let mut out = format!("{} {}: {}", status.kernel.distro, status.kernel.version, status.stage.as_str());
    if !status.wanted {
        let _ = write!(out, ", {}", why.state);
    }
    match (status.missing_if_wanted(), status.missing_since) {
        (Some(missing), Some(since)) => {
            let _ = write!(out, "; missing step: {} (since {})", missing.as_str(), time(Some(since)));
        }
        (Some(missing), None) => {
            let _ = write!(out, "; missing step: {}", missing.as_str());
        }
        (None, _) => {}
    }
    out.push('\n');
    for stage in Stage::ALL {
        let (at, evidence) = stage_line(why, *stage);
        let at = if at.is_some() { time(at) } else { "-".to_owned() };
        let text = format!("{at:<21} {evidence}");
        line(&mut out, stage.as_str(), text.trim_end());
    }
    if let Some(blocks) = &why.blocks {
        line(&mut out, "reason", blocks);
        for log in log_lines(why) {
            line(&mut out, "", &format!("| {log}"));
        }
    }
    if let Some(place) = &why.place {
        line(&mut out, "plan", &format!("rank {} of {} in the {} plan", place.place, place.of, place.to));
    }
    if let Some(usual) = &why.usual {
        line(&mut out, "usual", &usual_line(usual, now));
    }
    let hosts = |hosts: &HostsOfType| format!("{}: {} running, {} installed", hosts.cltype, hosts.running, hosts.installed);
    let hosts: Vec<String> = why.evidence.hosts.iter().map(hosts).collect();
    line(&mut out, "hosts", if hosts.is_empty() { "none".to_owned() } else { hosts.join("; ") }.as_str());
    if let Some(hint) = &why.hint {
        line(&mut out, "hint", hint);
    }
    out
}

/// Returns the time and the evidence of a stage.
fn stage_line(why: &Why, stage: Stage) -> (Option<Timestamp>, String) {
    let (status, evidence) = (&why.status, &why.evidence);
    match stage {
        Stage::Known => (status.known_at, evidence.recorded.as_ref().map(recorded).unwrap_or_default()),
        Stage::Seen => (status.seen_at, packages(why)),
        Stage::Fetched => (status.fetched_at, String::new()),
        Stage::Built => (status.built_at, tries("build", &evidence.builds)),
        Stage::Tested => (status.tested_at, tries("test", &evidence.tests)),
        Stage::Available => {
            let shipped = evidence.available.iter().map(|one| format!("{} for {}", one.revision, one.target));
            (status.available_at, shipped.collect::<Vec<_>>().join(", "))
        }
    }
}

fn recorded(recorded: &Recorded) -> String {
    let comment = recorded.comment.as_ref().map(|comment| format!(": {comment}")).unwrap_or_default();
    format!("generation {} by {}{comment}", recorded.generation, recorded.username)
}

/// The header packages, by the source that lists them.
fn packages(why: &Why) -> String {
    let gone =
        |gone: Option<Timestamp>| gone.map(|at| format!(", no longer listed since {}", time(Some(at)))).unwrap_or_default();
    let headers = why.packages.iter().filter(|package| package.role == PackageRole::Headers);
    let one = |package: &sqern_db::kver::KverPackage| {
        format!("{}: {} {}{}", package.source, package.name, package.package_version, gone(package.gone_at))
    };
    headers.map(one).collect::<Vec<_>>().join("; ")
}

/// The newest tries: `build 17 FAILURE (21.0 for lab), build 16 SUCCESS (…)`.
fn tries(kind: &str, tries: &[RecentRun]) -> String {
    let one = |one: &RecentRun| {
        let of = |word: &str, value: &Option<String>| value.as_ref().map(|value| format!("{word}{value}")).unwrap_or_default();
        let what = [of("", &one.revision), of("for ", &one.target), of("flavor ", &one.flavor)]
            .into_iter()
            .filter(|part| !part.is_empty());
        let what = what.collect::<Vec<_>>().join(" ");
        let what = if what.is_empty() { what } else { format!(" ({what})") };
        format!("{kind} {} {}{what}", one.id, one.result.map_or("running", RunResult::as_str))
    };
    tries.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The last lines of the log of what failed last.
fn log_lines(why: &Why) -> Vec<String> {
    let last = match why.status.stage {
        Stage::Known | Stage::Seen | Stage::Fetched => why.evidence.builds.first(),
        Stage::Built => why.evidence.tests.first(),
        Stage::Tested | Stage::Available => None,
    };
    let Some(failed) = last.filter(|one| one.result.is_some() && why.status.missing.is_some()) else { return vec![] };
    let tail: Vec<&str> = failed.tail.as_deref().unwrap_or_default().lines().collect();
    let shown = tail.iter().skip(tail.len().saturating_sub(LOG_LINES)).map(|&log| log.to_owned());
    shown.chain(failed.log.iter().map(|log| format!("({log})"))).collect()
}

fn usual_line(usual: &Usual, now: Timestamp) -> String {
    let whose = usual.distro.as_deref().unwrap_or("all distributions");
    let expected = match usual.expected_at {
        Some(at) if at >= now => format!("; expected by {}", time(Some(at))),
        Some(at) => format!("; overdue since {}", time(Some(at))),
        None => String::new(),
    };
    let step = usual.step.as_str();
    let (median, p90) = (hours(usual.spread.median_s), hours(usual.spread.p90_s));
    let kernels = counted(usual.done, "kernel");
    format!("{step}: median {median} h, 90% within {p90} h ({kernels} of {whose}){expected}")
}

/// `name` in a column of its own, then the text.
fn line(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "  {name:<10} {text}");
}
