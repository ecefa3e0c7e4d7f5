//! A volume read back: ours, mkfs.vfat's, of any width.
//!
//! In: bytes nobody vouches for. Out: files under their long names. Absent on purpose: partitions, deleted files.

use std::collections::BTreeSet;

use super::{DIRECTORY, ENTRY, FAT12_BELOW, FAT16_BELOW, LONG_NAME, SECTOR, VOLUME, checksum};
use crate::error::Error;
use crate::image::{Image, join};

const MOST_FILES: usize = 10_000;
const MOST_DEPTH: usize = 8;
/// A name has 255 units at most, in entries of thirteen.
const LONGEST_NAME: usize = 255;
const MOST_BYTES: usize = 64 << 20;

/// Tells whether bytes begin as a FAT volume does.
#[must_use]
pub fn recognises(bytes: &[u8]) -> bool {
    bytes.get(510..512) == Some(&[0x55, 0xaa]) && Volume::open(bytes).is_some()
}

/// Reads the files of a volume.
///
/// # Errors
/// When a structure does not lie within the image, or there is more than any seed has.
pub fn read(bytes: &[u8]) -> Result<Image, Error> {
    let volume = Volume::open(bytes).ok_or_else(damaged)?;
    let root = volume.root()?;
    let label = root
        .chunks_exact(ENTRY)
        .take_while(|entry| entry[0] != 0)
        .find(|entry| entry[11] & LONG_NAME == VOLUME && entry[0] != 0xe5);
    let label = label.map_or(String::new(), |entry| String::from_utf8_lossy(&entry[..11]).trim_end().to_owned());
    let mut walk = Walk { volume, seen: BTreeSet::new(), files: Vec::new(), total: 0 };
    walk.directory(&root, "", 0)?;
    walk.files.sort();
    Ok(Image { label, files: walk.files })
}

fn damaged() -> Error {
    Error::new("the image is damaged: its FAT file system cannot be read")
}

#[derive(Clone, Copy)]
enum Width {
    Twelve,
    Sixteen,
    ThirtyTwo,
}

struct Volume<'b> {
    bytes: &'b [u8],
    width: Width,
    table: usize,
    root: usize,
    root_entries: usize,
    root_cluster: usize,
    data: usize,
    cluster: usize,
    clusters: usize,
}

impl<'b> Volume<'b> {
    fn open(bytes: &'b [u8]) -> Option<Self> {
        let byte = |at: usize| bytes.get(at).map(|byte| usize::from(*byte));
        let short = |at: usize| Some(byte(at)? | byte(at + 1)? << 8);
        let long = |at: usize| Some(short(at)? | short(at + 2)? << 16);
        let sector = short(11)?;
        let (per_cluster, reserved, tables, root_entries) = (byte(13)?, short(14)?, byte(16)?, short(17)?);
        if !sector.is_power_of_two() || !(SECTOR..=4096).contains(&sector) || !per_cluster.is_power_of_two() || tables == 0 {
            return None;
        }
        let either = |short: usize, long: usize| if short == 0 { long } else { short };
        let wide = short(22)? == 0;
        let table_size = either(short(22)?, long(36)?);
        let total = either(short(19)?, long(32)?);
        let root = reserved + tables * table_size;
        let data = root + (root_entries * ENTRY).div_ceil(sector);
        let clusters = total.checked_sub(data)? / per_cluster;
        let width = match clusters {
            // FAT32 has no short size of a table; mkfs.vfat makes it as small as it is told to.
            _ if wide => Width::ThirtyTwo,
            few if few < FAT12_BELOW => Width::Twelve,
            some if some < FAT16_BELOW => Width::Sixteen,
            _ => return None,
        };
        Some(Self {
            bytes,
            width,
            table: reserved * sector,
            root: root * sector,
            root_entries,
            root_cluster: long(44)?,
            data: data * sector,
            cluster: per_cluster * sector,
            clusters,
        })
    }

    fn root(&self) -> Result<Vec<u8>, Error> {
        match self.width {
            Width::ThirtyTwo => self.chain(self.root_cluster, None),
            _ => self.bytes.get(self.root..self.root + self.root_entries * ENTRY).map(<[u8]>::to_vec).ok_or_else(damaged),
        }
    }

    fn next(&self, cluster: usize) -> Option<usize> {
        let take = |at: usize, bytes: usize| {
            let slice = self.bytes.get(self.table + at..self.table + at + bytes)?;
            Some(slice.iter().rev().fold(0usize, |number, byte| number << 8 | usize::from(*byte)))
        };
        match self.width {
            Width::Twelve => {
                let pair = take(cluster * 3 / 2, 2)?;
                Some(if cluster.is_multiple_of(2) { pair & 0xfff } else { pair >> 4 })
            }
            Width::Sixteen => take(cluster * 2, 2),
            Width::ThirtyTwo => take(cluster * 4, 4).map(|next| next & 0x0fff_ffff),
        }
    }

    /// Follows a chain of clusters to its end, or until `size` bytes are there.
    fn chain(&self, first: usize, size: Option<usize>) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        let mut cluster = first;
        while (2..self.clusters + 2).contains(&cluster) && size.is_none_or(|size| out.len() < size) {
            let start = self.data + (cluster - 2) * self.cluster;
            out.extend_from_slice(self.bytes.get(start..start + self.cluster).ok_or_else(damaged)?);
            if out.len() > MOST_BYTES || out.len() > self.bytes.len() {
                return Err(damaged());
            }
            cluster = self.next(cluster).ok_or_else(damaged)?;
        }
        match size {
            Some(size) if out.len() < size => Err(damaged()),
            Some(size) => {
                out.truncate(size);
                Ok(out)
            }
            None => Ok(out),
        }
    }
}

struct Walk<'b> {
    volume: Volume<'b>,
    /// First clusters of the directories entered; directories that contain themselves would multiply without end.
    seen: BTreeSet<usize>,
    files: Vec<(String, Vec<u8>)>,
    total: usize,
}

impl Walk<'_> {
    /// Counts what is about to be kept or copied, directories too: their chains may share clusters.
    fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.total = self.total.saturating_add(bytes);
        if self.total > MOST_BYTES || self.files.len() >= MOST_FILES {
            return Err(Error::new("the image holds more than any seed does"));
        }
        Ok(())
    }

    fn directory(&mut self, entries: &[u8], path: &str, depth: usize) -> Result<(), Error> {
        if depth > MOST_DEPTH {
            return Err(damaged());
        }
        let mut long: Vec<u16> = Vec::new();
        let mut sum = None;
        for entry in entries.chunks_exact(ENTRY).take_while(|entry| entry[0] != 0) {
            let attributes = entry[11];
            if entry[0] == 0xe5 {
                long.clear();
            } else if attributes & LONG_NAME == LONG_NAME {
                if entry[0] & 0x40 != 0 {
                    long.clear();
                }
                if long.len() > LONGEST_NAME {
                    return Err(damaged());
                }
                let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain((28..32).step_by(2));
                let piece = places.map(|at| u16::from_le_bytes([entry[at], entry[at + 1]]));
                long = piece.take_while(|unit| *unit != 0 && *unit != 0xffff).chain(long).collect();
                sum = Some(entry[13]);
            } else if attributes & VOLUME != 0 || entry[0] == b'.' {
                long.clear();
            } else {
                let name = match sum.take() {
                    Some(sum) if !long.is_empty() && sum == checksum(&entry[..11]) => String::from_utf16_lossy(&long),
                    _ => short_name(entry),
                };
                long.clear();
                let path = join(path, &name)?;
                let high =
                    if matches!(self.volume.width, Width::ThirtyTwo) { u16::from_le_bytes([entry[20], entry[21]]) } else { 0 };
                let first = usize::from(high) << 16 | usize::from(u16::from_le_bytes([entry[26], entry[27]]));
                if attributes & DIRECTORY != 0 {
                    if !self.seen.insert(first) {
                        return Err(damaged());
                    }
                    let inner = self.volume.chain(first, None)?;
                    self.count(inner.len())?;
                    self.directory(&inner, &format!("{path}/"), depth + 1)?;
                } else {
                    let size = u32::from_le_bytes([entry[28], entry[29], entry[30], entry[31]]);
                    let size = usize::try_from(size).map_err(|_| damaged())?;
                    self.count(size)?;
                    self.files.push((path, self.volume.chain(first, Some(size))?));
                }
            }
        }
        Ok(())
    }
}

/// A short name in the letters Windows NT noted for it.
fn short_name(entry: &[u8]) -> String {
    let part = |bytes: &[u8], lower: bool| {
        let text = String::from_utf8_lossy(bytes).trim_end_matches(' ').to_owned();
        if lower { text.to_ascii_lowercase() } else { text }
    };
    let (stem, extension) = (part(&entry[..8], entry[12] & 0x08 != 0), part(&entry[8..11], entry[12] & 0x10 != 0));
    if extension.is_empty() { stem } else { format!("{stem}.{extension}") }
}

#[cfg(test)]
mod tests {
    use super::super::write;
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let long = "n".repeat(200);
        let many: Vec<(String, Vec<u8>)> =
            (0..300).map(|n| (format!("openstack/latest/file-{n}"), vec![n as u8; n * 11])).collect();
        let large = vec![7; 3 << 20];
        for large in [&large[..], &large[..600]] {
            let mut files: Vec<(&str, &[u8])> = vec![
                ("user-data", b"#cloud-config\n"),
                ("user-data2", b"x"),
                ("A.TXT", b"short"),
                ("a.b.c", b""),
                ("exactly13char", b"13"),
                ("large", large),
                (&long, b"long"),
            ];
            files.extend(many.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
            let image = write("cidata", &files).expect("an image");
            assert_eq!(image, write("cidata", &files).expect("an image"), "the same bytes");
            assert!(recognises(&image));
            let back = read(&image).expect("own image");
            assert_eq!(back.label, "cidata");
            let mut expected: Vec<_> = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
            expected.sort();
            assert!(back.files == expected);
        }
    }

    #[test]
    fn impossible_names_are_refused() {
        for path in ["", "a//b", "/a", "a.", "a ", "a\nb", "a:b", "a?"] {
            assert!(write("cidata", &[(path, b"")]).is_err(), "{path:?}");
        }
        assert!(write("cidata", &[("a", b""), ("A", b"")]).is_err());
        assert!(write("", &[]).is_err() && write("twelveletter", &[]).is_err());
    }

    /// Pieces of a name that never begins, and directories that share what lies on the disk.
    #[test]
    fn what_would_be_copied_without_end_is_refused() {
        let image = write("cidata", &[("a", b"x"), ("d/b", b"y")]).expect("an image");
        let volume = Volume::open(&image).expect("a volume");
        let (root, entries) = (volume.root, volume.root_entries);
        let mut endless = image.clone();
        let piece = [&[1][..], &[b'n'; 10], &[LONG_NAME, 0, 0], &[b'n'; 12], &[0, 0], &[b'n'; 4]].concat();
        endless[root..root + entries * ENTRY].copy_from_slice(&piece.repeat(entries));
        assert!(read(&endless).is_err());
        let mut walk = Walk { volume, seen: BTreeSet::new(), files: Vec::new(), total: 0 };
        assert!(walk.count(MOST_BYTES).is_ok() && walk.count(1).is_err());
    }

    #[test]
    fn damage_is_survived() {
        let image = write("cidata", &[("d/user-data", &[1; 3000]), ("a", b"x")]).expect("an image");
        for length in (0..image.len()).step_by(128) {
            let _ = read(&image[..length]);
        }
        for place in (0..image.len()).step_by(3) {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = image.clone();
                damaged[place] ^= flip;
                let _ = read(&damaged);
            }
        }
    }
}
