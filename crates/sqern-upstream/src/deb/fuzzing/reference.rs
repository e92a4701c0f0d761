//! A reference parser of stanzas (deb822(5)), which reads the whole text line by line.

use super::Found;
use crate::deb::stanza::Field;

/// The name and lines of a field. The first line starts after the colon.
type Lines<'a> = (String, Vec<&'a [u8]>);

/// Returns the line and the known fields of each stanza. Returns `None` if a line is invalid, or a
/// known field is a duplicate or not UTF-8.
pub(super) fn stanzas(text: &[u8]) -> Option<Found> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    if lines.last().is_some_and(|last| last.is_empty()) {
        lines.pop();
    }
    let mut found = Found::new();
    let mut open: Option<(u64, Vec<Lines<'_>>)> = None;
    for (index, line) in lines.into_iter().enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let folded = matches!(line.first(), Some(b' ' | b'\t'));
        if line.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            if let Some(stanza) = open.take() {
                found.push(finished(stanza)?);
            }
        } else if line[0] == b'#' {
        } else if let (true, Some((_, fields))) = (folded, open.as_mut()) {
            fields.last_mut()?.1.push(line);
        } else {
            let colon = line
                .iter()
                .position(|byte| *byte == b':')
                .filter(|colon| *colon > 0)?;
            let name = line[..colon]
                .iter()
                .all(u8::is_ascii_graphic)
                .then(|| String::from_utf8_lossy(&line[..colon]))?;
            let (_, fields) = open.get_or_insert_with(|| (index as u64 + 1, Vec::new()));
            fields.push((name.to_ascii_lowercase(), vec![&line[colon + 1..]]));
        }
    }
    if let Some(stanza) = open {
        found.push(finished(stanza)?);
    }
    Some(found)
}

fn finished((line, fields): (u64, Vec<Lines<'_>>)) -> Option<(u64, Vec<Option<String>>)> {
    let value = |name: &str| {
        let mut named = fields
            .iter()
            .filter(|(known, _)| *known == name.to_ascii_lowercase());
        let value = named.next().map(|(_, lines)| {
            let lines = lines
                .iter()
                .map(|line| Some(str::from_utf8(line).ok()?.trim()));
            Some(
                lines
                    .collect::<Option<Vec<_>>>()?
                    .join(" ")
                    .trim()
                    .to_owned(),
            )
        });
        if named.next().is_some() {
            None
        } else {
            value.map_or(Some(None), |value| Some(Some(value?)))
        }
    };
    Some((
        line,
        Field::ALL
            .iter()
            .map(|(name, _)| value(name))
            .collect::<Option<_>>()?,
    ))
}
