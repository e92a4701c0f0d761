//! Compression formats, archives and encodings that cannot be read are named in the error.

use sqern_testkit::repo::Compression;

use super::refused::Known;
use super::two_clusters;

#[tokio::test]
async fn unsupported_file_formats_are_named() {
    let known = Known::new().await;
    let report = two_clusters().to_string();
    let compressed = |compression: Compression| compression.compress(report.as_bytes()).unwrap();
    let mut tar = vec![b'a'; 257];
    tar.extend(b"ustar\x0000");
    tar.resize(1024, 0);
    let mut spreadsheet = b"PK\x03\x04".to_vec();
    spreadsheet.resize(30, 0);
    spreadsheet.extend(b"[Content_Types].xml");
    let supported = "; the supported formats are gzip and zstd; nothing";
    let compression = |name: &str| format!("unsupported compression format {name}{supported}");
    let archive = |name: &str| format!("unsupported archive format {name}{supported}");
    for (file, message, hint) in [
        (
            compressed(Compression::Xz),
            compression("xz"),
            "xz -dc FILE | sqern cust load -",
        ),
        (
            compressed(Compression::Lzma),
            compression("lzma"),
            "xz -dc FILE | sqern cust load -",
        ),
        (
            compressed(Compression::Bzip2),
            compression("bzip2"),
            "bzip2 -dc FILE | sqern cust load -",
        ),
        (
            compressed(Compression::Lz4),
            compression("lz4"),
            "lz4 -dc FILE | sqern cust load -",
        ),
        (
            b"PK\x03\x04\x14\0\0\0".to_vec(),
            archive("zip"),
            "unzip -p FILE | sqern cust load -",
        ),
        (
            spreadsheet,
            "the file is a spreadsheet; the supported formats are JSON and CSV; nothing".into(),
            "Export the sheet as CSV in UTF-8.",
        ),
        (
            b"7z\xbc\xaf\x27\x1c\0\x04".to_vec(),
            archive("7z"),
            "7z x -so FILE | sqern cust load -",
        ),
        (
            tar.clone(),
            archive("tar"),
            "tar -xOf FILE | sqern cust load -",
        ),
        (
            Compression::Gzip.compress(&tar).unwrap(),
            archive("tar"),
            "tar -xOf FILE | sqern cust load -",
        ),
        (
            Compression::Zstd
                .compress(&compressed(Compression::Gzip))
                .unwrap(),
            "the file is compressed twice, with gzip and zstd; nothing".into(),
            "zstd -dc FILE | sqern cust load -",
        ),
    ] {
        let message = format!("error: cannot read standard input: {message}");
        let hint = format!(" hint: {hint}\n");
        for format in [&[][..], &["--format", "json"], &["--format", "csv"]] {
            known
                .refuses(&message, &file, format, &[&message, &hint])
                .await;
        }
    }
}

#[tokio::test]
async fn unsupported_encodings_are_named() {
    let known = Known::new().await;
    let json = two_clusters().to_string();
    let csv = "cluster,type,host,distro,version,current\n";
    for text in [&*json, csv, "{}", "[\n"] {
        let utf16 = |to_bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to_bytes).collect();
        let utf32 =
            |to_bytes: fn(u32) -> [u8; 4]| text.chars().map(u32::from).flat_map(to_bytes).collect();
        let little: Vec<u8> = utf32(u32::to_le_bytes);
        let big: Vec<u8> = utf32(u32::to_be_bytes);
        for (bytes, found, name) in [
            (
                utf16(u16::to_le_bytes),
                "UTF-16LE without a byte order mark",
                "UTF-16LE",
            ),
            (
                utf16(u16::to_be_bytes),
                "UTF-16BE without a byte order mark",
                "UTF-16BE",
            ),
            (little.clone(), "UTF-32LE", "UTF-32LE"),
            (big.clone(), "UTF-32BE", "UTF-32BE"),
            (
                [&b"\xff\xfe\0\0"[..], &little].concat(),
                "UTF-32LE",
                "UTF-32LE",
            ),
            (
                [&b"\0\0\xfe\xff"[..], &big].concat(),
                "UTF-32BE",
                "UTF-32BE",
            ),
        ] {
            let message = format!(
                "error: cannot read standard input: unsupported encoding {found}; the supported encodings are UTF-8, \
                 and UTF-16 with a byte order mark; nothing"
            );
            let hint = format!(" hint: iconv -f {name} -t UTF-8 FILE | sqern cust load -\n");
            known.refuses(found, bytes, &[], &[&message, &hint]).await;
        }
    }
}

#[tokio::test]
async fn invalid_utf16_is_rejected_with_its_location() {
    let known = Known::new().await;
    let encode = |text: &str, last: &[u8]| {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        let mut bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
        bytes.extend(last);
        bytes
    };
    let csv =
        "cluster,type,host,distro,version,current\r\nacme-1,1,h1,debian12,6.1.0-1-amd64,t\r\nπ,1,";
    let json = "{\"name\": \"a\", \"type\": 1,\n \"hosts\": [{\"name\": \"😀";
    let long = format!("{{\"name\":{}\n \"", "\n".repeat(100_000));
    for (text, last, message) in [
        (
            csv,
            &b"\x00\xd8a\0"[..],
            "line 3: invalid UTF-16 at column 5: lone surrogate 0xD800",
        ),
        (
            json,
            b"\x00\xdc",
            "line 2 (record 1): invalid UTF-16 at column 23: lone surrogate 0xDC00",
        ),
        (
            json,
            b"a",
            "line 2 (record 1): invalid UTF-16 at column 23: odd number of bytes",
        ),
        (
            &long,
            b"\x00\xd8",
            "line 100002: invalid UTF-16 at column 3: lone surrogate 0xD800",
        ),
        (
            "",
            b"\x00\xd8",
            "line 1: invalid UTF-16 at column 1: lone surrogate 0xD800",
        ),
    ] {
        let message = format!("error: standard input, {message}; nothing");
        known
            .refuses(&message, encode(text, last), &[], &[&message])
            .await;
    }
    // Other errors have the line of the text.
    let unknown = encode(&csv.replace("acme-1,1", "acme-1,9"), b"");
    known
        .refuses("a type", unknown, &[], &["line 2: unknown cluster type"])
        .await;
}
