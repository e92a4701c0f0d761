//! Command lines of steps.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::fmt::friendly::{Spacing, SpanPrinter};
use sqern_model::DistroName;
use url::Url;

use super::step::{
    AvailableStep, BuildStep, CheckStep, CrawlTarget, FetchMethod, FetchStep, Step, TestStep,
};
use crate::available::Evidence;
use crate::environment::VariableName;
use crate::runs::{ExecutionOptions, RunSelection};
use crate::sandbox::Mode;

impl Step {
    /// Returns the arguments of the program `sqern` that run this step. Options with their default
    /// value are omitted.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = Arguments::default();
        match self {
            Self::Check(step) => arguments.check(step),
            Self::Fetch(step) => arguments.fetch(step),
            Self::Build(step) => arguments.build(step),
            Self::Test(step) => arguments.test(step),
            Self::Available(step) => arguments.available(step),
        }
        arguments.0
    }
}

/// Returns a command line of the program `sqern`, quoted for a shell.
#[must_use]
pub fn quote(arguments: &[String]) -> String {
    let is_plain = |argument: &str| {
        !argument.is_empty()
            && argument
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_./:+=,@%".contains(&byte))
    };
    let quoted = arguments.iter().map(|argument| {
        if is_plain(argument) {
            argument.clone()
        } else {
            format!("'{}'", argument.replace('\'', "'\\''"))
        }
    });
    ["sqern".to_owned()]
        .into_iter()
        .chain(quoted)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The arguments of a command line.
#[derive(Default)]
struct Arguments(Vec<String>);

impl Arguments {
    fn check(&mut self, step: &CheckStep) {
        self.command(&["check"]);
        self.distros(&step.distros);
        match &step.target {
            CrawlTarget::AptLists => self.flag("--apt-lists", true),
            CrawlTarget::Sources {
                directory,
                mirror_base,
            } => {
                self.option("--mirror-base", mirror_base.as_ref().map(Url::to_string));
                self.path("--sources", directory.as_ref());
            }
        }
    }

    fn fetch(&mut self, step: &FetchStep) {
        let FetchStep {
            distros,
            limit,
            jobs,
            method,
            env,
            sandbox,
            store,
            sources,
        } = step;
        self.command(&["fetch"]);
        self.distros(distros);
        self.option("--limit", *limit);
        self.option(
            "--jobs",
            Some(jobs).filter(|jobs| **jobs != FetchStep::DEFAULT_JOBS),
        );
        match method {
            FetchMethod::Packages {
                arch,
                mirror_base,
                allow_unverified,
            } => {
                self.option("--arch", arch.as_ref());
                self.option("--mirror-base", mirror_base.as_ref());
                self.flag("--allow-unverified", *allow_unverified);
            }
            FetchMethod::Command(command) => self.option("--command", Some(command)),
        }
        self.variables(env);
        self.option("--sandbox", *sandbox);
        self.path("--store", store.as_ref());
        self.path("--sources", sources.as_ref());
    }

    fn build(&mut self, step: &BuildStep) {
        let BuildStep {
            selection,
            spec,
            execution,
        } = step;
        self.command(&["build", "run"]);
        self.execution(selection, execution);
        self.flag("--official", spec.official);
        self.option("--change-id", spec.change_id.as_ref());
        self.option("--jenkins-job", spec.jenkins_job.as_ref());
    }

    fn test(&mut self, step: &TestStep) {
        let TestStep {
            selection,
            spec,
            execution,
        } = step;
        self.command(&["test", "run"]);
        self.execution(selection, execution);
        self.option("--build", spec.build);
        self.option("--flavor", spec.flavor.as_ref());
        self.option("--cluster", spec.cluster.as_ref());
    }

    fn available(&mut self, step: &AvailableStep) {
        let AvailableStep {
            revision,
            target,
            profile,
            distros,
            evidence,
        } = step;
        self.command(&["available", "add"]);
        match evidence {
            Evidence::Built => self.flag("--built", true),
            Evidence::Tested { flavor } => {
                self.flag("--tested", true);
                self.option("--flavor", flavor.as_ref());
            }
        }
        self.option("--revision", Some(revision));
        self.option("--target", Some(target));
        self.option("--profile", profile.as_ref());
        self.distros(distros);
    }

    fn execution(&mut self, selection: &RunSelection, options: &ExecutionOptions) {
        self.option("--revision", selection.revision.as_ref());
        self.option("--target", selection.target.as_ref());
        self.option("--profile", selection.profile.as_ref());
        self.distros(&selection.distros);
        for kernel in &selection.kernels {
            self.option("--kernel", Some(kernel));
        }
        self.option("--command", Some(&options.command));
        self.option(
            "--jobs",
            Some(options.jobs).filter(|jobs| *jobs != ExecutionOptions::DEFAULT_JOBS),
        );
        self.option("--limit", options.max_kernels);
        self.duration(
            "--time-limit",
            options.time_limit,
            ExecutionOptions::DEFAULT_TIME_LIMIT,
        );
        self.option("--max-failures", options.max_failures);
        self.flag("--untried", selection.untried);
        self.duration("--lease", options.lease, ExecutionOptions::DEFAULT_LEASE);
        self.variables(&options.env);
        let is_open = options.network || !options.writable.is_empty();
        self.option(
            "--sandbox",
            Some(options.sandbox).filter(|mode| is_open || *mode != Mode::Off),
        );
        for path in &options.writable {
            self.path("--writable", Some(path));
        }
        self.flag("--network", options.network);
        self.path("--store", options.store.as_ref());
        self.path("--logs", options.logs.as_ref());
    }

    fn command(&mut self, names: &[&str]) {
        self.0.extend(names.iter().map(|name| (*name).to_owned()));
    }

    fn option(&mut self, name: &str, value: Option<impl ToString>) {
        let Some(value) = value.map(|value| value.to_string()) else {
            return;
        };
        // A separate argument that starts with a hyphen would be an option.
        if value.starts_with('-') {
            self.0.push(format!("{name}={value}"));
        } else {
            self.0.extend([name.to_owned(), value]);
        }
    }

    fn path(&mut self, name: &str, value: Option<&PathBuf>) {
        self.option(name, value.map(|path| path.display()));
    }

    fn distros(&mut self, distros: &[DistroName]) {
        for distro in distros {
            self.option("--distro", Some(distro));
        }
    }

    fn variables(&mut self, names: &[VariableName]) {
        for name in names {
            self.option("--env", Some(name));
        }
    }

    fn flag(&mut self, name: &str, is_set: bool) {
        if is_set {
            self.0.push(name.to_owned());
        }
    }

    fn duration(&mut self, name: &str, value: Duration, default: Duration) {
        if value != default {
            let printer = SpanPrinter::new().spacing(Spacing::None);
            let value = SignedDuration::try_from(value).unwrap_or(SignedDuration::MAX);
            self.option(name, Some(printer.duration_to_string(&value)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::BuildSpec;

    #[test]
    fn arguments_are_quoted_for_a_shell() {
        let arguments = ["build", "--command", "make 'x'", ""].map(str::to_owned);
        assert_eq!(
            quote(&arguments),
            r"sqern build --command 'make '\''x'\''' ''"
        );
    }

    #[test]
    fn options_with_a_default_value_are_omitted() {
        let selection = RunSelection {
            revision: Some("-1".to_owned()),
            untried: true,
            ..RunSelection::default()
        };
        let execution = ExecutionOptions {
            time_limit: Duration::from_secs(5400),
            ..ExecutionOptions::new("./build.sh")
        };
        let step = Step::Build(BuildStep {
            selection,
            spec: BuildSpec::default(),
            execution,
        });
        let expected =
            "sqern build run --revision=-1 --command ./build.sh --time-limit 1h30m --untried";
        assert_eq!(quote(&step.arguments()), expected);
    }
}
