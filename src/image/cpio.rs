//! cpio archives in the "newc" format, which the kernel unpacks into the initial RAM disk.
//!
//! In: files. Out: an archive, the same for the same input; and back, from however many archives one behind another.
//! Absent on purpose: links, devices, times, owners other than root; compression in what is written, and any but gzip's in
//! what is read.
//!
//! Format: the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Image, join};
use crate::error::Error;
use crate::gzip;

const MAGIC: &[u8; 6] = b"070701";

/// The same with checksums, which the kernel reads too.
const MAGIC_CHECKED: &[u8; 6] = b"070702";
const HEADER: usize = 110;
const TRAILER: &str = "TRAILER!!!";

/// Boot loaders append archives to one another at multiples of this.
const BLOCK: usize = 512;

/// No seed comes near this; what inflates to more is something else.
const MOST: usize = 64 << 20;

/// Writes an archive: files 0400, the directories above them 0755, root's.
///
/// The kernel gives a directory that is there already the mode of the archive, so this is the mode `/etc` and its like have.
///
/// # Errors
/// When a path is no relative path, or a file is larger than 4 GiB.
pub fn write(files: &[(&str, &[u8])]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut inode = 0;
    let mut directories: BTreeSet<&str> = BTreeSet::new();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    // The order in which files are handed over must not show.
    let mut files = files.to_vec();
    files.sort_unstable_by_key(|(path, _)| *path);
    for (path, content) in files {
        let refuse = |why: &str| Error::new(format!("writing `{path}` into an archive: {why}"));
        if path.is_empty() || path.contains('\0') || path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(refuse("it is not a relative path"));
        }
        let size = u32::try_from(content.len()).map_err(|_| refuse("it is larger than 4 GiB"))?;
        for (slash, _) in path.match_indices('/') {
            if names.contains(&path[..slash]) {
                return Err(refuse("a file stands where a directory is needed"));
            }
            if directories.insert(&path[..slash]) {
                inode += 1;
                entry(&mut out, &path[..slash], inode, 0o040_755, 2, 0, &[]);
            }
        }
        if !names.insert(path) {
            return Err(refuse("it stands twice"));
        }
        inode += 1;
        entry(&mut out, path, inode, 0o100_400, 1, size, content);
    }
    entry(&mut out, TRAILER, 0, 0, 1, 0, &[]);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
    Ok(out)
}

fn entry(out: &mut Vec<u8>, name: &str, inode: u32, mode: u32, links: u32, size: u32, content: &[u8]) {
    let named = u32::try_from(name.len() + 1).expect("paths are shorter than 4 GiB");
    out.extend(MAGIC);
    // inode, mode, owner, group, links, time, size, device, device of a device, length of the name, checksum
    for field in [inode, mode, 0, 0, links, 0, size, 0, 0, 0, 0, named, 0] {
        out.extend(format!("{field:08x}").bytes());
    }
    out.extend(name.bytes());
    out.push(0);
    out.resize(out.len().next_multiple_of(4), 0);
    out.extend(content);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// Tells whether bytes begin as such an archive does.
#[must_use]
pub fn recognises(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) || bytes.starts_with(MAGIC_CHECKED)
}

/// Reads the regular files of an initial RAM disk: archives, plain or gzipped, with zeros between them or not. As with the
/// kernel, a later file replaces an earlier one of the same path.
///
/// # Errors
/// When a header is damaged or points outside, or something else follows an archive, such as one compressed otherwise.
pub fn read(bytes: &[u8]) -> Result<Image, Error> {
    let mut files = BTreeMap::new();
    let mut rest = bytes;
    let mut left = MOST;
    while let Some(start) = rest.iter().position(|byte| *byte != 0) {
        rest = &rest[start..];
        rest = if gzip::is_compressed(rest) {
            let (inflated, behind) = gzip::first_member(rest, left).map_err(|why| Error::new(format!("the archive: {why}")))?;
            left -= inflated.len();
            let mut inner = &inflated[..];
            while let Some(start) = inner.iter().position(|byte| *byte != 0) {
                inner = archive(&inner[start..], &mut files)?;
            }
            behind
        } else {
            archive(rest, &mut files)?
        };
    }
    Ok(Image { label: String::new(), files: files.into_iter().collect() })
}

/// Reads one archive, and returns what follows it.
fn archive<'b>(bytes: &'b [u8], files: &mut BTreeMap<String, Vec<u8>>) -> Result<&'b [u8], Error> {
    let damaged = || Error::new("the archive is damaged");
    if !recognises(bytes) {
        return Err(Error::new(match files.len() {
            0 => "it is no archive of this kind".to_owned(),
            count => format!("behind an archive's end, with {count} files read, follows what is neither another nor gzip"),
        }));
    }
    let mut at = 0;
    loop {
        let header = bytes.get(at..at + HEADER).filter(|header| recognises(header)).ok_or_else(damaged)?;
        let field = |number: usize| {
            let digits = std::str::from_utf8(&header[6 + 8 * number..14 + 8 * number]).ok()?;
            usize::from_str_radix(digits, 16).ok()
        };
        let (mode, size, named) = (field(1), field(6), field(11));
        let (mode, size, named) = (mode.ok_or_else(damaged)?, size.ok_or_else(damaged)?, named.ok_or_else(damaged)?);
        let name_end = (at + HEADER).checked_add(named).ok_or_else(damaged)?;
        let name = bytes.get(at + HEADER..name_end.saturating_sub(1)).ok_or_else(damaged)?;
        let start = name_end.next_multiple_of(4);
        let content = start.checked_add(size).and_then(|end| bytes.get(start..end)).ok_or_else(damaged)?;
        let name = String::from_utf8_lossy(name).into_owned();
        let end = (start + size).next_multiple_of(4);
        if name == TRAILER {
            return Ok(bytes.get(end..).unwrap_or_default());
        }
        if mode & 0o170_000 == 0o100_000 {
            let parts = name.trim_start_matches("./").trim_start_matches('/').split('/');
            let path = parts.map(|part| join("", part)).collect::<Result<Vec<_>, _>>()?.join("/");
            files.insert(path, content.to_vec());
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let files: [(&str, &[u8]); 3] = [("config.ign", b"{}\n"), ("etc/a/b", b""), ("etc/c", b"12345")];
        let archive = write(&files).expect("an archive");
        assert_eq!(archive.len() % BLOCK, 0);
        assert_eq!(archive, write(&files).expect("an archive"));
        let back = read(&archive).expect("own archive");
        assert_eq!(back.files, files.map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).to_vec());
        for length in 0..archive.len() {
            let _ = read(&archive[..length]);
        }
    }

    #[test]
    fn archives_behind_one_another_are_read_as_the_kernel_reads_them() {
        let archive = |files: &[(&str, &[u8])]| write(files).expect("an archive");
        let (early, late) = (archive(&[("a", b"early"), ("kernel/b", b"1")]), archive(&[("a", b"late"), ("c", b"2")]));
        let files = |bytes: &[u8]| {
            let files = read(bytes).map_err(|error| error.what)?.files.into_iter();
            Ok::<_, String>(
                files.map(|(path, content)| format!("{path}={}", String::from_utf8_lossy(&content))).collect::<Vec<_>>(),
            )
        };
        let expected = Ok(["a=late", "c=2", "kernel/b=1"].map(str::to_owned).to_vec());
        assert_eq!(files(&[early.clone(), late.clone()].concat()), expected);
        assert_eq!(files(&[early.clone(), gzip::compress(&late)].concat()), expected);
        assert_eq!(files(&[gzip::compress(&early), vec![0; 4], late.clone()].concat()), expected);
        assert_eq!(files(&gzip::compress(&[early.clone(), late].concat())), expected);
        let checked = archive(&[("a", b"x")]);
        let checked: Vec<u8> = String::from_utf8(checked).expect("ASCII").replace("070701", "070702").into();
        assert_eq!(files(&checked), Ok(vec!["a=x".to_owned()]));
        let xz = [early, b"\xfd7zXZ\0".to_vec()].concat();
        assert!(files(&xz).is_err_and(|why| why.contains("2 files read") && why.contains("neither another nor gzip")));
    }

    #[test]
    fn archives_are_no_larger_together_than_one_may_be() {
        let half = vec![0; MOST / 2 + 1];
        let [one, other] = ["a", "b"].map(|name| gzip::compress(&write(&[(name, &half[..])]).expect("an archive")));
        assert!(read(&one).is_ok() && read(&other).is_ok());
        assert!(read(&[one, other].concat()).is_err_and(|error| error.what.contains("holds more than")));
    }

    #[test]
    fn impossible_paths_are_refused() {
        for path in ["", "/a", "a//b", "../a", "a\0"] {
            assert!(write(&[(path, b"")]).is_err(), "{path:?}");
        }
        assert!(write(&[("a", b""), ("a", b"")]).is_err());
    }
}
