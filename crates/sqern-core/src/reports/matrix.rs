//! Numbers by two criteria.

use std::collections::BTreeMap;

/// Numbers by two criteria; `None` for an absent number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matrix {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The names of the rows, each with one number for each column.
    pub rows: Vec<(String, Vec<Option<u64>>)>,
}

impl Matrix {
    /// Returns the matrix with the rows of `numbers` and these columns.
    pub(super) fn new<R: ToString, C: Ord>(
        numbers: &BTreeMap<R, BTreeMap<C, u64>>,
        columns: &[C],
        name: impl Fn(&C) -> String,
    ) -> Self {
        let row = |(row, numbers): (&R, &BTreeMap<C, u64>)| {
            (
                row.to_string(),
                columns
                    .iter()
                    .map(|column| numbers.get(column).copied())
                    .collect(),
            )
        };
        Self {
            columns: columns.iter().map(name).collect(),
            rows: numbers.iter().map(row).collect(),
        }
    }
}

/// Returns the share of a part in a whole, from 0 to 1; 0 if the whole is 0.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "a share needs less than 52 bits"
)]
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_numbers_are_none() {
        let numbers = BTreeMap::from([
            ("a", BTreeMap::from([(1, 5)])),
            ("b", BTreeMap::from([(1, 2), (2, 7)])),
        ]);
        let matrix = Matrix::new(&numbers, &[1, 2], ToString::to_string);
        assert_eq!(matrix.columns, ["1", "2"]);
        assert_eq!(
            matrix.rows,
            [
                ("a".to_owned(), vec![Some(5), None]),
                ("b".to_owned(), vec![Some(2), Some(7)])
            ]
        );
    }

    #[test]
    fn shares_of_counts_beyond_32_bits_are_exact() {
        assert!((share(3 << 32, 4 << 32) - 0.75).abs() < f64::EPSILON);
        assert!(share(5, 0).abs() < f64::EPSILON);
    }
}
