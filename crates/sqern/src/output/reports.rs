//! The lists and HTML pages of reports.

pub mod activity;
pub mod coverage;
pub mod lag;
pub mod risk;

use sqern_core::reports::ReportQuery;
use sqern_model::{DistroName, Kernel};

use super::html::{Cell, Fact};

/// Describes the selection of a report.
fn selection(query: &ReportQuery) -> Vec<Fact> {
    let or_all = |value: &Option<String>| value.clone().unwrap_or_else(|| "all".to_owned());
    vec![
        ("Release target", or_all(&query.target)),
        ("Revision", or_all(&query.revision)),
        distributions(&query.distros),
    ]
}

/// Describes the selected distributions.
fn distributions(distros: &[DistroName]) -> Fact {
    ("Distributions", list_or_all(distros))
}

/// Joins names; no names select all.
fn list_or_all<T: ToString>(names: &[T]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    if names.is_empty() {
        "all".to_owned()
    } else {
        names.join(", ")
    }
}

/// Returns the cells of a kernel: the version, which is the heading of the row, and the
/// distribution.
fn kernel_cells(kernel: &Kernel) -> [Cell; 2] {
    [Cell::name(&kernel.version), Cell::name(&kernel.distro)]
}
