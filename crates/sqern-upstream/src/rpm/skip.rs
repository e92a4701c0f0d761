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
        loop {
            let rest = &held[passed..];
            let Some(closing) = self.within else {
                match self.next(rest) {
                    Next::End(place) => return (passed + place, true),
                    Next::Undecided(place) => return (passed + place, false),
                    Next::Opened(place, closing) => {
                        passed += place;
                        self.within = Some(closing);
                        continue;
                    }
                }
            };
            let Some(place) = memmem::find(rest, closing) else {
                return (passed + rest.len().saturating_sub(closing.len() - 1), false);
            };
            passed += place + closing.len();
            self.within = None;
        }
    }

    fn next(&self, rest: &[u8]) -> Next {
        let length = self.end.needle().len();
        // A longer name begins with the same bytes; blanks may stand before the `>`.
        let ends = |place: &usize| rest.get(place + length).is_some_and(|byte| b"> \t\r\n".contains(byte));
        let end = self.end.find_iter(rest).find(ends);
        let content = &rest[..end.unwrap_or(rest.len())];
        // What hides an end tag begins with `<!` or `<?`. Elsewhere both characters are rare.
        let opened = memchr::memchr2_iter(b'!', b'?', content).find(|place| *place > 0 && content[place - 1] == b'<');
        match (opened, end) {
            (Some(place), _) => opening(rest, place - 1),
            (None, Some(place)) => Next::End(place),
            // The tag's beginning may stand at the end of what is held.
            (None, None) => Next::Undecided(rest.len().saturating_sub(length)),
        }
    }
}

enum Next {
    /// The end tag begins there, or something that the reader is to refuse.
    End(usize),
    /// From there on, more must be seen.
    Undecided(usize),
    /// Something that hides tags has begun before there; and what ends it.
    Opened(usize, &'static [u8]),
}

/// What `<!` or `<?` begins at a place.
fn opening(rest: &[u8], place: usize) -> Next {
    const OPENINGS: [(&[u8], &[u8]); 3] = [(b"<?", b"?>"), (b"<!--", b"-->"), (b"<![CDATA[", b"]]>")];
    let text = &rest[place..];
    for (opening, closing) in OPENINGS {
        if text.starts_with(opening) {
            return Next::Opened(place + opening.len(), closing);
        }
        if opening.starts_with(text) {
            return Next::Undecided(place);
        }
    }
    Next::End(place)
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

    proptest! {
        #[test]
        fn the_end_that_is_found_does_not_depend_on_how_the_text_comes(
            text in "(</p|>| |</pp>|<!--|-->|--|<!|<\\?|\\?>|<!\\[CDATA\\[|\\]\\]>|\\]|x|<){0,12}", size in 1_usize..12,
        ) {
            prop_assert_eq!(left(&text, size), left(&text, text.len().max(1)));
        }
    }
}
