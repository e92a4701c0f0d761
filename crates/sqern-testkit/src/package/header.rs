//! A writer for the header of an rpm file: an index, and a store in which each datum is aligned.

/// The tag of the region around a signature header (`RPMTAG_HEADERSIGNATURES`) or a main header
/// (`RPMTAG_HEADERIMMUTABLE`).
pub(super) const SIGNATURES: u32 = 62;
pub(super) const IMMUTABLE: u32 = 63;

/// The data of a tag, by type.
#[derive(Debug, Clone)]
pub(super) enum Data {
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    Text(Vec<u8>),
    Texts(Vec<Vec<u8>>),
    LocaleText(Vec<u8>),
    Bytes(Vec<u8>),
}

impl Data {
    /// Returns the type, the count, the alignment and the bytes.
    fn parts(&self) -> (u32, usize, usize, Vec<u8>) {
        let text = |text: &[u8]| [text, b"\0"].concat();
        match self {
            Self::U16(list) => (
                3,
                list.len(),
                2,
                list.iter()
                    .flat_map(|number| number.to_be_bytes())
                    .collect(),
            ),
            Self::U32(list) => (
                4,
                list.len(),
                4,
                list.iter()
                    .flat_map(|number| number.to_be_bytes())
                    .collect(),
            ),
            Self::U64(list) => (
                5,
                list.len(),
                8,
                list.iter()
                    .flat_map(|number| number.to_be_bytes())
                    .collect(),
            ),
            Self::Text(value) => (6, 1, 1, text(value)),
            Self::Texts(list) => (
                8,
                list.len(),
                1,
                list.iter().flat_map(|value| text(value)).collect(),
            ),
            Self::LocaleText(value) => (9, 1, 1, text(value)),
            Self::Bytes(value) => (7, value.len(), 1, value.clone()),
        }
    }
}

/// Returns a header of these tags, enclosed in a region.
pub(super) fn header(region: u32, mut tags: Vec<(u32, Data)>) -> Vec<u8> {
    tags.sort_by_key(|(tag, _)| *tag);
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, data) in &tags {
        let (kind, count, align, bytes) = data.parts();
        store.resize(usize::next_multiple_of(store.len(), align), 0);
        index.extend(
            [*tag, kind, number(store.len()), number(count)]
                .map(u32::to_be_bytes)
                .concat(),
        );
        store.extend(bytes);
    }
    // The index entry of the region points to a copy of itself at the end of the store, which
    // states the offset back to the start of the index.
    let region_entry = [region, 7, number(store.len()), 16]
        .map(u32::to_be_bytes)
        .concat();
    let index_bytes = number(region_entry.len() + index.len());
    store.extend(
        [region, 7, index_bytes.wrapping_neg(), 16]
            .map(u32::to_be_bytes)
            .concat(),
    );
    let start = [0x8ead_e801, 0, number(tags.len() + 1), number(store.len())]
        .map(u32::to_be_bytes)
        .concat();
    [start, region_entry, index, store].concat()
}

fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
