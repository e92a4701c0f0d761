//! Properties of a total order.

use std::cmp::Ordering;
use std::fmt::Debug;

/// Asserts that a comparison is reflexive, antisymmetric and transitive for 3 values, and that
/// equal values are interchangeable.
pub(crate) fn is_order<T: Debug>(three: &[T; 3], compare: impl Fn(&T, &T) -> Ordering) {
    for a in three {
        assert_eq!(compare(a, a), Ordering::Equal, "{a:?} and itself");
        for b in three {
            assert_eq!(
                compare(a, b),
                compare(b, a).reverse(),
                "{a:?} and {b:?} in both directions"
            );
            for c in three {
                if compare(a, b).is_le() && compare(b, c).is_le() {
                    let expected = if compare(a, b).is_eq() && compare(b, c).is_eq() {
                        Ordering::Equal
                    } else {
                        compare(a, c)
                    };
                    assert!(
                        compare(a, c).is_le() && compare(a, c) == expected,
                        "{a:?}, {b:?} and {c:?}"
                    );
                }
                if compare(a, b).is_eq() {
                    assert_eq!(
                        compare(a, c),
                        compare(b, c),
                        "{a:?} equals {b:?}, compared with {c:?}"
                    );
                }
            }
        }
    }
}

/// Splits data into the texts of 3 lines.
pub(crate) fn three(data: &[u8]) -> Option<[&str; 3]> {
    let mut lines = str::from_utf8(data).ok()?.splitn(3, '\n');
    Some([
        lines.next()?,
        lines.next().unwrap_or_default(),
        lines.next().unwrap_or_default(),
    ])
}
