//! deb(5): an ar archive of `debian-binary`, `control.tar` and `data.tar`, in this order.

use std::fs::File;
use std::io::{BufReader, Cursor};

use super::ar::{Member, Members};
use super::decode::{self, Compression};
use super::error::{UnpackError, refused};
use super::input::Input;
use super::name::shown;
use super::staging::Staging;
use super::tar;

/// More members than that before `data.tar` are refused: deb(5) knows two, and `_…` for what may be passed over.
const MOST_MEMBERS: usize = 16;

/// The largest `control.tar` that is read, compressed and plain: Debian's largest have 2 MiB.
const MAX_CONTROL_BYTES: u64 = 16 << 20;

/// Unpacks `data.tar` and reads the dependencies in `control.tar`. Members after `data.tar` are ignored, as deb(5) asks:
/// "implementations should ignore any additional members after data.tar".
pub(super) fn unpack(file: BufReader<File>, staging: &mut Staging<'_>) -> Result<(), UnpackError> {
    let mut members = Members::new(file)?;
    check_version(&mut members)?;
    let (control, suffix) = wanted(&mut members, "control.tar")?;
    let head = members.head(&control, MAX_CONTROL_BYTES)?;
    // Dependencies only improve messages: a control.tar that cannot be read is dpkg's concern.
    staging.depends(Compression::by_suffix(&suffix).and_then(|compression| depends(head, compression)).unwrap_or_default());
    let (member, suffix) = wanted(&mut members, "data.tar")?;
    let Some(compression) = Compression::by_suffix(&suffix) else {
        return Err(refused("data.tar in gzip, xz, zstd, bzip2 or lzma, or plain", format!("{:?}", member.name), member.name));
    };
    let data = decode::open(members.data(&member)?, compression, &member.name)?;
    let mut input = Input::new(data, staging.limits.plain_bytes);
    tar::unpack(&mut input, staging)?;
    let plain_bytes = input.finish()?;
    staging.read_whole(plain_bytes);
    Ok(())
}

/// The package names in `Pre-Depends` and `Depends` of the control file, alternatives included (Debian policy, section 7.1).
fn depends(control: Vec<u8>, compression: Compression) -> Option<Vec<String>> {
    let plain = decode::open(Cursor::new(control), compression, "control.tar").ok()?;
    let control = tar::file(&mut Input::new(plain, MAX_CONTROL_BYTES), "control", MAX_CONTROL_BYTES).ok()??;
    let control = String::from_utf8_lossy(&control);
    let mut names = Vec::new();
    let mut is_wanted = false;
    for line in control.lines() {
        let value = if line.starts_with([' ', '\t']) {
            line
        } else {
            let (field, value) = line.split_once(':').unwrap_or_default();
            is_wanted = field.eq_ignore_ascii_case("Depends") || field.eq_ignore_ascii_case("Pre-Depends");
            value
        };
        if is_wanted {
            let relations = value.split([',', '|']);
            names.extend(relations.filter_map(|one| one.trim().split([' ', '(', ':', '[']).next()).map(str::to_owned));
        }
    }
    names.retain(|name| !name.is_empty());
    Some(names)
}

/// `debian-binary` holds the format's version as its first line: 2.0, or a later 2.x that is read alike.
fn check_version(members: &mut Members<BufReader<File>>) -> Result<(), UnpackError> {
    let Some(member) = members.next()? else {
        return Err(refused("debian-binary as the first member", "an empty archive", "offset 8"));
    };
    if member.name == "debian-split" {
        let error = refused("a complete package", "a part of a package (deb-split(5))", &member.name);
        return Err(error.hint("Join the parts with dpkg-split --join PART…."));
    }
    if member.name != "debian-binary" {
        return Err(refused("debian-binary as the first member", format!("{:?}", member.name), member.name));
    }
    let head = members.head(&member, 32)?;
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if line.starts_with(b"2.") && line.len() > 2 && line[2..].iter().all(u8::is_ascii_digit) && head.len() > line.len() {
        return Ok(());
    }
    Err(refused("format version 2.x", format!("{:?}", shown(line)), member.name))
}

/// The next member, which must be `name` in any compression, and what follows that name in its own.
fn wanted(members: &mut Members<BufReader<File>>, name: &str) -> Result<(Member, String), UnpackError> {
    for _ in 0..MOST_MEMBERS {
        let Some(member) = members.next()? else {
            return Err(refused(format!("{name} as the next member"), "the end of the archive", "the last member"));
        };
        // "[Members] which should be safely ignored by older programs, will have names starting with an underscore."
        if member.name.starts_with('_') {
            continue;
        }
        return match member.name.strip_prefix(name) {
            Some(suffix) if suffix.is_empty() || suffix.starts_with('.') => {
                let suffix = suffix.to_owned();
                Ok((member, suffix))
            }
            _ => Err(refused(format!("{name} as the next member"), format!("{:?}", member.name), member.name)),
        };
    }
    Err(refused(format!("{name} as one of the first members"), format!("{MOST_MEMBERS} others"), name))
}
