//! Measures the journal against its goals, and prints a Markdown table: goal, what, measured, limit, verdict.
//!
//! Run it with `scripts/bench`; docs/reference/benchmarks.md tells how each figure is made. Two databases of one durable server, made from
//! one template, stand beside each other: one with the journal's triggers, one without. They take turns, round by round; what
//! counts is the median of the rounds' ratios.

mod args;
mod as_of;
mod bulk;
mod follower;
mod ignored;
mod measure;
mod report;
mod scale;
mod single;
mod subject;
mod turns;
mod wal;
mod world;

use std::process::ExitCode;

use anyhow::Result;

use args::{Args, Asked};
use report::Table;
use world::World;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = match Args::read(std::env::args().skip(1)) {
        Asked::Run(args) => args,
        Asked::Say(text, status) => {
            report::print(&text);
            return Ok(ExitCode::from(status));
        }
    };
    let world = World::start(args.quick, args.cpu).await?;
    let mut table = Table::begin();
    for goal in args.goals.iter().copied() {
        match goal {
            1 => bulk::cost(&world, &mut table).await?,
            2 => wal::goal(&world, &mut table).await?,
            3 => scale::goal(&world, &mut table).await?,
            4 => single::goal(&world, &mut table).await?,
            5 => bulk::nothing_new(&world, &mut table).await?,
            6 => ignored::goal(&world, &mut table).await?,
            7 => follower::goal(&world, &mut table).await?,
            _ => as_of::goal(&world, &mut table).await?,
        }
    }
    table.end();
    let gate_failed = args.gate && table.falls_short(args::GATE);
    Ok(if gate_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
