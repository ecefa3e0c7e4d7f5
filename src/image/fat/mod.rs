//! FAT with long names, as a disk without partitions.
//!
//! In: a label and files. Out: an image that the kernel's vfat mounts; and back. Absent on purpose: writing
//! FAT32, attributes, times other than one.
//!
//! Format: Microsoft, "FAT: General Overview of On-Disk Format", 1.03, and the long-name rules in it.

mod names;
mod read;
mod write;

pub use read::{read, recognises};
pub use write::write;

/// Bytes of a sector.
const SECTOR: usize = 512;

/// Bytes of a directory entry.
const ENTRY: usize = 32;

/// Attribute bits of a directory entry.
const DIRECTORY: u8 = 0x10;
const VOLUME: u8 = 0x08;
const ARCHIVE: u8 = 0x20;
/// All four low bits: a piece of a long name.
const LONG_NAME: u8 = 0x0f;

/// Characters of a long name in one entry.
const PIECE: usize = 13;

/// The checksum that ties a long name to its short one.
fn checksum(short: &[u8]) -> u8 {
    short.iter().fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

/// Below so many clusters a volume is FAT12, whatever it calls itself; below the second, FAT16.
const FAT12_BELOW: usize = 4085;
const FAT16_BELOW: usize = 65525;
