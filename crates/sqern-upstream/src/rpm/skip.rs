//! Searches for the end tag of an element in bytes that are not parsed.

use memchr::memmem::{self, Finder};

/// A search in consecutive parts of a document.
pub(super) struct Skip<'a> {
    /// `</name`
    end: &'a Finder<'a>,
    /// The end of the comment, CDATA section or processing instruction around the current position.
    within: Option<&'static [u8]>,
}

impl<'a> Skip<'a> {
    /// Returns a search for the end tag that starts with the text of the finder.
    pub(super) fn new(end: &'a Finder<'a>) -> Self {
        Self { end, within: None }
    }

    /// Returns the number of skipped bytes, and whether the search has ended. It ends before the
    /// end tag, or before markup that is invalid in an element. Otherwise the remaining bytes
    /// are passed again, followed by more.
    pub(super) fn pass(&mut self, held: &[u8]) -> (usize, bool) {
        let mut passed = 0;
        // The end tag is only searched again if it was inside a comment. There might be 10,000
        // comments before it.
        let mut end = self.end_from(held, passed);
        loop {
            if let Some(closing) = self.within {
                let Some(offset) = memmem::find(&held[passed..], closing) else {
                    return (
                        passed.max(held.len().saturating_sub(closing.len() - 1)),
                        false,
                    );
                };
                passed += offset + closing.len();
                self.within = None;
                if end.is_some_and(|end| end < passed) {
                    end = self.end_from(held, passed);
                }
            }
            // Markup that can contain an end tag starts with `<!` or `<?`. Both characters are rare
            // elsewhere.
            let content = &held[passed..end.unwrap_or(held.len())];
            let mut marks = memchr::memchr2_iter(b'!', b'?', content);
            let Some(offset) = marks
                .find(|offset| *offset > 0 && content[offset - 1] == b'<')
                .map(|offset| passed + offset - 1)
            else {
                // The bytes may end inside the end tag.
                let kept = self.end.needle().len();
                return end.map_or(
                    (passed.max(held.len().saturating_sub(kept)), false),
                    |end| (end, true),
                );
            };
            match opening(&held[offset..]) {
                Opening::Of(length, closing) => {
                    passed = offset + length;
                    self.within = Some(closing);
                }
                Opening::Undecided => return (offset, false),
                Opening::OfNothing => return (offset, true),
            }
        }
    }

    /// Returns the offset of the first complete end tag from an offset.
    fn end_from(&self, held: &[u8], offset: usize) -> Option<usize> {
        let rest = &held[offset..];
        // Longer names have the same start. Blanks are allowed before `>`.
        let ends = |at: &usize| {
            rest.get(at + self.end.needle().len())
                .is_some_and(|byte| b"> \t\r\n".contains(byte))
        };
        self.end.find_iter(rest).find(ends).map(|at| offset + at)
    }
}

enum Opening {
    /// Markup that can contain tags, with the length of its start and its end.
    Of(usize, &'static [u8]),
    /// More bytes are required.
    Undecided,
    /// Markup that is not allowed in an element. The reader reports it.
    OfNothing,
}

/// Classifies markup that starts with `<!` or `<?`.
fn opening(text: &[u8]) -> Opening {
    const OPENINGS: [(&[u8], &[u8]); 3] =
        [(b"<?", b"?>"), (b"<!--", b"-->"), (b"<![CDATA[", b"]]>")];
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

    /// Returns the rest of a text that arrives in chunks of a size, or `None` without an end tag.
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
    fn end_tags_inside_other_markup_are_ignored() {
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
    fn search_time_is_linear_in_comments() {
        let text = "<!---->".repeat(500_000) + "</p>";
        let started = std::time::Instant::now();
        let end = Finder::new("</p");
        assert_eq!(
            Skip::new(&end).pass(text.as_bytes()),
            (text.len() - 4, true)
        );
        // Searching after each comment would process a terabyte.
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    }

    proptest! {
        #[test]
        fn result_does_not_depend_on_chunks(
            text in "(</p|>| |</pp>|<!--|-->|--|<!|<\\?|\\?>|<!\\[CDATA\\[|\\]\\]>|\\]|x|<){0,12}", size in 1_usize..12,
        ) {
            prop_assert_eq!(left(&text, size), left(&text, text.len().max(1)));
        }
    }
}
