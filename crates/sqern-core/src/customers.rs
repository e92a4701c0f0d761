//! Customers: reports of their hosts, and loads of reports.
//!
//! A report contains the clusters of customers, their hosts, and the running and installed kernels
//! of each host. [`receive`] reads a report, [`load`] records it, and [`this_host()`] creates the entry of this machine.

mod compression;
mod csv;
mod encoding;
mod input;
mod invalid;
mod json;
mod load;
#[cfg(test)]
mod properties;
mod reader;
mod rows;
mod stored_rows;
mod this_host;

pub use csv::HEADER;
pub use input::ReportFormat;
pub use invalid::InvalidReport;
pub use load::{
    LoadEvent, LoadOutcome, LoadRequest, ReceivedReport, ReportShrink, known_names, load, receive,
};
pub use reader::ReportSource;
pub use rows::KnownNames;
pub use sqern_db::cust::load::{Change, CompareError, Counts, Place, Totals};
pub use this_host::{MODULES_DIR, Report, ReportedCluster, this_host};
