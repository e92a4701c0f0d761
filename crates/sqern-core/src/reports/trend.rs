//! The development of a report over the last weeks.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use sqern_db::{AsOf, DbError};
use sqern_model::At;
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use crate::Error;

/// The ages of the values in weeks: about 90 days. A slow computation omits the last ones of this
/// list.
const AGES: [i32; 13] = [0, 12, 6, 3, 9, 1, 2, 4, 5, 7, 8, 10, 11];
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The duration after which no further value is computed, and the maximum duration of each query.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// The development of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trend {
    /// The values from the oldest to the newest. Times before the first generation have no value.
    pub points: Vec<TrendPoint>,
    /// Whether values are omitted, because the computation would take more than 2 seconds.
    pub is_partial: bool,
}

/// The value of a report as of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrendPoint {
    /// The time.
    pub at: Timestamp,
    /// The counted part.
    pub part: u64,
    /// The total.
    pub whole: u64,
}

/// Returns the values of a report as of weekly times until `end`. `value` returns the part and the
/// total.
///
/// The server cancels a query that exceeds the time limit. The transaction remains usable.
pub(super) async fn weekly(
    transaction: &Transaction<'_>,
    end: Timestamp,
    value: impl AsyncFn(&AsOf) -> Result<(u64, u64), Error>,
) -> Result<Trend, Error> {
    let limit = format!(
        "SAVEPOINT trend; SET LOCAL statement_timeout = {}",
        TIME_LIMIT.as_millis()
    );
    transaction
        .batch_execute(&limit)
        .await
        .map_err(DbError::from)?;
    let mut trend = Trend::default();
    let computed = compute(&mut trend, transaction, end, value).await;
    // The rollback also restores the setting.
    transaction
        .batch_execute("ROLLBACK TO SAVEPOINT trend")
        .await
        .map_err(DbError::from)?;
    match computed {
        Err(Error::Db(DbError::Postgres(error)))
            if error.code() == Some(&SqlState::QUERY_CANCELED) =>
        {
            trend.is_partial = true;
        }
        computed => computed?,
    }
    trend.points.sort_by_key(|point| point.at);
    Ok(trend)
}

/// Computes values until the time limit.
async fn compute(
    trend: &mut Trend,
    transaction: &Transaction<'_>,
    end: Timestamp,
    value: impl AsyncFn(&AsOf) -> Result<(u64, u64), Error>,
) -> Result<(), Error> {
    let started = Instant::now();
    // Times without a change between them have the same generation.
    let mut values: HashMap<i64, (u64, u64)> = HashMap::new();
    let mut slowest = Duration::ZERO;
    for age in AGES {
        let at = end - WEEK * age;
        let AsOf::Past(state) = AsOf::resolve(transaction, At::Time(at)).await? else {
            continue;
        };
        let generation = state.generation;
        if generation == 0 {
            continue;
        }
        let (part, whole) = match values.get(&generation) {
            Some(value) => *value,
            None if started.elapsed() + slowest > TIME_LIMIT => {
                trend.is_partial = true;
                continue;
            }
            None => {
                let begun = Instant::now();
                let computed = value(&AsOf::Past(state)).await?;
                slowest = slowest.max(begun.elapsed());
                computed
            }
        };
        values.insert(generation, (part, whole));
        trend.points.push(TrendPoint { at, part, whole });
    }
    Ok(())
}
