//! deb(5): an ar archive of `debian-binary`, `control.tar` and `data.tar`, in this order.

use std::fs::File;
use std::io::{BufReader, Cursor};

use sqern_archive::Compression;

use super::ar::{Member, Members};
use super::archive;
use super::error::invalid;
use super::identity::PackageIdentity;
use super::path::escape;
use super::staging::Staging;
use super::tar;
use crate::Error;

/// The maximum number of members before `data.tar`. deb(5) defines 2, and ignored ones whose names
/// start with `_`.
const MAX_MEMBERS: usize = 16;

// The names of members, without the suffix of the compression.
const CONTROL_TAR: &str = "control.tar";
const DATA_TAR: &str = "data.tar";

/// The size limit of `control.tar`, both compressed and decompressed. The largest ones of Debian
/// have 2 MiB.
const MAX_CONTROL_BYTES: u64 = 16 << 20;

/// Unpacks `data.tar`, and reads the dependencies in `control.tar`.
///
/// Members after `data.tar` are ignored, as deb(5) specifies: "implementations should ignore any
/// additional members after data.tar".
pub(super) fn unpack(file: BufReader<File>, staging: &mut Staging<'_>) -> Result<(), Error> {
    let mut members = Members::new(file)?;
    // Dependencies only improve messages, so an unreadable control.tar is not an error.
    let control = read_control_tar(&mut members)?.read();
    staging.set_depends(control.map_or_else(|_| Vec::new(), |control| depends(&control)));
    let (member, suffix) = next_member(&mut members, DATA_TAR)?;
    let Some(compression) = compression(&suffix) else {
        return Err(unsupported_compression(DATA_TAR, &member.name));
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

/// Returns the identity in the control file.
pub(super) fn identity(file: BufReader<File>) -> Result<PackageIdentity, Error> {
    let mut members = Members::new(file)?;
    let control = read_control_tar(&mut members)?.read()?;
    Ok(PackageIdentity::new(
        field(&control, "Package")?,
        field(&control, "Version")?,
        field(&control, "Architecture")?,
    ))
}

/// The member `control.tar`, as in the file.
struct ControlTar {
    content: Vec<u8>,
    name: String,
    compression: Option<Compression>,
}

/// Reads the first two members of a package.
fn read_control_tar(members: &mut Members<BufReader<File>>) -> Result<ControlTar, Error> {
    check_version(members)?;
    let (control, suffix) = next_member(members, CONTROL_TAR)?;
    Ok(ControlTar {
        content: members.head(&control, MAX_CONTROL_BYTES)?,
        name: control.name,
        compression: compression(&suffix),
    })
}

impl ControlTar {
    /// Returns the text of the file `control`.
    fn read(self) -> Result<String, Error> {
        let Some(compression) = self.compression else {
            return Err(unsupported_compression(CONTROL_TAR, &self.name));
        };
        let content = Cursor::new(self.content);
        let mut reader = archive::open(content, compression, MAX_CONTROL_BYTES, &self.name)?;
        // dpkg extracts all files, so that the last one of a name is effective.
        let control = tar::only_file(&mut reader, "control", MAX_CONTROL_BYTES)?;
        // Names of maintainers might be in another encoding.
        Ok(String::from_utf8_lossy(&control).into_owned())
    }
}

fn unsupported_compression(name: &str, found: &str) -> Error {
    invalid(
        format!("{name} in gzip, xz, zstd, bzip2 or lzma, or plain"),
        format!("{found:?}"),
        found,
    )
}

/// Returns the value of a field that must be unique in a control file, and on one line. Names of fields
/// are not case-sensitive (deb822(5)).
fn field<'a>(control: &'a str, name: &str) -> Result<&'a str, Error> {
    let mut values = control.lines().filter_map(|line| {
        let (field, value) = line.split_once(':')?;
        let is_wanted = field.trim_end().eq_ignore_ascii_case(name);
        is_wanted.then(|| value.trim())
    });
    match (values.next(), values.next()) {
        (Some(value), None) if !value.is_empty() => Ok(value),
        (None | Some(_), None) => Err(invalid(format!("a field {name}"), "none", "control")),
        (_, Some(_)) => Err(invalid(format!("one field {name}"), "several", "control")),
    }
}

/// Returns the package names in `Pre-Depends` and `Depends`, including alternatives (Debian Policy,
/// section 7.1).
fn depends(control: &str) -> Vec<String> {
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
    names
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
