//! The lists and HTML pages of reports.

pub mod activity;
pub mod coverage;
pub mod lag;
pub mod risk;

/// Returns seconds as hours with one decimal.
#[must_use]
pub fn hours(seconds: i64) -> String {
    let tenths = (seconds + 180) / 360;
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_have_one_decimal() {
        assert_eq!([0, 179, 180, 3600, 5400, 356_400].map(hours), ["0.0", "0.0", "0.1", "1.0", "1.5", "99.0"]);
    }
}
