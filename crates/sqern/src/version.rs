//! Which sqern this is.

use std::sync::LazyLock;

use sqern_db::migrate;

/// The commit that the program was built from, abbreviated, with `+` if the sources had changes;
/// `unknown` without git.
pub const COMMIT: &str = env!("SQERN_COMMIT");

/// Returns the text of `--version`: the version, the commit and the latest version of the schema.
#[must_use]
pub fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(|| {
        let schema = migrate::latest().map_or_else(
            || "none".to_owned(),
            |(version, name)| format!("{version} ({name})"),
        );
        format!(
            "{}\ncommit  {COMMIT}\nschema  {schema}",
            env!("CARGO_PKG_VERSION")
        )
    });
    &LONG
}
