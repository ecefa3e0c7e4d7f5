//! An image read back: ours, genisoimage's, xorriso's.
//!
//! In: bytes nobody vouches for. Out: files under their real names. Absent on purpose: several sessions,
//! extents in pieces, relocated directories.

use std::collections::BTreeSet;

use super::{FIRST_DESCRIPTOR, JOLIET_ESCAPE, SECTOR, STANDARD_ID};
use crate::error::Error;
use crate::image::Image;

/// No seed comes near these; an image that does is damaged or something else.
const MOST_FILES: usize = 10_000;
const MOST_DEPTH: usize = 8;
const MOST_BYTES: usize = 64 << 20;

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
                let path = format!("{path}{}", self.name(&entry));
                if self.files.len() >= MOST_FILES {
                    return Err(Error::new("the image holds more files than any seed does"));
                }
                if entry.directory {
                    self.directory(&entry, &format!("{path}/"), depth + 1)?;
                } else {
                    let content = self.content(&entry, &path)?.to_vec();
                    self.files.push((path, content));
                }
            }
        }
        Ok(())
    }

    fn name(&self, record: &Record<'_>) -> String {
        let plain = || {
            let text = String::from_utf8_lossy(record.identifier).to_ascii_lowercase();
            text.split(';').next().unwrap_or_default().trim_end_matches('.').to_owned()
        };
        match self.names {
            Names::Plain => plain(),
            Names::Joliet => {
                let units = record.identifier.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                let text = String::from_utf16_lossy(&units.collect::<Vec<_>>());
                text.split(';').next().unwrap_or_default().to_owned()
            }
            Names::RockRidge(skip) => real_name(record.system_use.get(skip..).unwrap_or(&[])).unwrap_or_else(plain),
        }
    }
}

/// Puts a name together from its NM entries (RRIP §4.1.4).
fn real_name(mut entries: &[u8]) -> Option<String> {
    let mut name = Vec::new();
    while let [a, b, length, _, ..] = entries {
        let entry = entries.get(..usize::from(*length).max(4))?;
        if [*a, *b] == *b"NM" {
            name.extend_from_slice(entry.get(5..)?);
        }
        entries = &entries[entry.len()..];
    }
    (!name.is_empty()).then(|| String::from_utf8_lossy(&name).into_owned())
}
