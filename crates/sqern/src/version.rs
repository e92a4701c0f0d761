//! Which sqern this is.

use std::sync::LazyLock;

use sqern_db::migrate;

/// The commit that the program was built from, short, with `+` where its sources were changed since; `unknown` where there was no git.
pub const COMMIT: &str = env!("SQERN_COMMIT");

/// What `--version` prints after the program's name: its version, its commit, and the schema that it brings.
#[must_use]
pub fn long() -> &'static str {
    static LONG: LazyLock<String> = LazyLock::new(|| {
        let schema =
            migrate::latest().map_or_else(|| "none".to_owned(), |newest| format!("{} ({})", newest.version, newest.name));
        format!("{}\ncommit  {COMMIT}\nschema  {schema}", env!("CARGO_PKG_VERSION"))
    });
    &LONG
}
