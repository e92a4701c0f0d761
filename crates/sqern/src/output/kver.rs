//! The output of `sqern kver`.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sqern_core::reports::kernel_state;
use sqern_db::kver::{Kver, KverPackage};
use sqern_model::counted;
use sqern_model::escape::escape_value;

use crate::printer::{Column, Document, Record, time};

impl Record for KernelRow {
    const SCHEMA: &'static str = "kver.list/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("version"),
        Column::time("seen_at").headed("seen"),
        Column::time("fetched_at").headed("fetched"),
        Column::name("state"),
    ];
}

/// A kernel version and its state: wanted, ignored or archived.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KernelRow {
    #[serde(flatten)]
    kver: Kver,
    /// `wanted`, `ignored` or `archived`.
    state: &'static str,
}

impl From<Kver> for KernelRow {
    fn from(kver: Kver) -> Self {
        Self {
            state: state(&kver),
            kver,
        }
    }
}

/// A kernel version with its packages.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ShownKernel {
    #[serde(flatten)]
    pub kver: Kver,
    /// The packages of the kernel.
    pub packages: Vec<KverPackage>,
}

/// Returns the text of a kernel.
#[must_use]
pub fn describe(shown: &ShownKernel) -> String {
    let ShownKernel { kver, packages } = shown;
    let or_never =
        |at: Option<Timestamp>| at.map_or_else(|| "not yet".to_owned(), |at| time(Some(at)));
    let mut text = format!(
        "{}\n  state    {}\n  seen     {}\n  fetched  {}",
        kver.kernel,
        state(kver),
        or_never(kver.seen_at),
        or_never(kver.fetched_at)
    );
    for package in packages {
        let gone = package
            .gone_at
            .map(|at| format!(", no longer listed since {}", time(Some(at))))
            .unwrap_or_default();
        let line = format!(
            "{:<8} {} {} {} ({}, from {}, {}{gone})",
            package.role,
            package.name,
            package.package_version,
            package.architecture,
            counted(package.size_bytes, "byte"),
            package.source,
            verification(package)
        );
        text.push_str(&format!(
            "\n  {}\n           {}",
            escape_value(&line),
            escape_value(&package.url)
        ));
    }
    text
}

/// Returns whether the source of a package is authenticated, as text.
pub(super) fn verification(package: &KverPackage) -> String {
    match package.verified_by.as_deref() {
        None => "NOT VERIFIED".to_owned(),
        Some("apt") => "verified by apt".to_owned(),
        Some(fingerprint) => format!("verified by key {fingerprint}"),
    }
}

fn state(kver: &Kver) -> &'static str {
    kernel_state(kver.archived, !kver.ignored)
}

impl Document for Vec<ShownKernel> {
    const SCHEMA: &'static str = "kver.show/1";
}
