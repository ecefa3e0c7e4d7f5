//! Directories and files of an image, and where each lies.
//!
//! In: paths and sizes. Out: a tree whose entries have names for each of the three readers. Absent on
//! purpose: bytes (`records`, `write`).

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;

/// Joliet holds this many UCS-2 units in a name (Joliet specification, "Allowed Character Set").
const LONGEST_NAME: usize = 64;

/// The root and what is below it have at most eight levels (ECMA-119 §6.8.2.1).
const MOST_PARTS: usize = 8;

/// One directory.
pub struct Directory {
    /// Place of the directory that holds it; the root holds itself.
    pub parent: usize,
    /// What it holds, directories and files.
    pub entries: Vec<Entry>,
}

/// Something in a directory.
pub struct Entry {
    /// Its names.
    pub name: Name,
    /// What it is.
    pub kind: Kind,
}

/// What an entry leads to, by its place among its like.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A directory.
    Directory(usize),
    /// A file.
    File(usize),
}

/// A name as each reader sees it.
pub struct Name {
    /// As it is meant: Rock Ridge.
    pub real: String,
    /// ISO 9660 level 1: capitals, 8.3, `;1` behind a file's.
    pub plain: String,
}

impl Name {
    /// The name in UCS-2, big-endian, as Joliet has it.
    pub fn joliet(&self) -> Vec<u8> {
        self.real.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }
}

/// Arranges paths into directories, the root first and every parent before its children.
///
/// # Errors
/// Names a path that no reader could show, or that stands twice.
pub fn arrange(paths: &[&str]) -> Result<Vec<Directory>, Error> {
    let mut directories = vec![Directory { parent: 0, entries: Vec::new() }];
    let mut known: BTreeMap<String, usize> = BTreeMap::from([(String::new(), 0)]);
    for (file, path) in paths.iter().enumerate() {
        let refuse = |why: &str| Err(Error::new(format!("writing `{path}` into an image: {why}")));
        let parts: Vec<&str> = path.split('/').collect();
        if parts.iter().any(|part| part.is_empty() || matches!(*part, "." | "..")) {
            return refuse("it is not a path below the root");
        }
        if parts.len() > MOST_PARTS {
            return refuse("it lies more than seven directories deep");
        }
        if parts.iter().any(|part| part.encode_utf16().count() > LONGEST_NAME || part.len() > 2 * LONGEST_NAME) {
            return refuse("a name in it is longer than 64 characters");
        }
        if parts.iter().any(|part| part.chars().any(|c| c.is_control() || u32::from(c) > 0xffff || "*:;?\\".contains(c))) {
            return refuse("a name in it has a character that images cannot hold");
        }
        let (name, above) = parts.split_last().expect("splitting gives one part at least");
        let mut here = 0;
        let mut so_far = String::new();
        for part in above {
            so_far = format!("{so_far}/{part}");
            here = match known.get(&so_far) {
                Some(place) => *place,
                None if directories[here].entries.iter().any(|entry| entry.name.real == **part) => {
                    return refuse("a file stands where a directory is needed");
                }
                None => {
                    let place = directories.len();
                    add(&mut directories[here], part, Kind::Directory(place));
                    directories.push(Directory { parent: here, entries: Vec::new() });
                    known.insert(so_far.clone(), place);
                    place
                }
            };
        }
        if directories[here].entries.iter().any(|entry| entry.name.real == *name) {
            return refuse("the name stands twice");
        }
        add(&mut directories[here], name, Kind::File(file));
    }
    Ok(directories)
}

fn add(directory: &mut Directory, real: &str, kind: Kind) {
    let taken: BTreeSet<&str> = directory.entries.iter().map(|entry| entry.name.plain.as_str()).collect();
    let name = Name { real: real.to_owned(), plain: plain(real, matches!(kind, Kind::File(_)), &taken) };
    directory.entries.push(Entry { name, kind });
}

/// Finds a level-1 name that is not taken: `user-data` becomes `USER_DAT.;1`, its namesake `USER_000.;1`.
fn plain(real: &str, file: bool, taken: &BTreeSet<&str>) -> String {
    let clean = |text: &str, most: usize| -> String {
        let allowed = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        text.chars().take(most).map(allowed).collect()
    };
    let (stem, extension) = match real.rsplit_once('.') {
        Some((stem, extension)) if file && !stem.is_empty() => (clean(stem, 8), clean(extension, 3)),
        _ => (clean(real, 8), String::new()),
    };
    let whole = |stem: &str| if file { format!("{stem}.{extension};1") } else { stem.to_owned() };
    let numbered = (0..1000).map(|n| whole(&format!("{}{n:03}", &stem[..stem.len().min(5)])));
    let mut candidates = std::iter::once(whole(&stem)).chain(numbered);
    candidates.find(|name| !taken.contains(name.as_str())).expect("no seed has a thousand files of one name")
}
