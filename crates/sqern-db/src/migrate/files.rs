//! The files of `schema/`, which are part of the program.

use std::sync::LazyLock;

use include_dir::{Dir, include_dir};

use super::checksum;

static MIGRATION_FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schema/migrations");
static FUNCTION_FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schema/functions");

static MIGRATIONS: LazyLock<Vec<Migration>> = LazyLock::new(read_migrations);
static FUNCTIONS: LazyLock<Vec<(String, String)>> = LazyLock::new(read_functions);

/// One migration: `NNNN_name.up.sql` and `NNNN_name.down.sql`.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The number of the migration; the first is 1, and there are no gaps.
    pub version: i32,
    /// The name of the migration.
    pub name: String,
    /// Whether older programs must not use the schema: the up file contains the line `-- breaking`.
    pub breaking: bool,
    /// The statements that apply the migration.
    pub up: String,
    /// The statements that revert the migration.
    pub down: String,
    /// SHA-256 of the up file, in hexadecimal; or the value of a first line `-- checksum: DIGEST`.
    ///
    /// A file that was changed after its release contains the checksum of its original text, which
    /// databases have recorded. Both texts produce the same tables.
    pub checksum: String,
}

/// Returns the schema version of this program.
#[must_use]
pub fn latest_version() -> i32 {
    latest().map_or(0, |(version, _)| version)
}

/// Returns the number and the name of the newest migration of this program.
///
/// Only the names of files are read, because each start of the program needs the result.
#[must_use]
pub fn latest() -> Option<(i32, &'static str)> {
    MIGRATION_FILES
        .files()
        .filter_map(|file| number_and_name(file.path().file_name()?.to_str()?))
        .max()
}

/// Returns the number and the name of a migration from the name of its up file.
fn number_and_name(file: &str) -> Option<(i32, &str)> {
    let (number, name) = file.strip_suffix(".up.sql")?.split_once('_')?;
    Some((number.parse().ok()?, name))
}

pub(super) fn migrations() -> &'static [Migration] {
    &MIGRATIONS
}

/// Returns the name and text of each function file in the order of application: by name, but after the
/// files that its first line names, such as `-- after: one.sql, other.sql`.
pub(super) fn functions() -> &'static [(String, String)] {
    &FUNCTIONS
}

/// Returns the migration with this number. Steps are planned from the list, so it exists.
pub(super) fn migration(version: i32) -> &'static Migration {
    migrations()
        .iter()
        .find(|migration| migration.version == version)
        .expect("steps are planned from the list of migrations")
}

fn read_migrations() -> Vec<Migration> {
    let mut migrations: Vec<Migration> = texts(&MIGRATION_FILES)
        .filter_map(|(file, up)| {
            let (version, name) = number_and_name(file)?;
            let down = file.strip_suffix(".up.sql")?.to_owned() + ".down.sql";
            let down = MIGRATION_FILES.get_file(down)?.contents_utf8()?;
            Some(Migration {
                version,
                name: name.to_owned(),
                breaking: up.lines().any(|line| line == "-- breaking"),
                up: up.to_owned(),
                down: down.to_owned(),
                checksum: stated_checksum(up).map_or_else(|| checksum(up), str::to_owned),
            })
        })
        .collect();
    migrations.sort_by_key(|migration| migration.version);
    migrations
}

/// Returns the checksum that the first line of an up file states.
fn stated_checksum(up: &str) -> Option<&str> {
    up.lines().next()?.strip_prefix("-- checksum: ")
}

fn read_functions() -> Vec<(String, String)> {
    let mut functions: Vec<(String, String)> = texts(&FUNCTION_FILES)
        .map(|(file, text)| (file.to_owned(), text.to_owned()))
        .collect();
    functions.sort_by_cached_key(|(file, _)| (depth(file), file.clone()));
    functions
}

/// Returns the length of the longest chain of files that must be applied before this one.
fn depth(file: &str) -> usize {
    applied_before(file)
        .map(|other| 1 + depth(other))
        .max()
        .unwrap_or(0)
}

/// Returns the files in the first line of a file, such as `-- after: one.sql, other.sql`, which must
/// be applied before it.
fn applied_before(file: &str) -> impl Iterator<Item = &'static str> {
    FUNCTION_FILES
        .get_file(file)
        .and_then(|file| {
            file.contents_utf8()?
                .lines()
                .next()?
                .strip_prefix("-- after: ")
        })
        .into_iter()
        .flat_map(|files| files.split(", "))
}

fn texts(dir: &'static Dir<'_>) -> impl Iterator<Item = (&'static str, &'static str)> {
    dir.files()
        .filter_map(|file| Some((file.path().file_name()?.to_str()?, file.contents_utf8()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_gaps_and_have_two_files() {
        let numbers: Vec<i32> = migrations()
            .iter()
            .map(|migration| migration.version)
            .collect();
        assert_eq!(numbers, (1..=latest_version()).collect::<Vec<_>>());
        assert_eq!(
            MIGRATION_FILES.files().count(),
            2 * migrations().len(),
            "each has an up and a down file"
        );
    }

    #[test]
    fn files_that_must_be_applied_before_a_file_exist() {
        for (file, _) in functions() {
            for other in applied_before(file) {
                assert!(FUNCTION_FILES.get_file(other).is_some(), "{file}: {other}");
            }
        }
    }

    /// The checksums that databases of earlier versions recorded. A new migration adds a line; no
    /// line ever changes.
    const RELEASED: &[&str] = &[
        "2dbce0bf82b62049b65ab6a555f34aa79e8507e95af7252271254514bdd46261",
        "f6797ffaf240e3001ad32edb5ca16af72493c7b8248c4611f505763f4c8188cc",
        "6fef86f9eaaa07284fa6bc94cc57de5d609149b18709ae4ae87fc1a967d5b229",
        "4c80e0f2dd4ef077f41eb5d329bf29e139377ac93dcc1e7c7461597333747c85",
        "348a8d7b11102c6ff84807f925467932d87469905be08d72a3c014da70237d89",
        "9661b58ee81e2d9cc4946b06e491d0bdecfea00718d1f5933f2b15b15d89ac08",
        "857b04d3d88fde9966aa28cf16e24e7e9a6e625b770d6c4879ab556623f8ed86",
        "5da842ca7075422b4416374264cad303a28cd96746b257812df6c805dd8fe38f",
        "7007426f4eecebc5ff8ecc46536f93176f3248ffb1e8efdc44b3ecab68212726",
        "c780c62cae4dce8e59fe2f4f91ab9837a3b59fbf553a03e8cc40a5e6580d734f",
        "adcf2a4aabfa32668b6044163f49cc838bb8c17cbb394dc0424ee2af4602a188",
        "23677bf7a82bda7615d4b3bddff39ad9f8e0f97e294a5143d8db4da5dda189e4",
        "dd9665914f4a485dda4278b3b7a4952a5d350cc1fb44541d0ffe507c72349d0e",
        "56b854c01e094cb165a3d6db66f11be07c04e388aeeb0947799e6e05c053bba0",
        "76f8a961b84f8e1dd5ec3f7a85b0b283af873a44bd38301d16032992461d7311",
        "69d4984795ffd50d76525960d04428a908beaf0a2e783c61cfc96e6f5fa1d006",
        "922cab81f2306f46031fc43fa4bbf56ed27c0fd22b82c3e91d73f5c634f78385",
        "cffac8aea8a8e71ed63e5bbaae846fdb55b6555fa74b05c0f470d6706e744b76",
    ];

    #[test]
    fn released_migrations_keep_their_checksums() {
        let checksums: Vec<&str> = migrations()
            .iter()
            .map(|migration| migration.checksum.as_str())
            .collect();
        assert_eq!(checksums, RELEASED);
    }

    #[test]
    fn a_function_file_follows_the_file_that_it_requires() {
        let position = |name: &str| {
            functions()
                .iter()
                .position(|(file, _)| file == name)
                .unwrap()
        };
        assert!(position("kver_not_ignored.sql") < position("build_candidate.sql"));
    }

    #[test]
    fn every_function_file_is_applied() {
        assert_eq!(functions().len(), FUNCTION_FILES.files().count());
    }
}
