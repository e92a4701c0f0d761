//! Measures the goals of the journal, and prints a Markdown table.
//!
//! `scripts/bench` runs it. docs/reference/benchmarks.md describes the measurements. Two databases
//! of a durable server are created from the same template: one with the triggers of the journal,
//! and one without. They alternate in each round. A result is the median of the ratios of all
//! rounds.

mod args;
mod as_of;
mod bulk;
mod follower;
mod ignored;
mod measure;
mod paired;
mod report;
mod scale;
mod server;
mod single;
mod subject;
mod wal;

use std::process::ExitCode;

use anyhow::Result;

use args::{Action, Args};
use report::Table;
use server::BenchServer;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = match Args::parse(std::env::args().skip(1)) {
        Action::Run(args) => args,
        Action::Print(text, status) => {
            report::print(&text);
            return Ok(ExitCode::from(status));
        }
    };
    let server = BenchServer::start(args.quick, args.cpu).await?;
    let mut table = Table::begin();
    for goal in args.goals.iter().copied() {
        match goal {
            1 => bulk::cost(&server, &mut table).await?,
            2 => wal::goal(&server, &mut table).await?,
            3 => scale::goal(&server, &mut table).await?,
            4 => single::goal(&server, &mut table).await?,
            5 => bulk::nothing_new(&server, &mut table).await?,
            6 => ignored::goal(&server, &mut table).await?,
            7 => follower::goal(&server, &mut table).await?,
            _ => as_of::goal(&server, &mut table).await?,
        }
    }
    table.end();
    let gate_failed = args.gate && table.is_missed(args::GATE);
    Ok(if gate_failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
