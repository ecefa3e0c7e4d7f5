//! An image read back: ours, genisoimage's, xorriso's.
//!
//! In: bytes nobody vouches for. Out: files under their real names. Absent on purpose: several sessions,
//! extents in pieces, relocated directories, links and devices (they are passed over).

use std::collections::BTreeSet;

use super::{FIRST_DESCRIPTOR, JOLIET_ESCAPE, SECTOR, STANDARD_ID};
use crate::error::Error;
use crate::image::{Image, join};

/// No seed comes near these; an image that does is damaged or something else.
const MOST_FILES: usize = 10_000;
const MOST_DEPTH: usize = 8;
const MOST_BYTES: usize = 64 << 20;

/// System-use areas that belong to one record; a name of 255 bytes takes two.
const MOST_AREAS: usize = 8;

/// Tells whether there is a volume descriptor where one must be.
#[must_use]
pub fn recognises(bytes: &[u8]) -> bool {
    descriptor(bytes, FIRST_DESCRIPTOR).is_some()
}

/// Reads the files of an image; names are those of Rock Ridge, else Joliet's, else the plain ones in small letters.
///
/// # Errors
/// When a structure does not lie within the image, or there is more than any seed has.
pub fn read(bytes: &[u8]) -> Result<Image, Error> {
    let damaged = |what: &str| Error::new(format!("the image is damaged: {what}"));
    let descriptors = (FIRST_DESCRIPTOR..).map_while(|sector| descriptor(bytes, sector)).take(32);
    let descriptors: Vec<_> = descriptors.take_while(|descriptor| descriptor[0] != 255).collect();
    let primary = descriptors.iter().find(|d| d[0] == 1).ok_or_else(|| damaged("it has no primary volume"))?;
    let joliet = descriptors.iter().find(|d| d[0] == 2 && d[88..91] == *JOLIET_ESCAPE);
    let label = String::from_utf8_lossy(&primary[40..72]).trim_end_matches([' ', '\0']).to_owned();
    let skip = rock_ridge_skip(bytes, primary);
    let (names, volume) = match (skip, joliet) {
        (Some(skip), _) => (Names::RockRidge(skip), primary),
        (None, Some(joliet)) => (Names::Joliet, joliet),
        (None, None) => (Names::Plain, primary),
    };
    let root = Record::parse(&volume[156..190]).ok_or_else(|| damaged("its root directory is missing"))?;
    let mut walk = Walk { bytes, names, seen: BTreeSet::new(), files: Vec::new(), total: 0 };
    walk.directory(&root, "", 0)?;
    let mut files = walk.files;
    files.sort();
    Ok(Image { label, files })
}

fn descriptor(bytes: &[u8], sector: usize) -> Option<&[u8]> {
    let found = bytes.get(sector * SECTOR..(sector + 1) * SECTOR)?;
    (found[1..6] == *STANDARD_ID).then_some(found)
}

/// Where names come from.
#[derive(Clone, Copy)]
enum Names {
    /// The system-use fields, after so many bytes of each (SUSP §5.3, "LEN_SKP").
    RockRidge(usize),
    Joliet,
    Plain,
}

/// Finds SUSP's mark in the root's own record.
fn rock_ridge_skip(bytes: &[u8], primary: &[u8]) -> Option<usize> {
    let root = Record::parse(&primary[156..190])?;
    let own = Record::parse(bytes.get(root.sector.checked_mul(SECTOR)?..)?)?;
    let mark = own.system_use.get(..7)?;
    (mark[..2] == *b"SP" && mark[4..6] == [0xbe, 0xef]).then(|| usize::from(mark[6]))
}

struct Record<'b> {
    length: usize,
    sector: usize,
    size: usize,
    directory: bool,
    identifier: &'b [u8],
    system_use: &'b [u8],
}

impl<'b> Record<'b> {
    fn parse(bytes: &'b [u8]) -> Option<Self> {
        let length = usize::from(*bytes.first()?);
        let bytes = bytes.get(..length)?;
        let number = |at: usize| {
            let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_le_bytes(bytes)).ok()
        };
        let named = usize::from(*bytes.get(32)?);
        Some(Self {
            length,
            sector: number(2)?,
            size: number(10)?,
            directory: bytes.get(25)? & 2 != 0,
            identifier: bytes.get(33..33 + named)?,
            system_use: bytes.get((33 + named).next_multiple_of(2)..).unwrap_or(&[]),
        })
    }
}

struct Walk<'b> {
    bytes: &'b [u8],
    names: Names,
    seen: BTreeSet<usize>,
    files: Vec<(String, Vec<u8>)>,
    total: usize,
}

impl<'b> Walk<'b> {
    fn content(&mut self, record: &Record<'_>, path: &str) -> Result<&'b [u8], Error> {
        let start = record.sector.checked_mul(SECTOR);
        let range = start.and_then(|start| Some(start..start.checked_add(record.size)?));
        self.total += record.size;
        if self.total > MOST_BYTES {
            return Err(Error::new("the image holds more than any seed does"));
        }
        let outside = || Error::new(format!("the image is damaged: `{path}` lies outside of it"));
        // An empty file may be said to lie anywhere.
        if record.size == 0 { Ok(&[]) } else { range.and_then(|range| self.bytes.get(range)).ok_or_else(outside) }
    }

    fn directory(&mut self, record: &Record<'_>, path: &str, depth: usize) -> Result<(), Error> {
        if depth > MOST_DEPTH || !self.seen.insert(record.sector) {
            return Err(Error::new("the image is damaged: its directories contain one another"));
        }
        let content = self.content(record, path)?;
        for sector in content.chunks(SECTOR) {
            let mut rest = sector;
            while let Some(entry) = Record::parse(rest).filter(|entry| entry.length > 33) {
                rest = &rest[entry.length..];
                // The directory itself and the one above.
                if matches!(entry.identifier, [0 | 1]) && entry.directory {
                    continue;
                }
                let (name, regular) = self.name(&entry);
                let path = join(path, &name)?;
                if self.files.len() >= MOST_FILES {
                    return Err(Error::new("the image holds more files than any seed does"));
                }
                if entry.directory {
                    self.directory(&entry, &format!("{path}/"), depth + 1)?;
                } else if regular {
                    let content = self.content(&entry, &path)?.to_vec();
                    self.files.push((path, content));
                }
            }
        }
        Ok(())
    }

    /// The name of an entry, and whether it is a regular file if it is no directory.
    fn name(&self, record: &Record<'b>) -> (String, bool) {
        let plain = || {
            let text = String::from_utf8_lossy(record.identifier).to_ascii_lowercase();
            text.split(';').next().unwrap_or_default().trim_end_matches('.').to_owned()
        };
        match self.names {
            Names::Plain => (plain(), true),
            Names::Joliet => {
                let units = record.identifier.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                let text = String::from_utf16_lossy(&units.collect::<Vec<_>>());
                (text.split(';').next().unwrap_or_default().to_owned(), true)
            }
            Names::RockRidge(skip) => {
                let (name, regular) = self.rock_ridge(record.system_use.get(skip..).unwrap_or(&[]));
                (if name.is_empty() { plain() } else { name }, regular)
            }
        }
    }

    /// Puts a name together from its NM entries (RRIP §4.1.4) and looks at the mode (§4.1.1); both may stand in a
    /// continuation area (SUSP §5.1), which is what becomes of long names.
    fn rock_ridge(&self, first: &'b [u8]) -> (String, bool) {
        let (mut name, mut regular) = (Vec::new(), true);
        let mut area = Some(first);
        for _ in 0..MOST_AREAS {
            let Some(mut entries) = area.take() else { break };
            while let [a, b, length, _, ..] = entries {
                let Some(entry) = entries.get(..usize::from(*length).max(4)) else { break };
                match (&[*a, *b], entry.len()) {
                    (b"NM", 6..) => name.extend_from_slice(&entry[5..]),
                    (b"PX", 8..) => regular = u16::from_le_bytes([entry[4], entry[5]]) & 0o170_000 == 0o100_000,
                    (b"CE", 28..) => area = self.continuation(entry),
                    _ => {}
                }
                entries = &entries[entry.len()..];
            }
        }
        (String::from_utf8_lossy(&name).into_owned(), regular)
    }

    /// The area a CE entry leads to; it lies within one sector.
    fn continuation(&self, entry: &[u8]) -> Option<&'b [u8]> {
        let number = |at: usize| usize::try_from(u32::from_le_bytes(entry.get(at..at + 4)?.try_into().ok()?)).ok();
        let (sector, offset, length) = (number(4)?, number(12)?, number(20)?);
        let start = sector.checked_mul(SECTOR)?;
        self.bytes.get(start..start.checked_add(SECTOR)?)?.get(offset..offset.checked_add(length)?)
    }
}
