//! The violations of a rule.

/// The maximum number of violations that are listed.
const LISTED: usize = 40;

/// The first violations of a rule, and their number.
#[derive(Debug, Default)]
pub(super) struct Problems {
    first: Vec<String>,
    count: usize,
}

impl Problems {
    pub(super) fn add(&mut self, describe: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < LISTED {
            self.first.push(describe());
        }
    }

    /// Returns the first violations, and a line with the number of the others.
    pub(super) fn finish(mut self) -> Vec<String> {
        let others = self.count - self.first.len();
        if others > 0 {
            self.first.push(format!("… and {others} more"));
        }
        self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_problems_are_counted() {
        let mut problems = Problems::default();
        for number in 0..LISTED {
            problems.add(|| number.to_string());
        }
        problems.add(|| unreachable!("only the first problems are described"));
        problems.add(|| unreachable!("only the first problems are described"));
        let texts = problems.finish();
        assert_eq!(texts.len(), LISTED + 1);
        assert_eq!(texts.last().map(String::as_str), Some("… and 2 more"));
        assert!(Problems::default().finish().is_empty());
    }
}
