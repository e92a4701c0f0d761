//! The pipeline file, and the command lines of its steps.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Step;
use crate::failure::Failure;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PipelineFile {
    revision: String,
    target: String,
    profile: Option<String>,
    #[serde(default)]
    distros: Vec<String>,
    store: Option<PathBuf>,
    logs: Option<PathBuf>,
    sources: Option<PathBuf>,
    #[serde(default)]
    check: CheckStep,
    #[serde(default)]
    fetch: FetchStep,
    build: Option<CommandStep>,
    test: Option<CommandStep>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CheckStep {
    /// Whether to read the apt lists of this machine instead of the configured sources.
    #[serde(default)]
    apt_lists: bool,
    mirror_base: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FetchStep {
    limit: Option<u32>,
    jobs: Option<u32>,
    arch: Option<String>,
    mirror_base: Option<String>,
    command: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CommandStep {
    command: String,
    jobs: Option<u32>,
    claim: Option<u32>,
    time_limit: Option<String>,
    max_failures: Option<u32>,
    #[serde(default)]
    untried: bool,
    /// For tests.
    flavor: Option<String>,
    /// For tests.
    cluster: Option<String>,
    /// For builds.
    #[serde(default)]
    official: bool,
}

impl PipelineFile {
    /// Reads it; an error names the line.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let place = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::unmet(format!("could not read pipeline file {place}: {error}")).hint("sqern pipeline run --help")
        })?;
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            Failure::unmet(format!("{place}:{line}: {}", error.message()))
                .hint("sqern pipeline run --help  # prints an example file")
        })
    }

    /// Returns the arguments of a step; `None` if the file has no such step.
    pub(super) fn words(&self, step: Step) -> Option<Vec<String>> {
        let mut words = Words::default();
        match step {
            Step::Check => {
                words.add("check").each("--distro", &self.distros).flag("--apt-lists", self.check.apt_lists);
                words.option("--mirror-base", self.check.mirror_base.as_ref());
                words.path("--sources", self.sources.as_ref().filter(|_| !self.check.apt_lists));
            }
            Step::Fetch => {
                let FetchStep { limit, jobs, arch, mirror_base, command } = &self.fetch;
                words.add("fetch").each("--distro", &self.distros).number("--limit", *limit).number("--jobs", *jobs);
                words.option("--arch", arch.as_ref()).option("--mirror-base", mirror_base.as_ref());
                words.option("--command", command.as_ref()).path("--store", self.store.as_ref());
                words.path("--sources", self.sources.as_ref());
            }
            Step::Build => {
                let build = self.build.as_ref()?;
                self.carry(words.add("build").add("run"), build);
                words.flag("--official", build.official);
            }
            Step::Test => {
                let test = self.test.as_ref()?;
                self.carry(words.add("test").add("run"), test);
                words.option("--flavor", test.flavor.as_ref()).option("--cluster", test.cluster.as_ref());
            }
            Step::Available => {
                words.add("available").add("add");
                words.flag(if self.test.is_some() { "--tested" } else { "--built" }, true);
                words.option("--flavor", self.test.as_ref().and_then(|test| test.flavor.as_ref()));
                words.option("--revision", Some(&self.revision)).option("--target", Some(&self.target));
                words.option("--profile", self.profile.as_ref()).each("--distro", &self.distros);
            }
        }
        Some(words.0)
    }

    fn carry(&self, words: &mut Words, step: &CommandStep) {
        words.option("--revision", Some(&self.revision)).option("--target", Some(&self.target));
        words.option("--profile", self.profile.as_ref()).each("--distro", &self.distros);
        words.option("--command", Some(&step.command)).number("--jobs", step.jobs).number("--claim", step.claim);
        words.option("--time-limit", step.time_limit.as_ref()).number("--max-failures", step.max_failures);
        words.flag("--untried", step.untried).path("--store", self.store.as_ref()).path("--logs", self.logs.as_ref());
    }
}

/// A command line that is put together.
#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn add(&mut self, word: &str) -> &mut Self {
        self.0.push(word.to_owned());
        self
    }

    fn option(&mut self, name: &str, value: Option<&String>) -> &mut Self {
        if let Some(value) = value {
            self.add(name).add(value);
        }
        self
    }

    fn path(&mut self, name: &str, value: Option<&PathBuf>) -> &mut Self {
        self.option(name, value.map(|path| path.display().to_string()).as_ref())
    }

    fn number(&mut self, name: &str, value: Option<u32>) -> &mut Self {
        self.option(name, value.map(|number| number.to_string()).as_ref())
    }

    fn each(&mut self, name: &str, values: &[String]) -> &mut Self {
        values.iter().fold(self, |words, value| words.add(name).add(value))
    }

    fn flag(&mut self, name: &str, is_set: bool) -> &mut Self {
        if is_set { self.add(name) } else { self }
    }
}

/// Quotes a command line for a shell.
pub(super) fn shown(words: &[String]) -> String {
    let plain =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:+=,@%".contains(&byte));
    let quoted = words.iter().map(|word| if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) });
    ["sqern".to_owned()].into_iter().chain(quoted).collect::<Vec<_>>().join(" ")
}
