//! An image put together, sector by sector.
//!
//! In: a label and files. Out: bytes. Absent on purpose: the shape of single records (`records`).
//!
//! ```text
//! 16 primary │ 17 Joliet │ 18 end │ path tables ×4 │ directories │ Joliet's │ extension record │ files
//! ```

use super::layout::{Directory, Kind, Name, arrange};
use super::records::{
    Continuation, Extent, both16, both32, directory, extension_reference, path_record, record, rock_ridge, root_marks,
};
use super::{FIRST_DESCRIPTOR, JOLIET_ESCAPE, SECTOR, STANDARD_ID};
use crate::error::Error;

/// Which of the two hierarchies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Level-1 names with Rock Ridge behind them.
    Primary,
    /// UCS-2 names.
    Joliet,
}

impl Side {
    fn identifier(self, name: &Name) -> Vec<u8> {
        match self {
            Self::Primary => name.plain.clone().into_bytes(),
            Self::Joliet => name.joliet(),
        }
    }
}

/// Writes an image: files 0400, directories 0500, root's; the same bytes for the same input.
///
/// # Errors
/// When the label or a name does not fit, a path stands twice, or the whole is larger than 4 GiB.
pub fn write(label: &str, files: &[(&str, &[u8])]) -> Result<Vec<u8>, Error> {
    if label.is_empty() || label.len() > 16 || !label.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        return Err(Error::new(format!("labelling an image `{label}`: a label has 1 to 16 printable ASCII characters")));
    }
    // The order in which files are handed over must not show.
    let mut files = files.to_vec();
    files.sort_unstable_by_key(|(path, _)| *path);
    let paths: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    let directories = arrange(&paths)?;
    let plan = Plan::new(&directories, &files)?;
    let mut image = vec![0; FIRST_DESCRIPTOR * SECTOR];
    image.extend(plan.descriptor(label, Side::Primary));
    image.extend(plan.descriptor(label, Side::Joliet));
    image.extend(padded([&[255], STANDARD_ID.as_slice(), &[1]].concat()));
    for side in SIDES {
        image.extend(padded(plan.path_table(side, true)));
        image.extend(padded(plan.path_table(side, false)));
    }
    for side in SIDES {
        for place in 0..directories.len() {
            image.extend(plan.directory(side, place));
        }
    }
    image.extend(padded(extension_reference()));
    for (_, content) in files {
        image.extend_from_slice(content);
        image.resize(image.len().next_multiple_of(SECTOR), 0);
    }
    Ok(image)
}

const SIDES: [Side; 2] = [Side::Primary, Side::Joliet];

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(bytes.len().next_multiple_of(SECTOR).max(SECTOR), 0);
    bytes
}

/// Where everything lies; one list a side.
struct Places {
    tables: [u32; 2],
    extension: u32,
    directories: [Vec<Extent>; 2],
    files: Vec<Extent>,
    /// The whole image.
    sectors: u32,
}

struct Plan<'a> {
    directories: &'a [Directory],
    places: Places,
}

impl<'a> Plan<'a> {
    fn new(directories: &'a [Directory], files: &[(&str, &[u8])]) -> Result<Self, Error> {
        // No size depends on a place, so a plan without places tells the sizes.
        let nowhere = |count: usize, directory| vec![Extent { sector: 0, size: 0, directory }; count];
        let blank = Places {
            tables: [0; 2],
            extension: 0,
            directories: [nowhere(directories.len(), true), nowhere(directories.len(), true)],
            files: nowhere(files.len(), false),
            sectors: 0,
        };
        let sizes = Plan { directories, places: blank };
        let mut next = Cursor(FIRST_DESCRIPTOR + 3);
        let tables = SIDES.map(|side| next.take(2 * padded(sizes.path_table(side, true)).len()));
        let extents = SIDES.map(|side| {
            let sizes = (0..directories.len()).map(|place| sizes.directory(side, place).len());
            sizes.map(|size| (next.take(size), size)).collect::<Vec<_>>()
        });
        // libarchive reads forward: it refuses a continuation that lies before the directory it belongs to.
        let extension = next.take(SECTOR);
        let contents: Vec<_> = files.iter().map(|(_, content)| (next.take(content.len()), content.len())).collect();
        let sectors = u32::try_from(next.0).ok().filter(|sectors| *sectors <= u32::MAX / 2048);
        let sectors = sectors.ok_or_else(|| Error::new("writing an image: it would be larger than 4 GiB"))?;
        let small = |number: usize| u32::try_from(number).expect("the whole is smaller than 4 GiB");
        let placed = |extents: &[(usize, usize)], directory| {
            extents.iter().map(|(sector, size)| Extent { sector: small(*sector), size: small(*size), directory }).collect()
        };
        let places = Places {
            tables: tables.map(small),
            extension: small(extension),
            directories: [placed(&extents[0], true), placed(&extents[1], true)],
            files: placed(&contents, false),
            sectors,
        };
        Ok(Plan { directories, places })
    }

    fn extents(&self, side: Side) -> &[Extent] {
        &self.places.directories[side as usize]
    }

    /// Lists the directories by level, then by the number of the parent, then by name (ECMA-119 §6.9.1).
    fn path_table(&self, side: Side, little: bool) -> Vec<u8> {
        let mut listed = vec![(vec![0], 0, 1)];
        let mut number = 0;
        while let Some((_, place, _)) = listed.get(number) {
            number += 1;
            let mut below: Vec<_> = self.directories[*place]
                .entries
                .iter()
                .filter_map(|entry| match entry.kind {
                    Kind::Directory(place) => Some((side.identifier(&entry.name), place, number)),
                    Kind::File(_) => None,
                })
                .collect();
            below.sort();
            listed.extend(below);
        }
        let record = |(name, place, parent): (Vec<u8>, usize, usize)| {
            let parent = u16::try_from(parent).unwrap_or(u16::MAX);
            path_record(&name, self.extents(side)[place].sector, parent, little)
        };
        listed.into_iter().flat_map(record).collect()
    }

    fn directory(&self, side: Side, place: usize) -> Vec<u8> {
        let here = &self.directories[place];
        let extents = self.extents(side);
        let rock = |name: Option<&str>, kind: Kind| match (side, kind) {
            (Side::Joliet, _) => Vec::new(),
            (Side::Primary, Kind::Directory(place)) => rock_ridge(name, true, self.links(place), inode(place)),
            (Side::Primary, Kind::File(file)) => rock_ridge(name, false, 1, inode(self.directories.len() + file)),
        };
        let mut own = rock(None, Kind::Directory(place));
        if side == Side::Primary && place == 0 {
            let length = u32::try_from(extension_reference().len()).expect("a constant");
            own = [root_marks(&Continuation { sector: self.places.extension, length }), own].concat();
        }
        let above = record(&[1], extents[here.parent], &rock(None, Kind::Directory(here.parent)));
        let mut named: Vec<(Vec<u8>, Vec<u8>)> = here
            .entries
            .iter()
            .map(|entry| {
                let identifier = side.identifier(&entry.name);
                let extent = match entry.kind {
                    Kind::Directory(place) => extents[place],
                    Kind::File(file) => self.places.files[file],
                };
                let bytes = record(&identifier, extent, &rock(Some(&entry.name.real), entry.kind));
                (identifier, bytes)
            })
            .collect();
        named.sort();
        let records = [record(&[0], extents[place], &own), above].into_iter().chain(named.into_iter().map(|(_, bytes)| bytes));
        directory(&records.collect::<Vec<_>>())
    }

    /// A directory is linked from itself, from above, and from each directory below.
    fn links(&self, place: usize) -> u32 {
        let below = self.directories[place].entries.iter().filter(|entry| matches!(entry.kind, Kind::Directory(_)));
        u32::try_from(2 + below.count()).unwrap_or(u32::MAX)
    }

    /// A primary or supplementary volume descriptor (ECMA-119 §8.4, §8.5).
    fn descriptor(&self, label: &str, side: Side) -> Vec<u8> {
        let text = |text: &str, bytes: usize| -> Vec<u8> {
            match side {
                Side::Primary => format!("{text:bytes$}").into_bytes(),
                Side::Joliet => {
                    let half = bytes / 2;
                    let mut wide: Vec<u8> = format!("{text:half$}").encode_utf16().flat_map(u16::to_be_bytes).collect();
                    wide.resize(bytes, 0);
                    wide
                }
            }
        };
        let mut out = vec![if side == Side::Primary { 1 } else { 2 }];
        out.extend(STANDARD_ID);
        out.extend([1, 0]);
        out.extend(text("LINUX", 32));
        out.extend(text(label, 32));
        out.extend([0; 8]);
        both32(&mut out, self.places.sectors);
        let mut escapes = [0; 32];
        if side == Side::Joliet {
            escapes[..3].copy_from_slice(JOLIET_ESCAPE);
        }
        out.extend(escapes);
        for (value, _) in [(1, "volumes in the set"), (1, "this volume"), (2048, "bytes in a block")] {
            both16(&mut out, value);
        }
        let table = self.path_table(side, true).len();
        both32(&mut out, u32::try_from(table).expect("the whole is smaller than 4 GiB"));
        let little = self.places.tables[side as usize];
        let sectors = u32::try_from(table.div_ceil(SECTOR)).expect("the whole is smaller than 4 GiB");
        out.extend(little.to_le_bytes());
        out.extend([0; 4]);
        out.extend((little + sectors).to_be_bytes());
        out.extend([0; 4]);
        out.extend(record(&[0], self.extents(side)[0], &[]));
        // Volume set, publisher, preparer, application, then three file names.
        for bytes in [128, 128, 128, 128, 37, 37, 37] {
            out.extend(text("", bytes));
        }
        // Creation and modification; expiry and effect are not given (§8.4.26.1).
        for date in [b"2020010100000000", b"2020010100000000", b"0000000000000000", b"0000000000000000"] {
            out.extend(date);
            out.push(0);
        }
        out.extend([1, 0]);
        padded(out)
    }
}

/// The next free sector.
struct Cursor(usize);

impl Cursor {
    fn take(&mut self, bytes: usize) -> usize {
        let first = self.0;
        self.0 += bytes.div_ceil(SECTOR);
        first
    }
}

fn inode(number: usize) -> u32 {
    u32::try_from(number + 1).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let long = "n".repeat(64);
        let many: Vec<(String, Vec<u8>)> = (0..200).map(|n| (format!("openstack/latest/file-{n}"), vec![n as u8; n])).collect();
        let mut files: Vec<(&str, &[u8])> = vec![
            ("user-data", b"#cloud-config\n"),
            ("user-data2", b"x"),
            ("user_data.d/empty", b""),
            ("ec2/Latest/meta-data.json", b"{}"),
            (&long, b"long"),
        ];
        files.extend(many.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
        let image = write("cidata", &files).expect("an image");
        assert_eq!(image, write("cidata", &files).expect("an image"), "the same bytes");
        let back = read(&image).expect("our own image");
        assert_eq!(back.label, "cidata");
        let mut expected: Vec<_> = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        expected.sort();
        assert_eq!(back.files, expected);
    }

    #[test]
    fn impossible_names_are_refused() {
        let long = "n".repeat(65);
        for path in ["", "a//b", "/a", "../a", "a\nb", "a;1", &long] {
            assert!(write("cidata", &[(path, b"")]).is_err(), "{path:?}");
        }
        assert!(write("cidata", &[("a", b""), ("a", b"")]).is_err());
        assert!(write("", &[]).is_err() && write(&"l".repeat(17), &[]).is_err());
    }

    /// A damaged image is an error or an image, never a panic or a loop.
    #[test]
    fn damage_is_survived() {
        let image = write("config-2", &[("openstack/latest/user_data", b"x"), ("a", &[7; 5000])]).expect("an image");
        for length in (0..image.len()).step_by(512) {
            let _ = read(&image[..length]);
        }
        let meta = 16 * SECTOR..image.len().min(40 * SECTOR);
        for place in meta {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = image.clone();
                damaged[place] ^= flip;
                let _ = read(&damaged);
            }
        }
    }
}
