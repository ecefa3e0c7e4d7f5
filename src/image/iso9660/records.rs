//! The records of which directories and path tables are made.
//!
//! In: names, places, sizes. Out: bytes. Absent on purpose: where records lie.

use super::SECTOR;

/// 2020-01-01 00:00:00 UTC in the seven bytes of a directory record (ECMA-119 §9.1.5).
pub const DATE: [u8; 7] = [120, 1, 1, 0, 0, 0, 0];

/// Where the system-use entries of Rock Ridge's extension record lie, seen from the root's own record.
pub struct Continuation {
    /// The sector.
    pub sector: u32,
    /// How many bytes.
    pub length: u32,
}

/// What a directory record says beside its name.
#[derive(Clone, Copy)]
pub struct Extent {
    /// First sector.
    pub sector: u32,
    /// Bytes.
    pub size: u32,
    /// Whether it is a directory.
    pub directory: bool,
}

/// Writes one directory record (ECMA-119 §9.1).
///
/// `system_use` begins at an even place, as SUSP wants it.
pub fn record(identifier: &[u8], extent: Extent, system_use: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0];
    both32(&mut out, extent.sector);
    both32(&mut out, extent.size);
    out.extend(DATE);
    out.extend([if extent.directory { 2 } else { 0 }, 0, 0]);
    both16(&mut out, 1);
    out.push(u8::try_from(identifier.len()).expect("names are at most 128 bytes"));
    out.extend(identifier);
    even(&mut out);
    out.extend(system_use);
    even(&mut out);
    out[0] = u8::try_from(out.len()).expect("a name and its attributes fill no record");
    out
}

/// Joins records to a directory: none crosses the end of a sector (ECMA-119 §6.8.1.1).
pub fn directory(records: &[Vec<u8>]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    for record in records {
        if out.len() % SECTOR + record.len() > SECTOR {
            out.resize(out.len().next_multiple_of(SECTOR), 0);
        }
        out.extend(record);
    }
    out.resize(out.len().next_multiple_of(SECTOR), 0);
    out
}

/// Writes one record of a path table (ECMA-119 §9.4), little-endian or big-endian.
pub fn path_record(identifier: &[u8], sector: u32, parent: u16, little: bool) -> Vec<u8> {
    let mut out = vec![u8::try_from(identifier.len()).expect("names are at most 128 bytes"), 0];
    out.extend(if little { sector.to_le_bytes() } else { sector.to_be_bytes() });
    out.extend(if little { parent.to_le_bytes() } else { parent.to_be_bytes() });
    out.extend(identifier);
    even(&mut out);
    out
}

/// Rock Ridge's attributes of an entry: mode, owner, times and the real name (RRIP §4.1).
pub fn rock_ridge(name: Option<&str>, directory: bool, links: u32, inode: u32) -> Vec<u8> {
    let mode = if directory { 0o040_500 } else { 0o100_400 };
    let mut out = b"PX\x2c\x01".to_vec();
    for value in [mode, links, 0, 0, inode] {
        both32(&mut out, value);
    }
    // Modification and access time, in the short form.
    out.extend(b"TF\x13\x01\x06");
    out.extend(DATE);
    out.extend(DATE);
    if let Some(name) = name {
        out.extend(b"NM");
        out.extend([u8::try_from(5 + name.len()).expect("names are at most 128 bytes"), 1, 0]);
        out.extend(name.as_bytes());
    }
    out
}

/// What stands in front of the attributes of the root's own record: SUSP is in use, and says more elsewhere (SUSP §5.1, §5.3).
pub fn root_marks(more: &Continuation) -> Vec<u8> {
    let mut out = b"SP\x07\x01\xbe\xef\x00".to_vec();
    out.extend(b"CE\x1c\x01");
    both32(&mut out, more.sector);
    both32(&mut out, 0);
    both32(&mut out, more.length);
    out
}

/// The record that says which extension is in use (SUSP §5.5, RRIP §4.3).
pub fn extension_reference() -> Vec<u8> {
    let texts: [&[u8]; 3] =
        [b"RRIP_1991A", b"THE ROCK RIDGE INTERCHANGE PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS", b""];
    let length = 8 + texts.iter().map(|text| text.len()).sum::<usize>();
    let mut out = b"ER".to_vec();
    out.extend([u8::try_from(length).expect("a constant"), 1]);
    out.extend(texts.map(|text| u8::try_from(text.len()).expect("a constant")));
    out.push(1);
    out.extend(texts.concat());
    out
}

/// Writes a number in both byte orders (ECMA-119 §7.3.3).
pub fn both32(out: &mut Vec<u8>, value: u32) {
    out.extend(value.to_le_bytes());
    out.extend(value.to_be_bytes());
}

/// Writes a number in both byte orders (ECMA-119 §7.2.3).
pub fn both16(out: &mut Vec<u8>, value: u16) {
    out.extend(value.to_le_bytes());
    out.extend(value.to_be_bytes());
}

fn even(out: &mut Vec<u8>) {
    if out.len() % 2 == 1 {
        out.push(0);
    }
}
