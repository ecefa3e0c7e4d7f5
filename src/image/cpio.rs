//! cpio archives in the "newc" format, which the kernel unpacks into the initial RAM disk.
//!
//! In: files. Out: an archive, the same for the same input; and back. Absent on purpose: compression, links,
//! devices, times, owners other than root.
//!
//! Format: the kernel's `Documentation/driver-api/early-userspace/buffer-format.rst`.

use std::collections::BTreeSet;

use super::{Image, join};
use crate::error::Error;

const MAGIC: &[u8; 6] = b"070701";
const HEADER: usize = 110;
const TRAILER: &str = "TRAILER!!!";

/// Boot loaders append archives to one another at multiples of this.
const BLOCK: usize = 512;

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
    bytes.starts_with(MAGIC)
}

/// Reads the regular files of an archive.
///
/// # Errors
/// When a header is damaged or points outside.
pub fn read(bytes: &[u8]) -> Result<Image, Error> {
    let damaged = || Error::new("the archive is damaged");
    let mut files = Vec::new();
    let mut at = 0;
    loop {
        let header = bytes.get(at..at + HEADER).filter(|header| header.starts_with(MAGIC)).ok_or_else(damaged)?;
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
        if name == TRAILER {
            break;
        }
        if mode & 0o170_000 == 0o100_000 {
            let parts = name.trim_start_matches("./").trim_start_matches('/').split('/');
            let path = parts.map(|part| join("", part)).collect::<Result<Vec<_>, _>>()?.join("/");
            files.push((path, content.to_vec()));
        }
        at = (start + size).next_multiple_of(4);
    }
    files.sort();
    Ok(Image { label: String::new(), files })
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
    fn impossible_paths_are_refused() {
        for path in ["", "/a", "a//b", "../a", "a\0"] {
            assert!(write(&[(path, b"")]).is_err(), "{path:?}");
        }
        assert!(write(&[("a", b""), ("a", b"")]).is_err());
    }
}
