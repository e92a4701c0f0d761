//! The output of `sqern store`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_core::store_sync::StoredKernel;
use sqern_model::Kernel;

use crate::printer::{Column, Kind, Record};

/// A kernel in the database and on disk.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StoreRow {
    #[serde(flatten)]
    kernel: Kernel,
    /// The time of the fetch in the database.
    fetched_at: Option<Timestamp>,
    /// The time at which the tree was created.
    made_at: Option<String>,
    /// The number of files in the tree.
    files: Option<u64>,
    /// The size of the tree, in bytes.
    bytes: Option<u64>,
    /// The vermagic of the module that was compiled in the tree.
    vermagic: Option<String>,
    /// Whether a module was compiled in the tree.
    is_proven: bool,
    /// The inconsistency, if any.
    problem: Option<String>,
}

impl Record for StoreRow {
    const SCHEMA: &'static str = "store.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("version"),
        Column::time("fetched_at").headed("fetched").optional(),
        Column::new("bytes", Kind::Bytes).headed("size"),
        Column::name("is_proven").headed("proven").optional(),
        Column::text("problem"),
    ];
}

impl From<StoredKernel> for StoreRow {
    fn from(stored: StoredKernel) -> Self {
        let StoredKernel {
            kernel,
            fetched_at,
            manifest,
            problem,
        } = stored;
        Self {
            kernel,
            fetched_at,
            made_at: manifest.as_ref().map(|manifest| manifest.made_at.clone()),
            files: manifest.as_ref().map(|manifest| manifest.tree.files),
            bytes: manifest.as_ref().map(|manifest| manifest.tree.bytes),
            is_proven: manifest
                .as_ref()
                .is_some_and(|manifest| manifest.vermagic.is_some()),
            vermagic: manifest.and_then(|manifest| manifest.vermagic),
            problem: problem.map(|problem| problem.to_string()),
        }
    }
}
