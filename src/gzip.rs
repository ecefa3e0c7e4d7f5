//! gzip: the one compression that cloud-init, Ignition and the platforms between them read.
//!
//! In: bytes. Out: one RFC 1952 member that depends on nothing but those bytes, and back, also of several. Absent on
//! purpose: streams, file names and times.

use std::io::{Read, Write};
use std::num::NonZeroU64;

use flate2::bufread::{GzDecoder, MultiGzDecoder};
use flate2::{Compression, GzBuilder};

/// RFC 1952, section 2.3.1: the operating system is unknown; another number would name the machine that rendered.
const UNKNOWN_SYSTEM: u8 = 255;

/// Where it stands in the header.
const SYSTEM_BYTE: usize = 9;

/// How often the utmost effort starts anew from what it found; three times as often saves twenty bytes of a seed.
const ROUNDS: NonZeroU64 = NonZeroU64::new(5).expect("five is not zero");

/// How much time compression may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// As gzip's `-9`.
    Usual,
    /// A twentieth less, in many times the time: for `render --fit`, where every byte counts.
    Utmost,
}

/// Compresses as gzip's `-9`, without a time, a name or a system in the header.
#[must_use]
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzBuilder::new().mtime(0).operating_system(UNKNOWN_SYSTEM).write(Vec::new(), Compression::best());
    writer.write_all(bytes).and_then(|()| writer.finish()).expect("writing to memory cannot fail")
}

/// Compresses with as much effort as is told, the header being `compress`'s.
#[must_use]
pub fn compress_with(effort: Effort, bytes: &[u8]) -> Vec<u8> {
    match effort {
        Effort::Usual => compress(bytes),
        Effort::Utmost => {
            let mut member = Vec::new();
            let options = zopfli::Options { iteration_count: ROUNDS, ..zopfli::Options::default() };
            zopfli::compress(options, zopfli::Format::Gzip, bytes, &mut member).expect("writing to memory cannot fail");
            member[SYSTEM_BYTE] = UNKNOWN_SYSTEM;
            member
        }
    }
}

/// Reads compressed members back, which together are one text (RFC 1952, section 2.2).
///
/// # Errors
/// Says so when `bytes` is no gzip, is damaged, or holds more than `largest` bytes.
pub fn decompress(bytes: &[u8], largest: usize) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    read(&mut MultiGzDecoder::new(bytes), largest, &mut out).map(|()| out)
}

/// Reads the first compressed member back, and returns what follows it.
///
/// # Errors
/// As `decompress`.
pub fn first_member(bytes: &[u8], largest: usize) -> Result<(Vec<u8>, &[u8]), String> {
    let mut decoder = GzDecoder::new(bytes);
    let mut out = Vec::new();
    read(&mut decoder, largest, &mut out)?;
    Ok((out, decoder.into_inner()))
}

fn read(decoder: &mut impl Read, largest: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let bound = u64::try_from(largest).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(bound).read_to_end(out).map_err(|cause| format!("it is not sound gzip: {cause}"))?;
    if out.len() > largest { Err(format!("it holds more than {largest} bytes")) } else { Ok(()) }
}

/// Tells whether `bytes` begins as gzip does.
#[must_use]
pub fn is_compressed(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1f, 0x8b])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        for text in [&b""[..], b"x", &[0, 255, 10], "kubespore\n".repeat(500).as_bytes()] {
            for packed in [compress(text), compress_with(Effort::Utmost, text)] {
                assert!(is_compressed(&packed));
                assert_eq!(decompress(&packed, text.len()), Ok(text.to_vec()));
            }
        }
    }

    /// As cloud-init's Python and Ignition's Go read them.
    #[test]
    fn members_end_to_end_are_one_text() {
        let both = [compress(b"one, "), compress(b"two")].concat();
        assert_eq!(decompress(&both, 8), Ok(b"one, two".to_vec()));
        assert!(decompress(&both, 7).is_err_and(|fault| fault.contains("more than 7 bytes")), "one limit for all");
        assert!(decompress(&[both, b"behind".to_vec()].concat(), 100).is_err(), "what follows is not passed over");
    }

    #[test]
    fn the_header_names_no_time_and_no_system() {
        for effort in [Effort::Usual, Effort::Utmost] {
            assert_eq!(compress_with(effort, b"x")[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255]);
        }
    }

    #[test]
    fn effort_pays() {
        let text = include_bytes!("platform.rs");
        assert!(compress_with(Effort::Utmost, text).len() * 100 < compress(text).len() * 98);
    }

    #[test]
    fn damage_and_bombs_are_refused() {
        let packed = compress(&[7; 1000]);
        assert!(decompress(&packed, 999).is_err_and(|fault| fault.contains("more than 999 bytes")));
        let mut damaged = packed.clone();
        let last = damaged.len() - 5;
        damaged[last] ^= 1;
        assert!(decompress(&damaged, 1000).is_err());
        assert!(decompress(b"plain", 1000).is_err());
    }
}
