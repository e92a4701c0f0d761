//! The search for an element's end tag over bytes that nobody reads.

use memchr::memmem::{self, Finder};

/// A search over one piece of a document after the other.
pub(super) struct Skip<'a> {
    /// `</name`
    end: &'a Finder<'a>,
    /// What ends the comment, CDATA section or processing instruction that the search is in.
    within: Option<&'static [u8]>,
}

impl<'a> Skip<'a> {
    /// For the end tag that begins with the finder's text.
    pub(super) fn new(end: &'a Finder<'a>) -> Self {
        Self { end, within: None }
    }

    /// How many of these bytes are passed over, and whether the search is over there: before the end tag, or before what no
    /// content of an element may hold. Otherwise the bytes left are to come again, with more behind them.
    pub(super) fn pass(&mut self, held: &[u8]) -> (usize, bool) {
        let mut passed = 0;
        // Looked for again only where it was hidden: what is held may have ten thousand comments before it.
        let mut end = self.end_from(held, passed);
        loop {
            if let Some(closing) = self.within {
                let Some(place) = memmem::find(&held[passed..], closing) else {
                    return (passed.max(held.len().saturating_sub(closing.len() - 1)), false);
                };
                passed += place + closing.len();
                self.within = None;
                if end.is_some_and(|end| end < passed) {
                    end = self.end_from(held, passed);
                }
            }
            // What hides an end tag begins with `<!` or `<?`. Elsewhere both characters are rare.
            let content = &held[passed..end.unwrap_or(held.len())];
            let mut marks = memchr::memchr2_iter(b'!', b'?', content);
            let Some(place) = marks.find(|place| *place > 0 && content[place - 1] == b'<').map(|place| passed + place - 1) else {
                // The tag's beginning may stand at the end of what is held.
                let kept = self.end.needle().len();
                return end.map_or((passed.max(held.len().saturating_sub(kept)), false), |end| (end, true));
            };
            match opening(&held[place..]) {
                Opening::Of(length, closing) => {
                    passed = place + length;
                    self.within = Some(closing);
                }
                Opening::Undecided => return (place, false),
                Opening::OfNothing => return (place, true),
            }
        }
    }

    /// Where the first end tag from a place on begins, if all of its name is there.
    fn end_from(&self, held: &[u8], place: usize) -> Option<usize> {
        let rest = &held[place..];
        // A longer name begins with the same bytes; blanks may stand before the `>`.
        let ends = |at: &usize| rest.get(at + self.end.needle().len()).is_some_and(|byte| b"> \t\r\n".contains(byte));
        self.end.find_iter(rest).find(ends).map(|at| place + at)
    }
}

enum Opening {
    /// Something that hides tags, so long and ended by that.
    Of(usize, &'static [u8]),
    /// More must be seen.
    Undecided,
    /// Nothing that an element's content may hold: the reader is to refuse it.
    OfNothing,
}

/// What begins with `<!` or `<?`.
fn opening(text: &[u8]) -> Opening {
    const OPENINGS: [(&[u8], &[u8]); 3] = [(b"<?", b"?>"), (b"<!--", b"-->"), (b"<![CDATA[", b"]]>")];
    for (opening, closing) in OPENINGS {
        if text.starts_with(opening) {
            return Opening::Of(opening.len(), closing);
        }
        if opening.starts_with(text) {
            return Opening::Undecided;
        }
    }
    Opening::OfNothing
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is left of a text when it comes in pieces of a size; none where the end tag is not found.
    fn left(text: &str, size: usize) -> Option<&str> {
        let end = Finder::new("</p");
        let mut skip = Skip::new(&end);
        let (mut start, mut held) = (0, 0);
        loop {
            let (passed, over) = skip.pass(&text.as_bytes()[start..held]);
            start += passed;
            if over {
                return Some(&text[start..]);
            }
            if held == text.len() {
                return None;
            }
            held = text.len().min(held + size);
        }
    }

    #[test]
    fn an_end_tag_counts_only_where_it_is_one() {
        for (text, expected) in [
            ("<n/></p>x", Some("</p>x")),
            ("</pp></p-x></p\n>", Some("</p\n>")),
            ("<!-- </p> --></p>", Some("</p>")),
            ("<!--></p>--></p>1", Some("</p>1")),
            ("<![CDATA[</p>]]]></p>", Some("</p>")),
            ("<? </p> ?></p>", Some("</p>")),
            ("a ! b ? c</p>", Some("</p>")),
            ("<!x></p>", Some("<!x></p>")),
            ("<!-- </p>", None),
            ("</p", None),
        ] {
            for size in 1..=text.len() {
                assert_eq!(left(text, size), expected, "{text} in pieces of {size}");
            }
        }
    }

    #[test]
    fn ten_thousands_of_comments_cost_one_look_at_each() {
        let text = "<!---->".repeat(500_000) + "</p>";
        let started = std::time::Instant::now();
        let end = Finder::new("</p");
        assert_eq!(Skip::new(&end).pass(text.as_bytes()), (text.len() - 4, true));
        // To look for the end behind each would be a terabyte.
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    }

    proptest! {
        #[test]
        fn the_end_that_is_found_does_not_depend_on_how_the_text_comes(
            text in "(</p|>| |</pp>|<!--|-->|--|<!|<\\?|\\?>|<!\\[CDATA\\[|\\]\\]>|\\]|x|<){0,12}", size in 1_usize..12,
        ) {
            prop_assert_eq!(left(&text, size), left(&text, text.len().max(1)));
        }
    }
}
