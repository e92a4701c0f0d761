//! Goal 8: what it costs to see a table as it was, and to undo a generation.

use anyhow::{Context, Result, ensure};
use tokio_postgres::error::SqlState;

use crate::measure::{Spread, median};
use crate::report::{Table, count, milliseconds};
use crate::subject::measured;
use crate::world::{Session, UPKEEP_OFF, World};

/// One in a hundred back / reading the table.
const NEAR: f64 = 4.0;
/// Anywhere / reading the events.
const ANYWHERE: f64 = 30.0;
/// Reverting a generation / a keyed update of the same rows.
const REVERT: f64 = 1.5;

/// When a revert is given up, in seconds.
const PATIENCE_SECONDS: u32 = 60;

/// Generations that insert.
const INSERTING: i64 = 20;
/// Generations that each update one row in twenty.
const UPDATING: i64 = 80;

/// How many generations back it goes.
const BACK: [i64; 5] = [1, 10, 50, 51, 90];

/// What is read of a table: every column, into next to nothing.
const SINK: &str =
    "count(*) AS rows, max(distro) AS distro, max(version) AS version, count(*) FILTER (WHERE archived) AS archived";

/// Whether a table is as it was.
const DIGEST: &str = "count(*), coalesce(sum(hashtextextended(concat_ws(' ', distro, version, archived), 0)), 0)::text";

/// Goal 8.
pub async fn goal(world: &World, table: &mut Table) -> Result<()> {
    let digests = history(world).await?;
    let session = world.session("history").await?;
    session.run("SET max_parallel_workers_per_gather = 0").await?;
    reading(world, table, &session, &digests).await?;
    reverting(world, table, &session).await
}

/// The rows and their digest as of a generation.
type Digest = (i64, String);

async fn digest(session: &Session, from: &str) -> Result<Digest> {
    let row = session.client.query_one(&format!("SELECT {DIGEST} FROM {from}"), &[]).await.with_context(|| from.to_owned())?;
    Ok((row.get(0), row.get(1)))
}

/// Makes the database, and gives what the table held as of each of [`BACK`].
async fn history(world: &World) -> Result<Vec<(i64, Digest)>> {
    let step = world.extent.step;
    world.make("history").await?;
    let session = world.session("history").await?;
    session.run(UPKEEP_OFF).await?;
    session.run("TRUNCATE event, generation RESTART IDENTITY").await?;
    session.run(&functions()).await?;
    let mut digests = Vec::new();
    for number in 1..=INSERTING + UPDATING {
        let change = if number <= INSERTING { "kver_insert" } else { "change" };
        let (from, to) = if number <= INSERTING { ((number - 1) * step + 1, number * step) } else { (number % 20, number) };
        session.cost(change, from, to, step).await?;
        if BACK.contains(&(INSERTING + UPDATING - number)) {
            let generation = session.number("SELECT max(id) FROM generation").await?;
            digests.push((generation, digest(&session, "kver").await?));
        }
    }
    digests.reverse();
    let events = session.number("SELECT count(*) FROM event").await?;
    ensure!(events == (INSERTING + UPDATING) * step, "expected {} events, got {events}", (INSERTING + UPDATING) * step);
    session.run("VACUUM ANALYZE").await?;
    session.run("CHECKPOINT").await?;
    Ok(digests)
}

/// What is measured, as functions of the server.
fn functions() -> String {
    let read = |from: &str| {
        format!(
            "DECLARE
        s record;
    BEGIN
        SELECT {SINK} INTO s FROM {from} AS t;
        touched := s.rows;
    END;"
        )
    };
    let keyed = "UPDATE public.kver t SET archived = NOT t.archived
    FROM (SELECT s.distro, s.version FROM bench.source s WHERE s.n % 20 = a AND s.n <= (SELECT count(*) FROM public.kver)) AS s
    WHERE t.distro = s.distro AND t.version = s.version;
    GET DIAGNOSTICS touched = ROW_COUNT;";
    [
        measured("change", keyed),
        measured("read_now", &read("public.kver")),
        measured("read_as_of", &read("public.kver_at(a)")),
        measured(
            "read_events",
            "DECLARE
        s record;
    BEGIN
        SELECT count(pkey) AS rows, count(fields) AS fields, max(id) AS id INTO s FROM public.event;
        touched := s.rows;
    END;",
        ),
        measured("revert", "PERFORM public.generation_revert(a);\n    touched := 1;"),
    ]
    .concat()
}

async fn reading(world: &World, table: &mut Table, session: &Session, digests: &[(i64, Digest)]) -> Result<()> {
    let rounds = world.extent.rounds;
    let (rows, _) = digest(session, "kver").await?;
    let events = session.number("SELECT count(*) FROM event").await?;
    for (back, (generation, then)) in BACK.into_iter().zip(digests) {
        let got = digest(session, &format!("kver_at({generation})")).await?;
        ensure!(got == *then, "expected kver_at({generation}) to give what was there, {then:?}, got {got:?}");
        let mut figures = Vec::new();
        for round in 0..=rounds {
            let mut three = [0.0; 3];
            for turn in 0..3 {
                let side = (turn + round) % 3;
                let (function, expected) = [("read_as_of", then.0), ("read_now", rows), ("read_events", events)][side];
                three[side] = session.cost(function, *generation, 0, expected).await?.seconds;
            }
            if round > 0 {
                figures.push(three);
            }
        }
        let [as_of, now, journal] = [0, 1, 2].map(|side| milliseconds(median(figures.iter().map(|three| three[side]))));
        let what = format!("kver of {} rows as of {} events ago", count(rows), count(back * world.extent.step));
        let output = Spread::of(figures.iter().map(|three| three[0] / three[1]));
        let input = Spread::of(figures.iter().map(|three| three[0] / three[2]));
        let first = format!("{what} / reading the table ({as_of} / {now})");
        if back == 1 {
            table.at_most(8, &first, output, NEAR);
        } else {
            table.told_ratio(8, &first, output);
        }
        let second = format!("{what} / reading {} events ({as_of} / {journal})", count(events));
        table.at_most(8, &second, input, ANYWHERE);
    }
    Ok(())
}

async fn reverting(world: &World, table: &mut Table, session: &Session) -> Result<()> {
    let mut figures = Vec::new();
    for round in 0..=world.extent.rounds {
        session.run("VACUUM kver").await?;
        session.run("CHECKPOINT").await?;
        let before = digest(session, "kver").await?;
        let update = session.cost("change", 7, 0, world.extent.step).await?.seconds;
        let generation = session.number("SELECT max(id) FROM generation").await?;
        ensure!(digest(session, "kver").await? != before, "expected an update that changes something");
        session.run("VACUUM kver").await?;
        session.run("CHECKPOINT").await?;
        session.run(&format!("SET statement_timeout = '{PATIENCE_SECONDS}s'")).await?;
        let revert = match session.cost("revert", generation, 0, 1).await {
            Ok(cost) => cost.seconds,
            Err(error) if is_canceled(&error) => {
                let what = format!("revert of a generation of {} updates", count(world.extent.step));
                table.must(
                    8,
                    &what,
                    &format!("not done after {PATIENCE_SECONDS} s"),
                    &format!("≤ {REVERT} keyed updates"),
                    false,
                );
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        session.run("RESET statement_timeout").await?;
        ensure!(
            digest(session, "kver").await? == before,
            "expected the revert of generation {generation} to bring all rows back"
        );
        if round > 0 {
            figures.push([revert, update]);
        }
    }
    let [revert, update] = [0, 1].map(|side| milliseconds(median(figures.iter().map(|pair| pair[side]))));
    let what =
        format!("revert of a generation of {} updates / a keyed update of them ({revert} / {update})", count(world.extent.step));
    table.at_most(8, &what, Spread::of(figures.iter().map(|[revert, update]| revert / update)), REVERT);
    Ok(())
}

/// Whether the server gave a statement up.
fn is_canceled(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<tokio_postgres::Error>();
    error.and_then(tokio_postgres::Error::code) == Some(&SqlState::QUERY_CANCELED)
}
