//! The pipeline file.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sqern_model::DistroName;

use super::step::{
    AvailableStep, BuildStep, CheckStep, CrawlTarget, FetchMethod, FetchStep, Step, StepName,
    TestStep,
};
use super::value::{CommandText, LabelText, PositiveDuration, UrlText};
use crate::Error;
use crate::available::Evidence;
use crate::environment::VariableName;
use crate::runs::{BuildSpec, ExecutionOptions, RunSelection, TestSpec};
use crate::sandbox::Mode;

/// A pipeline file in TOML. All values are valid.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PipelineFile {
    revision: LabelText,
    target: LabelText,
    profile: Option<LabelText>,
    #[serde(default)]
    distros: Vec<DistroName>,
    store: Option<PathBuf>,
    logs: Option<PathBuf>,
    sources: Option<PathBuf>,
    #[serde(default)]
    check: CheckSection,
    #[serde(default)]
    fetch: FetchSection,
    build: Option<CommandSection>,
    test: Option<CommandSection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CheckSection {
    /// Whether to read the apt lists of this machine instead of the configured sources.
    #[serde(default)]
    apt_lists: bool,
    mirror_base: Option<UrlText>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FetchSection {
    limit: Option<NonZeroU32>,
    jobs: Option<NonZeroU16>,
    arch: Option<String>,
    mirror_base: Option<UrlText>,
    #[serde(default)]
    allow_unverified: bool,
    command: Option<CommandText>,
    #[serde(default)]
    env: Vec<VariableName>,
    sandbox: Option<Mode>,
}

/// The section of builds or tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CommandSection {
    command: CommandText,
    jobs: Option<NonZeroU16>,
    limit: Option<NonZeroU32>,
    time_limit: Option<PositiveDuration>,
    max_failures: Option<NonZeroU32>,
    #[serde(default)]
    untried: bool,
    #[serde(default)]
    env: Vec<VariableName>,
    #[serde(default)]
    sandbox: Option<Mode>,
    #[serde(default)]
    writable: Vec<PathBuf>,
    #[serde(default)]
    network: bool,
    /// For tests.
    flavor: Option<LabelText>,
    /// For tests.
    cluster: Option<String>,
    /// For builds.
    official: Option<bool>,
}

impl PipelineFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Returns an error that names the line of an invalid value.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::PipelineFileUnreadable {
                path: path.to_owned(),
                source,
            })?;
        Self::parse(&text, path)
    }

    /// Parses the text of a file. `path` is part of errors.
    ///
    /// # Errors
    ///
    /// Returns an error that names the line of an invalid value.
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let file: Self = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            invalid(path, Some(line), error.message())
        })?;
        if file.check.apt_lists && file.check.mirror_base.is_some() {
            return Err(invalid(
                path,
                None,
                "[check] cannot contain both apt-lists and mirror-base",
            ));
        }
        if file.fetch.command.is_some()
            && (file.fetch.arch.is_some()
                || file.fetch.mirror_base.is_some()
                || file.fetch.allow_unverified)
        {
            return Err(invalid(
                path,
                None,
                "[fetch] cannot contain both command and arch, mirror-base or allow-unverified",
            ));
        }
        if file.fetch.command.is_none() && !file.fetch.env.is_empty() {
            return Err(invalid(
                path,
                None,
                "[fetch] cannot contain env without command",
            ));
        }
        let (builds, tests) = (file.build.as_ref(), file.test.as_ref());
        for (section, name) in [(builds, "build"), (tests, "test")] {
            let is_open =
                section.is_some_and(|section| section.network || !section.writable.is_empty());
            if is_open && section.is_some_and(|section| section.sandbox.is_none()) {
                let reason = format!("[{name}] cannot contain writable or network without sandbox");
                return Err(invalid(path, None, &reason));
            }
        }
        for (is_present, section, key) in [
            (
                builds.is_some_and(|section| section.flavor.is_some()),
                "build",
                "flavor",
            ),
            (
                builds.is_some_and(|section| section.cluster.is_some()),
                "build",
                "cluster",
            ),
            (
                tests.is_some_and(|section| section.official.is_some()),
                "test",
                "official",
            ),
        ] {
            if is_present {
                return Err(invalid(
                    path,
                    None,
                    &format!("[{section}] cannot contain {key}"),
                ));
            }
        }
        Ok(file)
    }

    /// Returns the steps of the file in the order of execution, without the skipped ones.
    #[must_use]
    pub fn steps(&self, skip: &[StepName]) -> Vec<Step> {
        let names = StepName::ALL
            .into_iter()
            .filter(|name| !skip.contains(name));
        names.filter_map(|name| self.step(name)).collect()
    }

    /// Returns a step; `None` if the file does not contain it.
    fn step(&self, name: StepName) -> Option<Step> {
        match name {
            StepName::Check => Some(Step::Check(self.check())),
            StepName::Fetch => Some(Step::Fetch(self.fetch())),
            StepName::Build => self
                .build
                .as_ref()
                .map(|section| Step::Build(self.build(section))),
            StepName::Test => self
                .test
                .as_ref()
                .map(|section| Step::Test(self.test(section))),
            StepName::Available => Some(Step::Available(self.available())),
        }
    }

    fn check(&self) -> CheckStep {
        let CheckSection {
            apt_lists,
            mirror_base,
        } = &self.check;
        let target = if *apt_lists {
            CrawlTarget::AptLists
        } else {
            let mirror_base = mirror_base.as_ref().map(|url| url.0.clone());
            CrawlTarget::Sources {
                directory: self.sources.clone(),
                mirror_base,
            }
        };
        CheckStep {
            distros: self.distros.clone(),
            target,
        }
    }

    fn fetch(&self) -> FetchStep {
        let FetchSection {
            limit,
            jobs,
            arch,
            mirror_base,
            allow_unverified,
            command,
            env,
            sandbox,
        } = &self.fetch;
        let method = match command {
            Some(command) => FetchMethod::Command(command.0.clone()),
            None => FetchMethod::Packages {
                arch: arch.clone(),
                mirror_base: mirror_base.as_ref().map(|url| url.0.clone()),
                allow_unverified: *allow_unverified,
            },
        };
        FetchStep {
            distros: self.distros.clone(),
            limit: limit.map(NonZeroU32::get),
            jobs: jobs.map_or(FetchStep::DEFAULT_JOBS, NonZeroU16::get),
            method,
            env: env.clone(),
            sandbox: *sandbox,
            store: self.store.clone(),
            sources: self.sources.clone(),
        }
    }

    fn build(&self, section: &CommandSection) -> BuildStep {
        BuildStep {
            selection: self.selection(section),
            spec: BuildSpec {
                official: section.official.unwrap_or_default(),
                ..BuildSpec::default()
            },
            execution: self.execution(section),
        }
    }

    fn test(&self, section: &CommandSection) -> TestStep {
        TestStep {
            selection: self.selection(section),
            spec: TestSpec {
                build: None,
                flavor: text(section.flavor.as_ref()),
                cluster: section.cluster.clone(),
            },
            execution: self.execution(section),
        }
    }

    fn available(&self) -> AvailableStep {
        let evidence = match &self.test {
            Some(section) => Evidence::Tested {
                flavor: text(section.flavor.as_ref()),
            },
            None => Evidence::Built,
        };
        AvailableStep {
            revision: self.revision.0.clone(),
            target: self.target.0.clone(),
            profile: text(self.profile.as_ref()),
            distros: self.distros.clone(),
            evidence,
        }
    }

    fn selection(&self, section: &CommandSection) -> RunSelection {
        RunSelection {
            revision: Some(self.revision.0.clone()),
            target: Some(self.target.0.clone()),
            profile: text(self.profile.as_ref()),
            distros: self.distros.clone(),
            kernels: vec![],
            untried: section.untried,
        }
    }

    fn execution(&self, section: &CommandSection) -> ExecutionOptions {
        ExecutionOptions {
            max_kernels: section.limit.map(NonZeroU32::get),
            jobs: section
                .jobs
                .map_or(ExecutionOptions::DEFAULT_JOBS, NonZeroU16::get),
            time_limit: section
                .time_limit
                .map_or(ExecutionOptions::DEFAULT_TIME_LIMIT, |limit| limit.0),
            max_failures: section.max_failures.map(NonZeroU32::get),
            env: section.env.clone(),
            sandbox: section.sandbox.unwrap_or(Mode::Off),
            writable: section.writable.clone(),
            network: section.network,
            logs: self.logs.clone(),
            store: self.store.clone(),
            ..ExecutionOptions::new(&section.command.0)
        }
    }
}

fn text(text: Option<&LabelText>) -> Option<String> {
    text.map(|text| text.0.clone())
}

fn invalid(path: &Path, line: Option<usize>, reason: &str) -> Error {
    Error::PipelineFileInvalid {
        path: path.to_owned(),
        line,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assumption must fail the test")]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PipelineFile, Error> {
        PipelineFile::parse(
            &format!("revision = \"1\"\ntarget = \"lab\"\n{text}"),
            Path::new("a.toml"),
        )
    }

    #[test]
    fn sections_determine_the_steps() {
        let file = parse("").unwrap();
        let names: Vec<StepName> = file.steps(&[]).iter().map(Step::name).collect();
        assert_eq!(
            names,
            [StepName::Check, StepName::Fetch, StepName::Available]
        );
        assert_eq!(file.available().evidence, Evidence::Built);

        let file = parse("[build]\ncommand = \"b\"\ntime-limit = \"90s\"\n[test]\ncommand = \"t\"\nflavor = \"smoke\"").unwrap();
        let skipped = file.steps(&[StepName::Check, StepName::Fetch]);
        assert_eq!(
            skipped.iter().map(Step::name).collect::<Vec<_>>(),
            [StepName::Build, StepName::Test, StepName::Available]
        );
        let Step::Build(build) = &skipped[0] else {
            panic!("{skipped:?}")
        };
        assert_eq!(
            (build.execution.time_limit.as_secs(), build.execution.jobs),
            (90, 2)
        );
        assert_eq!(
            file.available().evidence,
            Evidence::Tested {
                flavor: Some("smoke".to_owned())
            }
        );
    }

    #[test]
    fn invalid_values_are_reported_with_their_line() {
        for (text, message) in [
            (
                "[build]\ncomand = \"x\"",
                "a.toml:4: unknown field `comand`",
            ),
            ("distros = [\"\"]", "a.toml:3: "),
            ("profile = \"\"", "a.toml:3: must not be empty"),
            (
                "[build]\ncommand = \" \"",
                "a.toml:4: must be a command, not blank",
            ),
            (
                "[build]\ncommand = \"x\"\njobs = 0",
                "a.toml:5: invalid value: integer `0`, expected a nonzero u16",
            ),
            (
                "[test]\ncommand = \"x\"\ntime-limit = \"soon\"",
                "a.toml:5: expected a duration such as 90s",
            ),
            (
                "[check]\nmirror-base = \"x\"",
                "a.toml:4: expected a URL, found \"x\": relative URL without a base",
            ),
            (
                "[check]\napt-lists = true\nmirror-base = \"http://m\"",
                "a.toml: [check] cannot contain both",
            ),
            (
                "[fetch]\narch = \"x86_64\"\ncommand = \"x\"",
                "a.toml: [fetch] cannot contain both",
            ),
            (
                "[build]\ncommand = \"x\"\nflavor = \"smoke\"",
                "a.toml: [build] cannot contain flavor",
            ),
            (
                "[build]\ncommand = \"x\"\ncluster = \"lab\"",
                "a.toml: [build] cannot contain cluster",
            ),
            (
                "[build]\ncommand = \"x\"\nenv = [\"A=b\"]",
                "a.toml:5: must be the name of an environment variable",
            ),
            (
                "[fetch]\nenv = [\"CC\"]",
                "a.toml: [fetch] cannot contain env without command",
            ),
            (
                "[build]\ncommand = \"x\"\nnetwork = true",
                "a.toml: [build] cannot contain writable or network without sandbox",
            ),
            (
                "[test]\ncommand = \"x\"\nofficial = false",
                "a.toml: [test] cannot contain official",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().starts_with(message), "{text}: {error}");
        }
    }
}
