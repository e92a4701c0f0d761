//! Goal 1: statements of many rows. Goal 5: statements that change no rows.

use anyhow::Result;

use crate::measure::{Spread, median};
use crate::paired::{self, Keys, Pair, Position};
use crate::report::{Table, count, milliseconds};
use crate::server::BenchServer;
use crate::subject::{Change, SUBJECTS};

/// With a journal / without.
const COST: f64 = 2.6;
/// Added time / insert of the same events.
const ADDED: f64 = 1.2;
/// No changed rows, with a journal / without.
const UNCHANGED: f64 = 1.15;

/// Measures goal 1.
pub async fn cost(server: &BenchServer, table: &mut Table) -> Result<()> {
    let bench_size = server.size;
    for subject in &SUBJECTS[..bench_size.tables] {
        let later = (bench_size.many, 1, Position::Later);
        for (rows, repeats, position) in [
            (bench_size.few, bench_size.repeats, Position::First),
            (bench_size.many, 1, Position::First),
            later,
        ] {
            let checked =
                paired::measure(server, subject, rows, repeats, Keys::Checked, position).await?;
            let unchecked =
                paired::measure(server, subject, rows, repeats, Keys::Unchecked, position).await?;
            for ((change, checked), unchecked) in
                Change::ALL.into_iter().zip(&checked).zip(&unchecked)
            {
                let later = if position == Position::Later {
                    ", later change"
                } else {
                    ""
                };
                let name = format!(
                    "{} {} of {}{later}",
                    subject.table,
                    subject.label(change),
                    count(rows)
                );
                report_change(table, &name, change, checked, unchecked);
            }
        }
    }
    Ok(())
}

/// Reports the total time of a change, and the time that the journal adds.
fn report_change(
    table: &mut Table,
    name: &str,
    change: Change,
    checked: &[Pair],
    unchecked: &[Pair],
) {
    let [with, without] = times(
        checked,
        [|pair| pair.journaled.seconds, |pair| pair.plain.seconds],
    );
    let measurement = format!("{name}, with / without a journal ({with} / {without})");
    let ratio = Spread::of(
        checked
            .iter()
            .map(|pair| pair.journaled.seconds / pair.plain.seconds),
    );
    if change == Change::Update {
        table.report_ratio(1, &measurement, ratio);
        return;
    }
    table.at_most(1, &measurement, ratio, COST);
    let [added, inserted] = times(
        unchecked,
        [Pair::added_seconds, |pair| pair.inserted.seconds],
    );
    let measurement =
        format!("{name}, added time / insert of the same events ({added} / {inserted})");
    table.at_most(
        1,
        &measurement,
        Spread::of(
            unchecked
                .iter()
                .map(|pair| pair.added_seconds() / pair.inserted.seconds),
        ),
        ADDED,
    );
}

/// Returns the medians of two times.
fn times(pairs: &[Pair], values: [fn(&Pair) -> f64; 2]) -> [String; 2] {
    values.map(|value| milliseconds(median(pairs.iter().map(value))))
}

/// Measures goal 5.
pub async fn nothing_new(server: &BenchServer, table: &mut Table) -> Result<()> {
    server.make_twins().await?;
    let bench_size = server.size;
    let (mut events, mut generations) = (0, 0);
    for subject in &SUBJECTS[..bench_size.tables] {
        let sides = [
            server.session("journaled").await?,
            server.session("plain").await?,
        ];
        for session in &sides {
            session
                .run("SET plan_cache_mode = force_generic_plan")
                .await?;
            if !subject.is_kver {
                session
                    .cost(
                        &format!("{}_insert", subject.table),
                        1,
                        bench_size.many,
                        bench_size.many,
                    )
                    .await?;
            }
        }
        let mut pairs = Vec::new();
        for round in 0..=bench_size.rounds {
            server.settle(&["journaled", "plain"]).await?;
            let mut costs = [Vec::new(), Vec::new()];
            for repeat in 0..3 {
                for order in 0..2 {
                    let side = (order + repeat + round) % 2;
                    let cost = sides[side]
                        .cost(&format!("{}_upsert", subject.table), 1, bench_size.many, 0)
                        .await?;
                    costs[side].push(cost.seconds);
                }
            }
            events += sides[0]
                .number("SELECT count(*) FROM event WHERE generation > 0")
                .await?;
            generations += sides[0].number("SELECT count(*) FROM generation").await?;
            if round > 0 {
                pairs.push(costs.map(median));
            }
        }
        let ratio = Spread::of(pairs.iter().map(|[journaled, plain]| journaled / plain));
        let [with, without] =
            [0, 1].map(|side| milliseconds(median(pairs.iter().map(|pair| pair[side]))));
        let measurement = format!(
            "{} DO NOTHING of {}, with / without a journal ({with} / {without})",
            subject.table,
            count(bench_size.many)
        );
        table.at_most(5, &measurement, ratio, UNCHANGED);
        for session in &sides {
            if !subject.is_kver {
                session
                    .cost(
                        &format!("{}_delete", subject.table),
                        1,
                        bench_size.many,
                        bench_size.many,
                    )
                    .await?;
            }
        }
    }
    table.exactly(5, "events of these statements", events, 0);
    table.exactly(5, "generations of these statements", generations, 0);
    Ok(())
}
