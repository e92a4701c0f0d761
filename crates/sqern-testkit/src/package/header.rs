//! An rpm's header as a writer makes it: an index, and a store that each datum is aligned in.

/// The tag of the region that a signature header's tags are in, and a header's (`RPMTAG_HEADERSIGNATURES`, `…IMMUTABLE`).
pub(super) const SIGNATURES: u32 = 62;
pub(super) const IMMUTABLE: u32 = 63;

/// A tag's data by its type.
#[derive(Debug, Clone)]
pub(super) enum Data {
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    Text(Vec<u8>),
    Texts(Vec<Vec<u8>>),
    LocaleText(Vec<u8>),
}

impl Data {
    /// Type, count, alignment and bytes.
    fn parts(&self) -> (u32, usize, usize, Vec<u8>) {
        let text = |text: &[u8]| [text, b"\0"].concat();
        match self {
            Self::U16(list) => (3, list.len(), 2, list.iter().flat_map(|number| number.to_be_bytes()).collect()),
            Self::U32(list) => (4, list.len(), 4, list.iter().flat_map(|number| number.to_be_bytes()).collect()),
            Self::U64(list) => (5, list.len(), 8, list.iter().flat_map(|number| number.to_be_bytes()).collect()),
            Self::Text(one) => (6, 1, 1, text(one)),
            Self::Texts(list) => (8, list.len(), 1, list.iter().flat_map(|one| text(one)).collect()),
            Self::LocaleText(one) => (9, 1, 1, text(one)),
        }
    }
}

/// The header of these tags, which stand in a region of their own.
pub(super) fn header(region: u32, mut tags: Vec<(u32, Data)>) -> Vec<u8> {
    tags.sort_by_key(|(tag, _)| *tag);
    let (mut index, mut store) = (Vec::new(), Vec::new());
    for (tag, data) in &tags {
        let (kind, count, align, bytes) = data.parts();
        store.resize(usize::next_multiple_of(store.len(), align), 0);
        index.extend([*tag, kind, number(store.len()), number(count)].map(u32::to_be_bytes).concat());
        store.extend(bytes);
    }
    // The region's own entry leads to a copy of itself at the end of the store, with the way back to the index's start.
    let own = [region, 7, number(store.len()), 16].map(u32::to_be_bytes).concat();
    let index_bytes = number(own.len() + index.len());
    store.extend([region, 7, index_bytes.wrapping_neg(), 16].map(u32::to_be_bytes).concat());
    let start = [0x8ead_e801, 0, number(tags.len() + 1), number(store.len())].map(u32::to_be_bytes).concat();
    [start, own, index, store].concat()
}

fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
