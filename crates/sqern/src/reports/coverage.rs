//! The report `coverage`: the kernels of each distribution by stage.

use std::collections::BTreeMap;

use serde::Serialize;
use sqern_db::status::{Stage, Status};

use super::html::{Cell, HeatMap, share};
use super::wanted;
use crate::printer::{Column, Kind, Record};

/// How far the kernels of a distribution are.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Coverage {
    distro: String,
    known: u64,
    seen: u64,
    fetched: u64,
    built: u64,
    tested: u64,
    available: u64,
    /// All that are wanted.
    wanted: u64,
    /// Those that are ignored or archived.
    unwanted: u64,
    /// The share of wanted kernels that are available; `None` without wanted kernels.
    share_available: Option<f64>,
}

impl Coverage {
    fn count_mut(&mut self, stage: Stage) -> &mut u64 {
        match stage {
            Stage::Known => &mut self.known,
            Stage::Seen => &mut self.seen,
            Stage::Fetched => &mut self.fetched,
            Stage::Built => &mut self.built,
            Stage::Tested => &mut self.tested,
            Stage::Available => &mut self.available,
        }
    }

    /// By stage, in their order.
    fn counts(&self) -> [u64; 6] {
        [self.known, self.seen, self.fetched, self.built, self.tested, self.available]
    }
}

impl Record for Coverage {
    const SCHEMA: &'static str = "report.coverage/1";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::number("known"),
        Column::number("seen"),
        Column::number("fetched"),
        Column::number("built"),
        Column::number("tested"),
        Column::number("available"),
        Column::number("wanted"),
        Column::new("share_available", Kind::Share).headed("share"),
        Column::number("unwanted"),
    ];
}

impl Record for KernelStatus<'_> {
    const SCHEMA: &'static str = "report.coverage.kernels/2";
    const COLUMNS: &'static [Column] = &[
        Column::name("distro"),
        Column::name("version"),
        Column::status("stage"),
        Column::name("state").omitted_if("wanted"),
        Column::status("missing"),
        Column::time("missing_since").headed("since"),
        Column::number("hosts_running").headed("running"),
        Column::number("hosts_installed").headed("installed"),
    ];
}

/// A kernel and its state: wanted, ignored or archived.
#[derive(Debug, Serialize)]
pub struct KernelStatus<'a> {
    #[serde(flatten)]
    status: &'a Status,
    state: &'static str,
}

impl<'a> From<&'a Status> for KernelStatus<'a> {
    fn from(status: &'a Status) -> Self {
        Self { status, state: wanted(status) }
    }
}

/// The numbers of a list of kernels, by distribution.
#[must_use]
pub fn coverage(kernels: &[Status]) -> Vec<Coverage> {
    let mut distros: BTreeMap<_, Coverage> = BTreeMap::new();
    for one in kernels {
        let counts = distros
            .entry(&one.kernel.distro)
            .or_insert_with(|| Coverage { distro: one.kernel.distro.to_string(), ..Coverage::default() });
        if one.wanted {
            counts.wanted += 1;
            *counts.count_mut(one.stage) += 1;
        } else {
            counts.unwanted += 1;
        }
    }
    let with_share = |mut counts: Coverage| {
        counts.share_available = (counts.wanted > 0).then(|| share(counts.available, counts.wanted));
        counts
    };
    distros.into_values().map(with_share).collect()
}

/// The picture: of each distribution, which share of its wanted kernels is at which stage.
#[must_use]
pub fn heat_map(coverage: &[Coverage]) -> HeatMap {
    let row = |one: &Coverage| {
        let cell = |count| (count > 0).then(|| Cell { shade: share(count, one.wanted), text: count.to_string() });
        (one.distro.clone(), one.counts().map(cell).to_vec())
    };
    HeatMap {
        title: "Wanted kernels by last reached stage".to_owned(),
        columns: Stage::ALL.iter().map(|stage| stage.as_str().to_owned()).collect(),
        rows: coverage.iter().map(row).collect(),
    }
}
