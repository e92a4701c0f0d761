//! Search for the server binaries of PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::env::LocalEnv;
use super::error::LocalError;
use super::version::{MIN_VERSION, major};

/// A directory with the server binaries of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    dir: PathBuf,
    /// The version as the server prints it: `15.18`.
    version: String,
    /// The major version: 15.
    major: u32,
}

impl std::fmt::Display for Binaries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.version, self.dir.display())
    }
}

impl Binaries {
    /// Returns the first binaries of the major version `data`, or the first supported ones if there
    /// is no data directory.
    ///
    /// The directory of the user is searched or, if there is none, `PATH` and the directories of
    /// packages.
    pub(super) fn find(env: &LocalEnv, data: Option<(u32, &Path)>) -> Result<Self, LocalError> {
        let all = Self::all(env)?;
        let describe_all = || all.iter().map(ToString::to_string).collect();
        match data {
            Some((expected, dir)) => all
                .iter()
                .find(|binaries| binaries.major == expected)
                .cloned()
                .ok_or_else(|| LocalError::OtherVersion {
                    dir: dir.to_owned(),
                    expected,
                    found: describe_all(),
                }),
            None => all
                .iter()
                .find(|binaries| binaries.major >= MIN_VERSION)
                .cloned()
                .ok_or_else(|| LocalError::TooOld {
                    found: describe_all(),
                }),
        }
    }

    /// Returns the binaries of all directories, in order of preference.
    fn all(env: &LocalEnv) -> Result<Vec<Self>, LocalError> {
        if let Some(dir) = &env.pg_bin {
            let problem = |problem| LocalError::BadOverride {
                path: dir.clone(),
                problem,
            };
            return Self::in_dir(dir)
                .map(|binaries| vec![binaries])
                .map_err(problem);
        }
        let searched = search_dirs(env);
        let found: Vec<_> = searched
            .iter()
            .filter_map(|dir| Self::in_dir(dir).ok())
            .collect();
        if found.is_empty() {
            Err(LocalError::NoBinaries { searched })
        } else {
            Ok(found)
        }
    }

    /// Returns the binaries in `dir`, or the problem of the directory.
    fn in_dir(dir: &Path) -> Result<Self, String> {
        let missing = ["postgres", "initdb", "pg_ctl"]
            .into_iter()
            .find(|name| !dir.join(name).is_file());
        if let Some(name) = missing {
            return Err(format!("{name} does not exist"));
        }
        let program = dir.join("postgres");
        let output = Command::new(&program)
            .arg("--version")
            .output()
            .map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout);
        let version = version(&text)
            .ok_or_else(|| format!("postgres --version printed {:?}", text.trim()))?;
        let major = major(version)
            .ok_or_else(|| format!("postgres --version printed {:?}", text.trim()))?;
        Ok(Self {
            dir: dir.to_owned(),
            version: version.to_owned(),
            major,
        })
    }

    /// Returns the path of a program.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Returns `15.18` of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn version(text: &str) -> Option<&str> {
    text.trim()
        .strip_prefix("postgres (PostgreSQL) ")
        .and_then(|rest| rest.split_whitespace().next())
}

fn search_dirs(env: &LocalEnv) -> Vec<PathBuf> {
    let on_path = env
        .path
        .iter()
        .flat_map(|path| std::env::split_paths(path).collect::<Vec<_>>());
    let on_path = on_path.filter(|dir| dir.is_absolute() && dir.join("postgres").is_file());
    on_path
        .chain(env.pg_dirs.iter().flat_map(|pattern| expand(pattern)))
        .collect()
}

/// Returns the directories that match `pattern`, newest version first.
fn expand(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else {
        return vec![pattern.into()];
    };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let entries = std::fs::read_dir(format!("{parent}/"))
        .into_iter()
        .flatten()
        .flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut versions: Vec<(Option<u32>, String)> = names
        .filter_map(|name| {
            name.strip_prefix(prefix)
                .map(|rest| (major(rest), rest.to_owned()))
        })
        .collect();
    versions.sort();
    versions
        .into_iter()
        .rev()
        .map(|(_, name)| format!("{before}{name}{after}").into())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_of_a_package_precedes_the_others() {
        let dir = tempfile::tempdir().expect("dir");
        for name in ["pgsql-9.6", "pgsql-17", "pgsql-15", "other"] {
            std::fs::create_dir(dir.path().join(name)).expect("dir");
        }
        let found = expand(&format!("{}/pgsql-*/bin", dir.path().display()));
        let names: Vec<_> = found
            .iter()
            .map(|path| {
                path.strip_prefix(dir.path())
                    .expect("inside")
                    .display()
                    .to_string()
            })
            .collect();
        assert_eq!(names, ["pgsql-17/bin", "pgsql-15/bin", "pgsql-9.6/bin"]);
        assert!(expand("/nowhere/*/bin").is_empty());
    }

    #[test]
    fn the_version_is_read_from_the_output_of_the_server() {
        assert_eq!(
            version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some("15.18")
        );
        assert_eq!(
            version("postgres (PostgreSQL) 18beta1\n").and_then(major),
            Some(18)
        );
        assert_eq!(version("pg_ctl"), None);
    }
}
