//! Samples, and what is said of them.

/// What one statement cost, as the server tells it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    /// Time in seconds, by the server's clock, without the way to the client and without the commit.
    pub seconds: f64,
    /// Bytes written to the WAL.
    pub wal_bytes: f64,
}

/// The median of figures, and their range.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// The middle one; of an even number of figures, the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of figures of which there is at least one.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (first, last) = (sorted.first().copied().unwrap_or(f64::NAN), sorted.last().copied().unwrap_or(f64::NAN));
        let middle = sorted.len() / 2;
        let median = match sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[middle],
            _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
        };
        Self { median, min: first, max: last }
    }
}

/// The median alone.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    Spread::of(figures).median
}
