//! The definitions of distributions and their sources.

use std::path::{Path, PathBuf};

use crate::regular_file::{CONFIGURATION_BYTES, read_regular};
use include_dir::{Dir, include_dir};
use sqern_model::{DistroDef, DistroName, SourceError, SourceFile, SourceSet};

/// The built-in definitions: the files `distros/*.toml`, embedded at compile time.
static BUILTIN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/distros");

/// A file of sources that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceFileError {
    /// A directory of source files could not be read.
    #[error("could not read source directory {}: {error}", path.display())]
    ReadDirectory {
        /// The directory.
        path: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// A source file could not be read.
    #[error("could not read source file {}: {error}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// A file is not UTF-8.
    #[error("{file}: invalid UTF-8")]
    NotText {
        /// The file.
        file: String,
    },
    /// A file is not TOML, or its fields are not those of a distribution.
    #[error("{file}:{line}:{column}: {message}")]
    Toml {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// The problem.
        message: String,
    },
    /// Fields contradict each other.
    #[error(transparent)]
    Rule(#[from] SourceError),
}

/// Returns the built-in distributions.
///
/// # Errors
///
/// Returns an error if a built-in file is invalid.
pub fn builtin() -> Result<SourceSet, SourceFileError> {
    let mut set = SourceSet::default();
    for entry in BUILTIN.files().filter(|entry| is_toml(entry.path())) {
        let file = entry.path().display().to_string();
        let text = entry
            .contents_utf8()
            .ok_or_else(|| SourceFileError::NotText { file: file.clone() })?;
        insert(&mut set, &format!("distros/{file}"), text)?;
    }
    Ok(set)
}

/// Adds all `*.toml` files of a directory. A file with the name of a known distribution replaces it
/// completely.
///
/// # Errors
///
/// Returns an error if a file is invalid. Then no file is added, because a partial override might
/// remain unnoticed.
pub fn load_dir(set: &mut SourceSet, folder: &Path) -> Result<(), SourceFileError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |error| SourceFileError::ReadDirectory { path, error }
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
        paths.push(entry.map_err(unreadable(folder))?.path());
    }
    paths.retain(|path| is_toml(path));
    paths.sort();
    let mut loaded = set.clone();
    paths
        .iter()
        .try_for_each(|path| load_file(&mut loaded, path).map(drop))?;
    *set = loaded;
    Ok(())
}

/// Adds a file, which may replace the distribution of its name, and returns that name.
///
/// # Errors
///
/// Returns an error if the file cannot be read or is invalid.
pub fn load_file(set: &mut SourceSet, path: &Path) -> Result<DistroName, SourceFileError> {
    let file = path.display().to_string();
    let bytes =
        read_regular(path, CONFIGURATION_BYTES).map_err(|error| SourceFileError::ReadFile {
            path: path.to_owned(),
            error,
        })?;
    let text =
        String::from_utf8(bytes).map_err(|_| SourceFileError::NotText { file: file.clone() })?;
    insert(set, &file, &text)
}

/// Parses the file of a distribution. The stem of `file` must be the name of the distribution.
///
/// # Errors
///
/// Returns an error, which names `file`, if the text is invalid.
pub fn parse(file: &str, text: &str) -> Result<DistroDef, SourceFileError> {
    let distro: DistroDef = toml::from_str(text).map_err(|error| {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        SourceFileError::Toml {
            file: file.into(),
            line,
            column,
            message: error.message().to_owned(),
        }
    })?;
    Ok(distro.expanded(file)?)
}

fn insert(set: &mut SourceSet, file: &str, text: &str) -> Result<DistroName, SourceFileError> {
    let distro = parse(file, text)?;
    set.files.insert(
        distro.name.clone(),
        SourceFile {
            path: file.to_owned(),
            text: text.to_owned(),
        },
    );
    let name = distro.name.clone();
    set.distros.insert(name.clone(), distro);
    Ok(name)
}

fn is_toml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "toml")
}

/// Returns line and column of a byte offset, both from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINIMAL: &str = "name = \"here\"\nvariant = \"X\"\ntitle = \"Here\"\n";

    #[test]
    fn built_in_sources_are_valid() {
        let set = builtin().expect("every file under distros/ parses and passes its checks");
        assert!(set.distros.values().all(|distro| !distro.title.is_empty()));
    }

    #[test]
    fn errors_contain_file_line_and_column() {
        let error = parse("here.toml", "name = \"here\"\nvariant = \"X\"\ntitle = 7\n")
            .expect_err("a title is text");
        assert!(error.to_string().starts_with("here.toml:3:9: "), "{error}");
    }

    #[test]
    fn file_replaces_the_distribution_of_its_name() {
        let folder = tempfile::tempdir().expect("a directory");
        let mut set = SourceSet::default();
        set.distros.insert(
            "here".parse().expect("a name"),
            parse("here.toml", MINIMAL).expect("usable"),
        );
        std::fs::write(
            folder.path().join("here.toml"),
            MINIMAL.replace("Here", "There"),
        )
        .expect("written");
        std::fs::write(folder.path().join("README"), "not TOML").expect("written");
        load_dir(&mut set, folder.path()).expect("loaded");
        assert_eq!(
            set.distros
                .values()
                .next()
                .map(|distro| distro.title.as_str()),
            Some("There")
        );
    }

    #[test]
    fn directory_with_an_invalid_file_adds_nothing() {
        let folder = tempfile::tempdir().expect("a directory");
        std::fs::write(folder.path().join("a.toml"), MINIMAL.replace("here", "a"))
            .expect("written");
        std::fs::write(folder.path().join("b.toml"), "name = ").expect("written");
        let mut set = SourceSet::default();
        assert!(load_dir(&mut set, folder.path()).is_err());
        assert!(set.distros.is_empty());
    }

    #[test]
    fn missing_directory_is_named_by_its_path() {
        let error = load_dir(
            &mut SourceSet::default(),
            Path::new("/nonexistent/distros.d"),
        )
        .expect_err("not there");
        assert!(
            error
                .to_string()
                .starts_with("could not read source directory /nonexistent/distros.d: "),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn errors_of_mutated_files_contain_valid_positions(offset in any::<prop::sample::Index>(), byte in "[\\[\\]{}=\"'#\n a1é]") {
            let mut text = format!("{MINIMAL}[[source]]\nkind = \"rpm-md\"\nname = \"os\"\nbase = [\"https://h\"]\narchitectures = [\"a\"]\n");
            let offset = offset.index(text.len());
            text.replace_range(offset..=offset, &byte);
            if let Err(SourceFileError::Toml { line, column, .. }) = parse("here.toml", &text) {
                let line = text.split('\n').nth(line - 1).expect("a line of the file");
                prop_assert!(column <= line.chars().count() + 1, "column {} of {:?}", column, line);
            }
        }
    }
}
