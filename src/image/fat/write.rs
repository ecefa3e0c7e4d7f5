//! A volume put together.
//!
//! In: a label and files. Out: bytes. Absent on purpose: names (`names`).

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::names::{long, short};
use super::{ARCHIVE, DIRECTORY, ENTRY, FAT12_BELOW, FAT16_BELOW, SECTOR, VOLUME};
use crate::error::Error;

/// 2020-01-01 00:00:00.
const DATE: u16 = 40 << 9 | 1 << 5 | 1;

/// Entries of the root directory, which FAT12 and FAT16 fix.
const ROOT: usize = 512;

const RESERVED: usize = 1;
const MEDIA: u8 = 0xf8;

/// What a directory holds, by name.
#[derive(Default)]
struct Directory<'f> {
    directories: BTreeMap<&'f str, Directory<'f>>,
    files: BTreeMap<&'f str, &'f [u8]>,
}

/// Writes a volume; the same bytes for the same input.
///
/// # Errors
/// When the label or a name does not fit, a path stands twice, or the whole is larger than FAT16 can be.
pub fn write(label: &str, files: &[(&str, &[u8])]) -> Result<Vec<u8>, Error> {
    if label.is_empty() || label.len() > 11 || !label.bytes().all(|b| b.is_ascii_alphanumeric() || b" -_".contains(&b)) {
        return Err(Error::new(format!("labelling an image `{label}`: a label has 1 to 11 letters, digits, `-` or `_`")));
    }
    let mut root = Directory::default();
    for (path, content) in files {
        place(&mut root, path, content)?;
    }
    let mut heap = Heap { clusters: Vec::new(), chains: vec![0; 2] };
    let mut entries = vec![volume(label)];
    entries.extend(heap.directory(&root, 0)?);
    if entries.len() > ROOT {
        return Err(Error::new("writing an image: there are more files in its root than FAT holds"));
    }
    let digest = Sha256::digest(heap.clusters.concat());
    Ok(assemble(label, &entries, heap, &digest[..4]))
}

fn place<'f>(root: &mut Directory<'f>, path: &'f str, content: &'f [u8]) -> Result<(), Error> {
    let refuse = |why: &str| Err(Error::new(format!("writing `{path}` into an image: {why}")));
    let bad = |c: char| c.is_control() || "\"*/:<>?\\|".contains(c);
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| part.is_empty() || part.ends_with(['.', ' ']) || part.chars().any(bad)) {
        return refuse("a name in it is none that FAT can hold");
    }
    if parts.iter().any(|part| part.encode_utf16().count() > 255) {
        return refuse("a name in it is longer than 255 characters");
    }
    let (name, above) = parts.split_last().expect("splitting gives one part at least");
    // FAT does not tell capitals from small letters.
    let same = |one: &str, other: &str| one.to_uppercase() == other.to_uppercase();
    let mut here = root;
    for part in above {
        if here.directories.keys().any(|other| other != part && same(other, part)) {
            return refuse("a directory in it stands twice, in capitals and in small letters");
        }
        if here.files.keys().any(|other| same(other, part)) {
            return refuse("a file stands where a directory is needed");
        }
        here = here.directories.entry(part).or_default();
    }
    if here.files.keys().chain(here.directories.keys()).any(|other| same(other, name)) {
        return refuse("the name stands twice");
    }
    here.files.insert(name, content);
    Ok(())
}

/// The data area while it grows: one sector a cluster.
struct Heap {
    clusters: Vec<[u8; SECTOR]>,
    /// The table: for each cluster the next one; the first two belong to the format.
    chains: Vec<u16>,
}

impl Heap {
    /// Stores bytes and returns their first cluster, 0 for none.
    fn store(&mut self, bytes: &[u8]) -> Result<u16, Error> {
        let first = self.chains.len();
        for chunk in bytes.chunks(SECTOR) {
            let mut cluster = [0; SECTOR];
            cluster[..chunk.len()].copy_from_slice(chunk);
            self.clusters.push(cluster);
            self.chains.push(u16::try_from(self.chains.len() + 1).unwrap_or(u16::MAX));
        }
        if self.clusters.len() >= FAT16_BELOW - 16 {
            return Err(Error::new("writing an image: FAT16 holds 32 MiB in these clusters, and this is more"));
        }
        match self.chains.last_mut() {
            Some(last) if !bytes.is_empty() => {
                *last = u16::MAX;
                Ok(u16::try_from(first).expect("checked above"))
            }
            _ => Ok(0),
        }
    }

    /// Stores what is below a directory and returns its entries, without `.` and `..`.
    fn directory(&mut self, directory: &Directory<'_>, own: u16) -> Result<Vec<[u8; ENTRY]>, Error> {
        let mut entries = Vec::new();
        let mut taken = BTreeSet::new();
        for (name, below) in &directory.directories {
            // A directory's place must be known to those in it, so an empty one of the right size is stored first.
            let size = (2 + count(below)) * ENTRY;
            let first = self.store(&vec![0; size])?;
            let inner = self.directory(below, first)?;
            let dots = [entry(*b".          ", DIRECTORY, first, 0), entry(*b"..         ", DIRECTORY, own, 0)];
            let bytes: Vec<u8> = dots.into_iter().chain(inner).flatten().collect();
            for (index, chunk) in bytes.chunks(SECTOR).enumerate() {
                self.clusters[usize::from(first) - 2 + index][..chunk.len()].copy_from_slice(chunk);
            }
            add(&mut entries, &mut taken, name, DIRECTORY, first, 0);
        }
        for (name, content) in &directory.files {
            let first = self.store(content)?;
            let size = u32::try_from(content.len()).expect("the heap is smaller than 32 MiB");
            add(&mut entries, &mut taken, name, ARCHIVE, first, size);
        }
        Ok(entries)
    }
}

/// How many entries a directory has, long names included.
fn count(directory: &Directory<'_>) -> usize {
    let mut taken = BTreeSet::new();
    let names = directory.directories.keys().chain(directory.files.keys());
    let of = |name: &&str| {
        let short = short(name, &taken);
        taken.insert(short);
        1 + long(name, &short).len()
    };
    names.map(of).sum()
}

fn add(entries: &mut Vec<[u8; ENTRY]>, taken: &mut BTreeSet<[u8; 11]>, name: &str, attributes: u8, first: u16, size: u32) {
    let short = short(name, taken);
    taken.insert(short);
    entries.extend(long(name, &short));
    entries.push(entry(short, attributes, first, size));
}

fn entry(name: [u8; 11], attributes: u8, first: u16, size: u32) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    entry[..11].copy_from_slice(&name);
    entry[11] = attributes;
    for place in [16, 18, 24] {
        entry[place..place + 2].copy_from_slice(&DATE.to_le_bytes());
    }
    entry[26..28].copy_from_slice(&first.to_le_bytes());
    entry[28..].copy_from_slice(&size.to_le_bytes());
    entry
}

fn padded(label: &str) -> [u8; 11] {
    let mut name = [b' '; 11];
    name[..label.len()].copy_from_slice(label.as_bytes());
    name
}

fn volume(label: &str) -> [u8; ENTRY] {
    entry(padded(label), VOLUME, 0, 0)
}

fn assemble(label: &str, root: &[[u8; ENTRY]], heap: Heap, serial: &[u8]) -> Vec<u8> {
    let used = heap.clusters.len();
    // Some free room: readers take a volume without any for a damaged one. The type follows from the count alone.
    let clusters = (used + 8).next_multiple_of(64);
    let wide = clusters >= FAT12_BELOW;
    let table_bytes = if wide { (clusters + 2) * 2 } else { ((clusters + 2) * 3).div_ceil(2) };
    let table = table_bytes.div_ceil(SECTOR);
    let total = RESERVED + 2 * table + ROOT * ENTRY / SECTOR + clusters;
    let small = |number: usize| u16::try_from(number).expect("a FAT16 volume of these clusters has fewer sectors");
    let mut out = vec![0xeb, 0x3c, 0x90];
    out.extend(b"MSWIN4.1");
    out.extend(u16::try_from(SECTOR).expect("a constant").to_le_bytes());
    out.push(1);
    out.extend(small(RESERVED).to_le_bytes());
    out.push(2);
    out.extend(small(ROOT).to_le_bytes());
    let (short_total, long_total) = match u16::try_from(total) {
        Ok(total) => (total, 0),
        Err(_) => (0, u32::try_from(total).expect("a FAT16 volume of these clusters has fewer sectors")),
    };
    out.extend(short_total.to_le_bytes());
    out.push(MEDIA);
    out.extend(small(table).to_le_bytes());
    // Geometry that nothing uses: sectors a track, heads, hidden sectors.
    out.extend([32, 0, 64, 0, 0, 0, 0, 0]);
    out.extend(long_total.to_le_bytes());
    out.extend([0x80, 0, 0x29]);
    out.extend(serial);
    out.extend(padded(label));
    out.extend(if wide { b"FAT16   " } else { b"FAT12   " });
    out.resize(SECTOR - 2, 0);
    out.extend([0x55, 0xaa]);
    let table = packed(&heap.chains, wide, table * SECTOR);
    out.extend(&table);
    out.extend(&table);
    let mut entries = root.concat();
    entries.resize(ROOT * ENTRY, 0);
    out.extend(entries);
    out.extend(heap.clusters.concat());
    out.resize(total * SECTOR, 0);
    out
}

/// The table as it lies on disk: two bytes an entry, or three bytes two entries.
fn packed(chains: &[u16], wide: bool, size: usize) -> Vec<u8> {
    let head = [0xff00 | u16::from(MEDIA), u16::MAX];
    let all = head.iter().chain(&chains[2..]);
    let mut out: Vec<u8> = if wide {
        all.flat_map(|entry| entry.to_le_bytes()).collect()
    } else {
        let entries: Vec<u16> = all.map(|entry| entry & 0x0fff).collect();
        let pair = |pair: &[u16]| {
            let (first, second) = (pair[0], pair.get(1).copied().unwrap_or(0));
            let [low, high] = first.to_le_bytes();
            [low, high | u8::try_from((second & 0x0f) << 4).expect("four bits"), u8::try_from(second >> 4).expect("eight bits")]
        };
        entries.chunks(2).flat_map(pair).collect()
    };
    out.resize(size, 0);
    out
}
