//! The output of `sqern distro`.

use schemars::JsonSchema;
use serde::Serialize;
use sqern_db::distro::{Distro, NewDistro};

use super::metadata::ListMetadata;
use crate::printer::{Column, Record};

/// A distribution, and the result of its newest check.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ListedDistro {
    #[serde(flatten)]
    distro: Distro,
    /// `not checked`, `complete` or `incomplete`.
    upstream: &'static str,
}

impl ListedDistro {
    /// Returns the distribution with the result of its check.
    #[must_use]
    pub fn new(distro: Distro, frame: &ListMetadata) -> Self {
        let upstream = match distro.checked_at {
            None => "not checked",
            Some(_) if frame.is_incomplete(&distro.name) => "incomplete",
            Some(_) => "complete",
        };
        Self { distro, upstream }
    }
}

impl Record for ListedDistro {
    const SCHEMA: &'static str = "distro.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("name"),
        Column::name("variant").optional(),
        Column::name("supported"),
        Column::number("kernels"),
        Column::status("upstream"),
        Column::time("checked_at").headed("checked"),
    ];
}

/// Returns a distribution as one line.
#[must_use]
pub fn describe(distro: &NewDistro) -> String {
    format!(
        "{} ({}), {}",
        distro.name,
        distro.variant,
        if distro.supported {
            "supported"
        } else {
            "not supported"
        }
    )
}
