//! The files that say where each distribution publishes its kernels.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use sqern_model::{DistroDef, DistroName, SourceError, SourceFile, SourceSet};

/// `distros/*.toml` of the source tree, inside the binary: it works before anything is configured.
static BUILTIN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../distros");

/// Why a source file can't be used.
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
    /// A file is no UTF-8 text.
    #[error("{file}: invalid UTF-8")]
    NotText {
        /// The file.
        file: String,
    },
    /// A file is no TOML, or its fields are not those of a distribution.
    #[error("{file}:{line}:{column}: {message}")]
    Toml {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// The fields contradict each other.
    #[error(transparent)]
    Rule(#[from] SourceError),
}

/// The distributions that are built in.
pub fn builtin() -> Result<SourceSet, SourceFileError> {
    let mut set = SourceSet::default();
    for entry in BUILTIN.files().filter(|entry| is_toml(entry.path())) {
        let file = entry.path().display().to_string();
        let text = entry.contents_utf8().ok_or_else(|| SourceFileError::NotText { file: file.clone() })?;
        insert(&mut set, &format!("distros/{file}"), text)?;
    }
    Ok(set)
}

/// Adds every `*.toml` file of a folder; a file named as a distribution that is known replaces it whole.
///
/// A folder with an unusable file adds nothing, so that half an override never goes unnoticed.
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
    paths.iter().try_for_each(|path| load_file(&mut loaded, path).map(drop))?;
    *set = loaded;
    Ok(())
}

/// Adds one file, or replaces the distribution of its name; gives that name.
pub fn load_file(set: &mut SourceSet, path: &Path) -> Result<DistroName, SourceFileError> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| SourceFileError::ReadFile { path: path.to_owned(), error })?;
    let text = String::from_utf8(bytes).map_err(|_| SourceFileError::NotText { file: file.clone() })?;
    insert(set, &file, &text)
}

/// One distribution from the text of its file; `file` is named in errors and its stem must be the distribution's name.
pub fn parse(file: &str, text: &str) -> Result<DistroDef, SourceFileError> {
    let distro: DistroDef = toml::from_str(text).map_err(|error| {
        let (line, column) = position(text, error.span().map_or(0, |span| span.start));
        SourceFileError::Toml { file: file.into(), line, column, message: error.message().to_owned() }
    })?;
    Ok(distro.expanded(file)?)
}

fn insert(set: &mut SourceSet, file: &str, text: &str) -> Result<DistroName, SourceFileError> {
    let distro = parse(file, text)?;
    set.files.insert(distro.name.clone(), SourceFile { place: file.to_owned(), text: text.to_owned() });
    let name = distro.name.clone();
    set.distros.insert(name.clone(), distro);
    Ok(name)
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// Line and column, both from 1, of a byte offset.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINIMAL: &str = "name = \"here\"\nvariant = \"X\"\ntitle = \"Here\"\n";

    #[test]
    fn the_built_in_sources_are_all_usable() {
        let set = builtin().expect("every file under distros/ parses and passes its checks");
        assert!(set.distros.values().all(|distro| !distro.title.is_empty()));
    }

    #[test]
    fn an_error_tells_file_line_and_column() {
        let error = parse("here.toml", "name = \"here\"\nvariant = \"X\"\ntitle = 7\n").expect_err("a title is text");
        assert!(error.to_string().starts_with("here.toml:3:9: "), "{error}");
    }

    #[test]
    fn a_file_replaces_the_distribution_of_its_name() {
        let folder = tempfile::tempdir().expect("a directory");
        let mut set = SourceSet::default();
        set.distros.insert("here".parse().expect("a name"), parse("here.toml", MINIMAL).expect("usable"));
        std::fs::write(folder.path().join("here.toml"), MINIMAL.replace("Here", "There")).expect("written");
        std::fs::write(folder.path().join("README"), "not TOML").expect("written");
        load_dir(&mut set, folder.path()).expect("loaded");
        assert_eq!(set.distros.values().next().map(|distro| distro.title.as_str()), Some("There"));
    }

    #[test]
    fn one_bad_file_of_a_folder_changes_nothing() {
        let folder = tempfile::tempdir().expect("a directory");
        std::fs::write(folder.path().join("a.toml"), MINIMAL.replace("here", "a")).expect("written");
        std::fs::write(folder.path().join("b.toml"), "name = ").expect("written");
        let mut set = SourceSet::default();
        assert!(load_dir(&mut set, folder.path()).is_err());
        assert!(set.distros.is_empty());
    }

    #[test]
    fn a_folder_that_is_not_there_is_told_by_its_path() {
        let error = load_dir(&mut SourceSet::default(), Path::new("/nonexistent/distros.d")).expect_err("not there");
        assert!(error.to_string().starts_with("could not read source directory /nonexistent/distros.d: "), "{error}");
    }

    proptest! {
        #[test]
        fn an_altered_file_is_used_or_its_error_tells_a_line_of_it(place in any::<prop::sample::Index>(), byte in "[\\[\\]{}=\"'#\n a1é]") {
            let mut text = format!("{MINIMAL}[[source]]\nkind = \"rpm-md\"\nname = \"os\"\nbase = [\"https://h\"]\narchitectures = [\"a\"]\n");
            let place = place.index(text.len());
            text.replace_range(place..=place, &byte);
            if let Err(SourceFileError::Toml { line, column, .. }) = parse("here.toml", &text) {
                let line = text.split('\n').nth(line - 1).expect("a line of the file");
                prop_assert!(column <= line.chars().count() + 1, "column {} of {:?}", column, line);
            }
        }
    }
}
