//! deb(5): an ar archive of `debian-binary`, `control.tar` and `data.tar`, in this order.

use std::fs::File;
use std::io::{BufReader, Cursor};

use sqern_archive::Compression;

use super::ar::{Member, Members};
use super::archive;
use super::error::invalid;
use super::path::escape;
use super::staging::Staging;
use super::tar;
use crate::Error;

/// The maximum number of members before `data.tar`. deb(5) defines 2, and ignored ones whose names
/// start with `_`.
const MAX_MEMBERS: usize = 16;

/// The size limit of `control.tar`, both compressed and decompressed. The largest ones of Debian
/// have 2 MiB.
const MAX_CONTROL_BYTES: u64 = 16 << 20;

/// Unpacks `data.tar`, and reads the dependencies in `control.tar`.
///
/// Members after `data.tar` are ignored, as deb(5) specifies: "implementations should ignore any
/// additional members after data.tar".
pub(super) fn unpack(file: BufReader<File>, staging: &mut Staging<'_>) -> Result<(), Error> {
    let mut members = Members::new(file)?;
    check_version(&mut members)?;
    let (control, suffix) = next_member(&mut members, "control.tar")?;
    let head = members.head(&control, MAX_CONTROL_BYTES)?;
    // Dependencies only improve messages, so an unreadable control.tar is not an error.
    staging.set_depends(
        compression(&suffix)
            .and_then(|compression| depends(head, compression))
            .unwrap_or_default(),
    );
    let (member, suffix) = next_member(&mut members, "data.tar")?;
    let Some(compression) = compression(&suffix) else {
        return Err(invalid(
            "data.tar in gzip, xz, zstd, bzip2 or lzma, or plain",
            format!("{:?}", member.name),
            member.name,
        ));
    };
    let mut reader = archive::open(
        members.data(&member)?,
        compression,
        staging.limits.plain_bytes,
        &member.name,
    )?;
    tar::unpack(&mut reader, staging)?;
    staging.set_plain_bytes(archive::finish(reader)?);
    Ok(())
}

/// Returns the format with a suffix, if deb(5) allows it.
fn compression(suffix: &str) -> Option<Compression> {
    Compression::from_suffix(suffix).filter(|compression| *compression != Compression::Lz4)
}

/// Returns the package names in `Pre-Depends` and `Depends`, including alternatives (Debian Policy,
/// section 7.1).
fn depends(control: Vec<u8>, compression: Compression) -> Option<Vec<String>> {
    let mut reader = archive::open(
        Cursor::new(control),
        compression,
        MAX_CONTROL_BYTES,
        "control.tar",
    )
    .ok()?;
    let control = tar::file(&mut reader, "control", MAX_CONTROL_BYTES).ok()??;
    let control = String::from_utf8_lossy(&control);
    let mut names = Vec::new();
    let mut is_relation = false;
    for line in control.lines() {
        let value = if line.starts_with([' ', '\t']) {
            line
        } else {
            let (field, value) = line.split_once(':').unwrap_or_default();
            is_relation =
                field.eq_ignore_ascii_case("Depends") || field.eq_ignore_ascii_case("Pre-Depends");
            value
        };
        if is_relation {
            let relations = value.split([',', '|']);
            names.extend(
                relations
                    .filter_map(|relation| relation.trim().split([' ', '(', ':', '[']).next())
                    .map(str::to_owned),
            );
        }
    }
    names.retain(|name| !name.is_empty());
    Some(names)
}

/// Checks the version of the format, which is the first line of `debian-binary`: 2.0, or a later 2.x with the same structure.
fn check_version(members: &mut Members<BufReader<File>>) -> Result<(), Error> {
    let Some(member) = members.next()? else {
        return Err(invalid(
            "debian-binary as the first member",
            "an empty archive",
            "offset 8",
        ));
    };
    if member.name == "debian-split" {
        let error = invalid(
            "a complete package",
            "a part of a package (deb-split(5))",
            &member.name,
        );
        return Err(error.with_hint("Join the parts with dpkg-split --join PART…."));
    }
    if member.name != "debian-binary" {
        return Err(invalid(
            "debian-binary as the first member",
            format!("{:?}", member.name),
            member.name,
        ));
    }
    let head = members.head(&member, 32)?;
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.starts_with(b"2.")
        && line.len() > 2
        && line[2..].iter().all(u8::is_ascii_digit)
        && head.len() > line.len()
    {
        return Ok(());
    }
    Err(invalid(
        "format version 2.x",
        format!("{:?}", escape(line)),
        member.name,
    ))
}

/// Returns the next member, which must be `name` in any compression, and its suffix.
fn next_member(
    members: &mut Members<BufReader<File>>,
    name: &str,
) -> Result<(Member, String), Error> {
    for _ in 0..MAX_MEMBERS {
        let Some(member) = members.next()? else {
            return Err(invalid(
                format!("{name} as the next member"),
                "the end of the archive",
                "the last member",
            ));
        };
        // "[Members] which should be safely ignored by older programs, will have names starting
        // with an underscore."
        if member.name.starts_with('_') {
            continue;
        }
        return match member.name.strip_prefix(name) {
            Some(suffix) if suffix.is_empty() || suffix.starts_with('.') => {
                let suffix = suffix.to_owned();
                Ok((member, suffix))
            }
            _ => Err(invalid(
                format!("{name} as the next member"),
                format!("{:?}", member.name),
                member.name,
            )),
        };
    }
    Err(invalid(
        format!("{name} as one of the first members"),
        format!("{MAX_MEMBERS} others"),
        name,
    ))
}
