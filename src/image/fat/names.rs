//! Names as directory entries.
//!
//! In: a name. Out: its short form and the entries that carry the long one. Absent on purpose: lower-case bits of
//! Windows NT: every name that is not in capitals gets a long form.

use std::collections::BTreeSet;

use super::{ENTRY, LONG_NAME, PIECE, checksum};

/// Finds a short name that is not taken: `user-data` becomes `USER-D~1`.
pub fn short(name: &str, taken: &BTreeSet<[u8; 11]>) -> [u8; 11] {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'()-@^_`{}~".contains(c);
    let clean = |text: &str| -> Vec<u8> {
        let kept = text.chars().filter(|c| *c != ' ' && *c != '.');
        kept.map(|c| if allowed(c) { c.to_ascii_uppercase() as u8 } else { b'_' }).collect()
    };
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (clean(stem), clean(extension)),
        _ => (clean(name), Vec::new()),
    };
    let build = |stem: &[u8], tail: &str| {
        let mut short = [b' '; 11];
        let room = 8 - tail.len();
        for (place, byte) in short.iter_mut().zip(stem.iter().take(room).chain(tail.as_bytes())) {
            *place = *byte;
        }
        for (place, byte) in short[8..].iter_mut().zip(&extension) {
            *place = *byte;
        }
        short
    };
    let exact = build(&stem, "");
    if spelt(&exact) == name && !taken.contains(&exact) {
        return exact;
    }
    let numbered = (1..1_000_000).map(|number| build(&stem, &format!("~{number}")));
    numbered.into_iter().find(|short| !taken.contains(short)).expect("no seed has a million files of one name")
}

/// A short name as people write it.
pub fn spelt(short: &[u8; 11]) -> String {
    let part = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end_matches(' ').to_owned();
    let (stem, extension) = (part(&short[..8]), part(&short[8..]));
    if extension.is_empty() { stem } else { format!("{stem}.{extension}") }
}

/// The entries that stand before a short one and carry its long name; none when the short one says it all.
pub fn long(name: &str, short: &[u8; 11]) -> Vec<[u8; ENTRY]> {
    if spelt(short) == name {
        return Vec::new();
    }
    let mut units: Vec<u16> = name.encode_utf16().collect();
    if !units.len().is_multiple_of(PIECE) {
        units.push(0);
        units.resize(units.len().next_multiple_of(PIECE), 0xffff);
    }
    let pieces = units.chunks(PIECE).enumerate().map(|(index, units)| {
        let mut entry = [0; ENTRY];
        let last = (index + 1) * PIECE >= units.len() && (index + 1) * PIECE >= name.encode_utf16().count();
        entry[0] = u8::try_from(index + 1).expect("a name has at most 255 characters") | if last { 0x40 } else { 0 };
        entry[11] = LONG_NAME;
        entry[13] = checksum(short);
        let places = (1..11).step_by(2).chain((14..26).step_by(2)).chain((28..32).step_by(2));
        for (place, unit) in places.zip(units) {
            entry[place..place + 2].copy_from_slice(&unit.to_le_bytes());
        }
        entry
    });
    let mut pieces: Vec<_> = pieces.collect();
    pieces.reverse();
    pieces
}
