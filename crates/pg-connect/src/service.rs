//! Service files: sections of parameters by name (libpq's manual, 34.17 *The Connection Service File*).

use std::io;
use std::path::{Path, PathBuf};

use super::env::ConnectEnv;
use super::error::{ConnectError, ServiceFileSeen};
use super::params::{Params, Written};

/// The parameters of the service `name`: the first file that defines it counts, the user's before the system's.
///
/// Errors: `PGSERVICEFILE` names no file, a file can't be read, a line of the section is not understood, or no file has it
/// (then the error lists the files and what they do define).
pub(super) fn load(name: &str, env: &ConnectEnv) -> Result<Params, ConnectError> {
    let mut files = Vec::new();
    for (path, required) in candidates(env) {
        let Some(text) = read(&path, required)? else { continue };
        if let Some(params) = section(&text, name, &path)? {
            return Ok(params);
        }
        files.push(ServiceFileSeen { services: names(&text), path });
    }
    Err(ConnectError::ServiceNotFound { name: name.to_owned(), files, looked: looked(env) })
}

/// The files to look at, in order, and whether a missing one is an error: only the one that the user named is.
fn candidates(env: &ConnectEnv) -> Vec<(PathBuf, bool)> {
    let user = match env.var("PGSERVICEFILE") {
        Some(path) => Some((PathBuf::from(path), true)),
        None => env.home.as_ref().map(|home| (home.join(".pg_service.conf"), false)),
    };
    let dirs = env.var("PGSYSCONFDIR").map_or_else(|| env.system_dirs.clone(), |dir| vec![PathBuf::from(dir)]);
    let system = dirs.into_iter().map(|dir| (dir.join("pg_service.conf"), false));
    user.into_iter().chain(system).collect()
}

fn looked(env: &ConnectEnv) -> Vec<PathBuf> {
    candidates(env).into_iter().map(|(path, _)| path).collect()
}

fn read(path: &Path, required: bool) -> Result<Option<String>, ConnectError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !required => Ok(None),
        Err(source) => Err(ConnectError::ServiceFile { path: path.to_owned(), source }),
    }
}

/// The section's name, where `line` is a section's head.
fn head(line: &str) -> Option<&str> {
    line.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name)
}

fn names(text: &str) -> Vec<String> {
    text.lines().filter_map(|line| head(line.trim())).map(str::to_owned).collect()
}

/// The parameters of the first section called `name`; within it the first value of a parameter counts.
fn section(text: &str, name: &str, path: &Path) -> Result<Option<Params>, ConnectError> {
    let lines = || text.lines().map(str::trim).enumerate();
    let Some(start) = lines().position(|(_, line)| head(line) == Some(name)) else { return Ok(None) };
    let mut params = Params::default();
    let body = lines().skip(start + 1).take_while(|(_, line)| !line.starts_with('['));
    for (number, line) in body.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        params.fill_from(pair(line, path, number + 1)?);
    }
    Ok(Some(params))
}

/// One line `key=value`; as in libpq no blank may stand around `=`, and a service can't name another.
fn pair(line: &str, path: &Path, number: usize) -> Result<Params, ConnectError> {
    let broken = |expected| ConnectError::ServiceLine { path: path.to_owned(), line: number, expected };
    let (key, value) = line.split_once('=').ok_or_else(|| broken("key=value"))?;
    if key.ends_with(char::is_whitespace) {
        return Err(broken("key=value without blanks around \"=\""));
    }
    if key == "service" {
        return Err(broken("a parameter other than service, because service definitions cannot be nested"));
    }
    let mut params = Params::default();
    params.set(key, value, Written::Service { path, line: number })?;
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# ours\n[prod]\n  host=db1,db2\nport=5433\nhost=later\n# note\n\n[test]\nhost=t\n[prod]\nhost=never\n";

    fn value(text: &str, service: &str, key: &str) -> Option<String> {
        let params = section(text, service, Path::new("/f")).expect(text)?;
        params.get(key).map(str::to_owned)
    }

    #[test]
    fn the_first_section_and_the_first_value_count() {
        assert_eq!(value(TEXT, "prod", "host").as_deref(), Some("db1,db2"));
        assert_eq!(value(TEXT, "prod", "port").as_deref(), Some("5433"));
        assert_eq!(value(TEXT, "test", "host").as_deref(), Some("t"));
        assert_eq!(value(TEXT, "none", "host"), None);
        assert_eq!(names(TEXT), ["prod", "test", "prod"]);
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        let cases =
            [("[a]\nhost", "line 2"), ("[a]\n\nhost = x", "line 3"), ("[a]\nservice=b", "line 2"), ("[a]\nhots=b", "line 2")];
        for (text, expected) in cases {
            let error = section(text, "a", Path::new("/f")).expect_err(text).to_string();
            assert!(error.contains(expected) && error.contains("/f"), "{error}");
        }
    }

    #[test]
    fn a_service_that_is_nowhere_says_what_there_is() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(".pg_service.conf");
        std::fs::write(&path, TEXT).expect("write");
        let env = ConnectEnv { home: Some(dir.path().into()), system_dirs: vec![], ..ConnectEnv::default() };
        let error = load("prd", &env).expect_err("no such service");
        let shown = format!("{error}\n{}", error.hint().unwrap_or_default());
        assert!(shown.contains(".pg_service.conf") && shown.contains("--service prod"), "{shown}");
    }

    #[test]
    fn the_users_file_goes_before_the_systems_and_a_named_one_must_exist() {
        let dir = tempfile::tempdir().expect("dir");
        std::fs::write(dir.path().join("pg_service.conf"), "[prod]\nhost=system\n[sys]\nhost=s\n").expect("write");
        std::fs::write(dir.path().join("mine"), "[prod]\nhost=mine\n").expect("write");
        let mut env = ConnectEnv { system_dirs: vec![dir.path().into()], ..ConnectEnv::default() };
        env.vars.insert("PGSERVICEFILE".into(), dir.path().join("mine").display().to_string());
        assert_eq!(load("prod", &env).expect("prod").get("host"), Some("mine"));
        assert_eq!(load("sys", &env).expect("sys").get("host"), Some("s"));
        env.vars.insert("PGSERVICEFILE".into(), "/nowhere".into());
        assert!(load("prod", &env).expect_err("missing").to_string().contains("/nowhere"));
    }
}
