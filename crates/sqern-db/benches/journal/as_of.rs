//! Goal 8: queries of earlier states, and reverts.

use anyhow::{Context, Result, ensure};
use tokio_postgres::error::SqlState;

use crate::measure::{Spread, median};
use crate::report::{Table, count, milliseconds};
use crate::server::{BenchServer, MAINTENANCE_OFF, Session};
use crate::subject::measured;

/// Query of the preceding generation / query of the table.
const RECENT: f64 = 4.0;
/// Query of any earlier state / query of all events.
const ANY: f64 = 30.0;
/// Revert of a generation / update of the same rows by key.
const REVERT: f64 = 1.5;

/// Time limit of a revert, in seconds.
const REVERT_LIMIT_SECONDS: u32 = 60;

/// Generations of inserts.
const INSERTS: i64 = 20;
/// Generations of updates, each of one of 20 rows.
const UPDATES: i64 = 80;

/// Ages of the queried states, in generations.
const AGES: [i64; 5] = [1, 10, 50, 51, 90];

/// A query of every column with a small result.
const AGGREGATES: &str = "count(*) AS rows, max(distro) AS distro, max(version) AS version, count(*) FILTER (WHERE archived) AS archived";

/// The number of rows and a hash of a table.
const DIGEST: &str = "count(*), coalesce(sum(hashtextextended(concat_ws(' ', distro, version, archived), 0)), 0)::text";

/// Measures goal 8.
pub async fn goal(server: &BenchServer, table: &mut Table) -> Result<()> {
    let digests = history(server).await?;
    let session = server.session("history").await?;
    session
        .run("SET max_parallel_workers_per_gather = 0")
        .await?;
    measure_queries(server, table, &session, &digests).await?;
    measure_reverts(server, table, &session).await
}

/// The number of rows and their hash.
type Digest = (i64, String);

async fn digest(session: &Session, from: &str) -> Result<Digest> {
    let row = session
        .client
        .query_one(&format!("SELECT {DIGEST} FROM {from}"), &[])
        .await
        .with_context(|| from.to_owned())?;
    Ok((row.get(0), row.get(1)))
}

/// Creates the database, and returns a generation and the digest of its state for each of [`AGES`].
async fn history(server: &BenchServer) -> Result<Vec<(i64, Digest)>> {
    let step = server.size.step;
    server.make("history").await?;
    let session = server.session("history").await?;
    session.run(MAINTENANCE_OFF).await?;
    session
        .run("TRUNCATE event, generation, generation_commit RESTART IDENTITY")
        .await?;
    session.run(&functions()).await?;
    let mut digests = Vec::new();
    for number in 1..=INSERTS + UPDATES {
        let change = if number <= INSERTS {
            "kver_insert"
        } else {
            "change"
        };
        let (from, to) = if number <= INSERTS {
            ((number - 1) * step + 1, number * step)
        } else {
            (number % 20, number)
        };
        session.cost(change, from, to, step).await?;
        if AGES.contains(&(INSERTS + UPDATES - number)) {
            let generation = session.number("SELECT max(id) FROM generation").await?;
            digests.push((generation, digest(&session, "kver").await?));
        }
    }
    digests.reverse();
    let events = session.number("SELECT count(*) FROM event").await?;
    ensure!(
        events == (INSERTS + UPDATES) * step,
        "the journal contains {events} instead of {} events",
        (INSERTS + UPDATES) * step
    );
    session.run("VACUUM ANALYZE").await?;
    session.run("CHECKPOINT").await?;
    Ok(digests)
}

/// Returns the measured functions as SQL.
fn functions() -> String {
    let read = |from: &str| {
        format!(
            "DECLARE
        s record;
    BEGIN
        SELECT {AGGREGATES} INTO s FROM {from} AS t;
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
        measured(
            "revert",
            "PERFORM public.generation_revert(a);\n    touched := 1;",
        ),
    ]
    .concat()
}

async fn measure_queries(
    server: &BenchServer,
    table: &mut Table,
    session: &Session,
    digests: &[(i64, Digest)],
) -> Result<()> {
    let rounds = server.size.rounds;
    let (rows, _) = digest(session, "kver").await?;
    let events = session.number("SELECT count(*) FROM event").await?;
    for (age, (generation, expected)) in AGES.into_iter().zip(digests) {
        let found = digest(session, &format!("kver_at({generation})")).await?;
        ensure!(
            found == *expected,
            "kver_at({generation}) returned {found:?} instead of {expected:?}"
        );
        let mut figures = Vec::new();
        for round in 0..=rounds {
            let mut three = [0.0; 3];
            for order in 0..3 {
                let side = (order + round) % 3;
                let (function, rows) = [
                    ("read_as_of", expected.0),
                    ("read_now", rows),
                    ("read_events", events),
                ][side];
                three[side] = session.cost(function, *generation, 0, rows).await?.seconds;
            }
            if round > 0 {
                figures.push(three);
            }
        }
        let [as_of, now, journal] =
            [0, 1, 2].map(|side| milliseconds(median(figures.iter().map(|three| three[side]))));
        let measurement = format!(
            "kver of {} rows, {} events ago",
            count(rows),
            count(age * server.size.step)
        );
        let output = Spread::of(figures.iter().map(|three| three[0] / three[1]));
        let input = Spread::of(figures.iter().map(|three| three[0] / three[2]));
        let first = format!("{measurement} / query of the table ({as_of} / {now})");
        if age == 1 {
            table.at_most(8, &first, output, RECENT);
        } else {
            table.report_ratio(8, &first, output);
        }
        let second = format!(
            "{measurement} / query of {} events ({as_of} / {journal})",
            count(events)
        );
        table.at_most(8, &second, input, ANY);
    }
    Ok(())
}

async fn measure_reverts(server: &BenchServer, table: &mut Table, session: &Session) -> Result<()> {
    let mut figures = Vec::new();
    for round in 0..=server.size.rounds {
        session.run("VACUUM kver").await?;
        session.run("CHECKPOINT").await?;
        let before = digest(session, "kver").await?;
        let update = session
            .cost("change", 7, 0, server.size.step)
            .await?
            .seconds;
        let generation = session.number("SELECT max(id) FROM generation").await?;
        ensure!(
            digest(session, "kver").await? != before,
            "the update changed no rows"
        );
        session.run("VACUUM kver").await?;
        session.run("CHECKPOINT").await?;
        session
            .run(&format!(
                "SET statement_timeout = '{REVERT_LIMIT_SECONDS}s'"
            ))
            .await?;
        let revert = match session.cost("revert", generation, 0, 1).await {
            Ok(cost) => cost.seconds,
            Err(error) if is_canceled(&error) => {
                let measurement = format!(
                    "revert of a generation of {} updates",
                    count(server.size.step)
                );
                table.check(
                    8,
                    &measurement,
                    &format!("canceled after {REVERT_LIMIT_SECONDS} s"),
                    &format!("≤ {REVERT} updates by key"),
                    false,
                );
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        session.run("RESET statement_timeout").await?;
        ensure!(
            digest(session, "kver").await? == before,
            "the revert of generation {generation} did not restore all rows"
        );
        if round > 0 {
            figures.push([revert, update]);
        }
    }
    let [revert, update] =
        [0, 1].map(|side| milliseconds(median(figures.iter().map(|pair| pair[side]))));
    let measurement = format!(
        "revert of a generation of {} updates / update of the same rows by key ({revert} / {update})",
        count(server.size.step)
    );
    table.at_most(
        8,
        &measurement,
        Spread::of(figures.iter().map(|[revert, update]| revert / update)),
        REVERT,
    );
    Ok(())
}

/// Returns whether the server canceled the statement.
fn is_canceled(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<tokio_postgres::Error>();
    error.and_then(tokio_postgres::Error::code) == Some(&SqlState::QUERY_CANCELED)
}
