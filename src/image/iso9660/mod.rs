//! ISO 9660 with Joliet and Rock Ridge.
//!
//! In: a label and files. Out: an image that Linux, cloud-init's tools and Windows read by the same names.
//! Absent on purpose: booting, links, devices, owners other than root, and times: every date is the same.
//!
//! Formats: ECMA-119 (ISO 9660), the Joliet specification, SUSP 1.10 and RRIP 1.10.

mod layout;
mod read;
mod records;
mod write;

pub use read::{read, recognises};
pub use write::write;

/// Bytes a sector has; the only size in use.
const SECTOR: usize = 2048;

/// The sector of the first volume descriptor; those before belong to the system.
const FIRST_DESCRIPTOR: usize = 16;

/// What makes a volume descriptor one (ECMA-119 §8.1.2).
const STANDARD_ID: &[u8; 5] = b"CD001";

/// What makes a supplementary descriptor a Joliet one: UCS-2 level 3.
const JOLIET_ESCAPE: &[u8; 3] = b"%/E";
