//! Measurements and their statistics.

/// The cost of a statement, measured on the server.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Elapsed time on the server in seconds, without protocol and commit.
    pub seconds: f64,
    /// Bytes written to the WAL.
    pub wal_bytes: f64,
}

/// The median and range of values.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// The median. For an even number of values, the mean of the two middle ones.
    pub median: f64,
    /// The minimum.
    pub min: f64,
    /// The maximum.
    pub max: f64,
}

impl Spread {
    /// Returns the spread of at least one value.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (first, last) = (
            sorted.first().copied().unwrap_or(f64::NAN),
            sorted.last().copied().unwrap_or(f64::NAN),
        );
        let middle = sorted.len() / 2;
        let median = match sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        };
        Self {
            median,
            min: first,
            max: last,
        }
    }
}

/// Returns the median of at least one value.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    Spread::of(values).median
}
