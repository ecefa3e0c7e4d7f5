//! Compressed data anywhere in bytes: gzip, zlib and the members of a zip, all of them DEFLATE.
//!
//! In: bytes. Out: what each piece inflates to. Absent on purpose: names, checksums and where a piece should stand; a script
//! with an archive behind it, an initial RAM disk behind another and a damaged end hold what they hold all the same.

use std::io::Read;

use flate2::bufread::{DeflateDecoder, GzDecoder, ZlibDecoder};
use memchr::memmem;
use zeroize::Zeroizing;

use super::Layer;

/// RFC 1952, section 2.3: the two bytes of gzip, and DEFLATE.
const GZIP: &[u8] = &[0x1f, 0x8b, 8];

/// RFC 1950, section 2.2: DEFLATE with the largest window, at each of the four levels, without a dictionary.
const ZLIB: [&[u8]; 4] = [&[0x78, 0x01], &[0x78, 0x5e], &[0x78, 0x9c], &[0x78, 0xda]];

/// PKWARE's APPNOTE, section 4.3.7: a local file header.
const ZIP: &[u8] = b"PK\x03\x04";
const ZIP_HEADER: usize = 30;
const ZIP_DEFLATED: u16 = 8;

/// Inflates whatever there is; `left` bytes at most, which are taken off it.
pub fn members(bytes: &[u8], left: &mut u64) -> Vec<Layer> {
    let mut all = each(bytes, GZIP, left, |rest, left| read(GzDecoder::new(rest), left, |decoder| decoder.into_inner().len()));
    for start in ZLIB {
        all.extend(each(bytes, start, left, |rest, left| {
            read(ZlibDecoder::new(rest), left, |decoder| decoder.into_inner().len())
        }));
    }
    all.extend(each(bytes, ZIP, left, |rest, left| match zip_data(rest) {
        Some(data) => read(DeflateDecoder::new(data), left, |decoder| decoder.into_inner().len()),
        None => (Zeroizing::default(), None),
    }));
    all
}

/// Inflates at every occurrence of `start` that is not within a piece before it; what lies end to end is one.
fn each<'b>(
    bytes: &'b [u8],
    start: &[u8],
    left: &mut u64,
    read: impl Fn(&'b [u8], &mut u64) -> (Layer, Option<usize>),
) -> Vec<Layer> {
    let mut all: Vec<Layer> = Vec::new();
    let (mut from, mut end) = (0, None);
    while let Some(at) = memmem::find(&bytes[from..], start).map(|found| from + found) {
        let (mut inflated, behind) = read(&bytes[at..], left);
        match all.last_mut().filter(|_| end == Some(at)) {
            Some(before) => before.append(&mut inflated),
            None => all.push(inflated),
        }
        end = behind.map(|behind| bytes.len() - behind);
        from = end.unwrap_or(at + start.len());
    }
    all
}

/// Reads to the end; where that is sound, says how many bytes lie behind it.
fn read<D: Read>(mut decoder: D, left: &mut u64, behind: impl Fn(D) -> usize) -> (Layer, Option<usize>) {
    let mut inflated = Zeroizing::default();
    let done = decoder.by_ref().take(*left).read_to_end(&mut inflated);
    *left = left.saturating_sub(u64::try_from(inflated.len()).unwrap_or(u64::MAX));
    let whole = done.is_ok() && *left > 0;
    (inflated, whole.then(|| behind(decoder)))
}

/// The compressed bytes behind a local file header, and all that follows them.
fn zip_data(header: &[u8]) -> Option<&[u8]> {
    let number = |at: usize| Some(u16::from_le_bytes(header.get(at..at + 2)?.try_into().ok()?));
    let data = ZIP_HEADER + usize::from(number(26)?) + usize::from(number(28)?);
    header.get(data..).filter(|_| number(8) == Some(ZIP_DEFLATED))
}
