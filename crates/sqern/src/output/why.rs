//! The explanation of a kernel as text.

use jiff::Timestamp;
use sqern_core::why::{Explanation, KernelExplanation, UsualDuration};
use sqern_db::crawl::LastCheck;
use sqern_db::kver::KverPackage;
use sqern_db::status::Stage;
use sqern_db::why::{HostsOfType, RecentRun, Recorded};
use sqern_model::escape::{escape_lines, escape_value};
use sqern_model::{Kernel, PackageRole, RunResult, counted};

use crate::printer::{Document, duration, relative, time, wrap};

/// The maximum number of printed lines of a log.
const MAX_LOG_LINES: usize = 5;

impl Document for Explanation {
    const SCHEMA: &'static str = "why/1";
}

/// Returns the explanation as text at the time `now`. Text wraps at `width` with a hanging indent;
/// commands and lines of logs do not wrap.
#[must_use]
pub fn describe(explanation: &Explanation, now: Timestamp, width: Option<usize>) -> String {
    let mut out = Lines::new(width);
    if explanation.kernels.is_empty() {
        out.verbatim(&format!(
            "{} is unknown: no source lists it, and no host reported it",
            explanation.version
        ));
        let nearest = |kernel: &Kernel| format!("{} {}", kernel.distro, kernel.version);
        let nearest: Vec<String> = explanation.nearest.iter().map(nearest).collect();
        if !nearest.is_empty() {
            out.line("nearest", &nearest.join(", "));
        }
    }
    for (index, kernel) in explanation.kernels.iter().enumerate() {
        if index > 0 {
            out.verbatim("");
        }
        describe_kernel(&mut out, kernel, now);
    }
    let age = |check: &LastCheck| {
        let at = format!("{} at {}", check.distro, time(Some(check.checked_at)));
        // A file or a pipe gets no relative times, as in tables.
        match width {
            Some(_) => format!("{at}, {}", relative(check.checked_at, now)),
            None => at,
        }
    };
    let checks: Vec<String> = explanation.last_checks.iter().map(age).collect();
    out.line("checked", &joined_or(&checks, "never"));
    out.text
}

/// Joins texts; returns `empty` if there are none.
fn joined_or(texts: &[String], empty: &str) -> String {
    if texts.is_empty() {
        empty.to_owned()
    } else {
        texts.join("; ")
    }
}

/// Adds a headline, a line for each stage, and lines about the next step.
fn describe_kernel(out: &mut Lines, why: &KernelExplanation, now: Timestamp) {
    let status = &why.status;
    let mut headline = format!(
        "{} {}: {}",
        status.kernel.distro,
        status.kernel.version,
        status.stage.as_str()
    );
    if !status.wanted {
        headline.push_str(&format!(", {}", why.state));
    }
    if let Some(missing) = status.missing_if_wanted() {
        headline.push_str(&format!("; missing step: {}", missing.as_str()));
        if let Some(since) = status.missing_since {
            headline.push_str(&format!(" (since {})", time(Some(since))));
        }
    }
    out.wrapped(&headline, "");
    for stage in Stage::ALL {
        let (at, evidence) = stage_line(why, *stage);
        out.stage(*stage, at, &evidence);
    }
    if let Some(reason) = &why.reason {
        out.line("reason", reason);
        for log in log_lines(why) {
            out.log(&log);
        }
    }
    if let Some(position) = &why.position {
        let text = format!(
            "rank {} of {} in the {} plan",
            position.rank, position.kernels, position.plan
        );
        out.line("plan", &text);
    }
    if let Some(usual) = &why.usual {
        out.line("usual", &usual_line(usual, now));
    }
    let hosts = |hosts: &HostsOfType| {
        format!(
            "{}: {} running, {} installed",
            hosts.cltype, hosts.running, hosts.installed
        )
    };
    let hosts: Vec<String> = why.evidence.hosts.iter().map(hosts).collect();
    out.line("hosts", &joined_or(&hosts, "none"));
    if let Some(hint) = &why.hint {
        out.verbatim(&head("hint", hint));
    }
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
        let verified = match package.verified_by {
            Some(_) => "",
            None => ", NOT VERIFIED",
        };
        format!(
            "{}: {} {}{verified}{}",
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
        .chain(
            failed
                .log
                .iter()
                .map(|log| format!("({})", escape_value(log))),
        )
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

/// Lines with a name in the first column.
struct Lines {
    text: String,
    /// The maximum number of characters of a wrapped line.
    width: usize,
}

impl Lines {
    fn new(width: Option<usize>) -> Self {
        Self {
            text: String::new(),
            width: width.unwrap_or(usize::MAX),
        }
    }

    /// Adds a line that does not wrap.
    fn verbatim(&mut self, line: &str) {
        self.text.push_str(&escape_value(line.trim_end()));
        self.text.push('\n');
    }

    /// Adds a line of a log with its tabs.
    fn log(&mut self, line: &str) {
        self.text.push_str(&head("", "| "));
        self.text.push_str(&escape_lines(line.trim_end()));
        self.text.push('\n');
    }

    /// Adds a text, which wraps.
    fn line(&mut self, name: &str, text: &str) {
        self.wrapped(text, &head(name, ""));
    }

    /// Adds the time and the evidence of a stage; the evidence wraps.
    fn stage(&mut self, stage: Stage, at: Option<Timestamp>, evidence: &str) {
        let at = at.map_or_else(|| "-".to_owned(), |at| time(Some(at)));
        self.wrapped(evidence, &head(stage.as_str(), &format!("{at:<21} ")));
    }

    fn wrapped(&mut self, text: &str, head: &str) {
        for line in wrap(&escape_value(text), head, self.width) {
            self.verbatim(&line);
        }
    }
}

/// Returns the start of a line: its name and a text.
fn head(name: &str, text: &str) -> String {
    format!("  {name:<10} {text}")
}
