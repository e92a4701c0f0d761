//! Writes parsed documents.

use crate::listed_file::ListedFile;
use crate::rpm::metalink::Metalink;
use crate::rpm::repomd::Repomd;

/// Escapes a text or the value of an attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' | '<' | '>' | '"' | '\'' => escaped += &format!("&#{};", u32::from(character)),
            blank if blank.is_whitespace() => escaped += &format!("&#x{:x};", u32::from(blank)),
            plain => escaped.push(plain),
        }
    }
    escaped
}

/// Returns an equivalent `repomd.xml`.
pub(super) fn repomd(repomd: &Repomd) -> String {
    let mut text = "<repomd>".to_owned();
    if let Some(revision) = &repomd.revision {
        text += &format!("<revision>{}</revision>", escaped(revision));
    }
    text += "<data type=\"primary\">";
    let primary = &repomd.primary;
    let mut write_file = |listed: &Option<ListedFile>, checksum: &str, size: &str| {
        let Some(listed) = listed else { return };
        text += &format!(
            "<{checksum} type=\"{}\">{}</{checksum}>",
            listed.algorithm.name(),
            listed.checksum
        );
        if let Some(bytes) = listed.size_bytes {
            text += &format!("<{size}>{bytes}</{size}>");
        }
    };
    write_file(&primary.sent, "checksum", "size");
    write_file(&primary.open, "open-checksum", "open-size");
    if let Some(timestamp) = &primary.timestamp {
        text += &format!("<timestamp>{}</timestamp>", escaped(timestamp));
    }
    let base = primary
        .xml_base
        .as_ref()
        .map(|base| format!(" xml:base=\"{}\"", escaped(base)))
        .unwrap_or_default();
    text + &format!(
        "<location href=\"{}\"{base}/></data></repomd>",
        escaped(&primary.href)
    )
}

/// Returns an equivalent metalink.
pub(super) fn metalink(metalink: &Metalink) -> String {
    let mut text = "<metalink><files><file name=\"repomd.xml\">".to_owned();
    for (algorithm, checksum) in &metalink.checksums {
        text += &format!("<hash type=\"{}\">{checksum}</hash>", algorithm.name());
    }
    for (index, base) in metalink.bases.iter().enumerate() {
        let preference = 100 - index;
        text += &format!(
            "<url preference=\"{preference}\">{}repodata/repomd.xml</url>",
            escaped(base.as_str())
        );
    }
    text + "</file></files></metalink>"
}
