//! The development of a report over the last weeks.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use sqern_db::{AsOf, DbError};
use sqern_model::At;
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use crate::Error;

/// The number of weekly times: 12 weeks, about 90 days.
const POINTS: i32 = 13;
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The maximum duration of all queries of a trend.
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// The development of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trend {
    /// The values from the oldest to the newest. Times before the first generation have no value.
    Points(Vec<TrendPoint>),
    /// The computation would exceed 2 seconds.
    TooSlow,
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

/// Returns the values of a report as of weekly times until `end`. `value` returns the part and the total.
///
/// The server cancels a query that exceeds the time limit. The transaction remains usable.
pub(super) async fn weekly(
    transaction: &Transaction<'_>,
    end: Timestamp,
    value: impl AsyncFn(&AsOf) -> Result<(u64, u64), Error>,
) -> Result<Trend, Error> {
    let limit = format!("SAVEPOINT trend; SET LOCAL statement_timeout = {}", TIME_LIMIT.as_millis());
    transaction.batch_execute(&limit).await.map_err(DbError::from)?;
    let points = points(transaction, end, value).await;
    // The rollback also restores the setting.
    transaction.batch_execute("ROLLBACK TO SAVEPOINT trend").await.map_err(DbError::from)?;
    match points {
        Err(Error::Db(DbError::Postgres(error))) if error.code() == Some(&SqlState::QUERY_CANCELED) => Ok(Trend::TooSlow),
        points => points,
    }
}

/// Computes the newest value first, and stops at the time limit.
async fn points(
    transaction: &Transaction<'_>,
    end: Timestamp,
    value: impl AsyncFn(&AsOf) -> Result<(u64, u64), Error>,
) -> Result<Trend, Error> {
    let started = Instant::now();
    let mut points: Vec<TrendPoint> = vec![];
    let mut newer: Option<i64> = None;
    for week in 0..POINTS {
        let at = end - WEEK * week;
        let AsOf::Past(past) = AsOf::resolve(transaction, At::Time(at)).await? else { continue };
        let (part, whole) = match points.last() {
            _ if past.generation == 0 => break,
            Some(point) if newer == Some(past.generation) => (point.part, point.whole),
            _ => value(&AsOf::Past(past.clone())).await?,
        };
        newer = Some(past.generation);
        points.push(TrendPoint { at, part, whole });
        if started.elapsed() > TIME_LIMIT {
            return Ok(Trend::TooSlow);
        }
    }
    points.reverse();
    Ok(Trend::Points(points))
}
