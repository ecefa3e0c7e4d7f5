//! The layers that can be taken off bytes.
//!
//! In: bytes. Out: what they decode to, by every decoding that may apply. Absent on purpose: encryption.

use std::io::Read;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::MultiGzDecoder;

use crate::image;

/// Shorter runs of base64 hold nothing worth hiding: a token's secret half has 16 characters.
const SHORTEST: usize = 20;

/// More than any seed inflates to; the rest of a bomb is not read.
const MOST_INFLATED: u64 = 64 << 20;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// Everything one layer below.
pub fn of(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut inner = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut inflated = Vec::new();
        // What precedes a damaged end was inflated all the same.
        let _ = MultiGzDecoder::new(bytes).take(MOST_INFLATED).read_to_end(&mut inflated);
        inner.push(inflated);
    }
    if let Ok(image) = image::read(bytes) {
        inner.extend(image.files.into_iter().map(|(_, content)| content));
    }
    inner.extend(percent_decoded(bytes));
    for run in base64_runs(bytes) {
        // A run may begin with letters that belong to a word before it.
        inner.extend((0..4).filter_map(|skip| decode(run.get(skip..)?)));
    }
    inner
}

/// Takes out what has no meaning within keys: blanks, line ends, and line ends written as `\n`.
pub fn without_blanks(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first() {
        rest = match (first, behind.first()) {
            (b'\\', Some(b'n' | b'r')) => &behind[1..],
            (b' ' | b'\n' | b'\r' | b'\t', _) => behind,
            _ => {
                out.push(*first);
                behind
            }
        };
    }
    out
}

fn decode(run: &[u8]) -> Option<Vec<u8>> {
    // A single left-over character carries less than a byte.
    let whole = if run.len() % 4 == 1 { &run[..run.len() - 1] } else { run };
    LENIENT.decode(whole).ok()
}

fn percent_decoded(bytes: &[u8]) -> Option<Vec<u8>> {
    let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    (out.len() < bytes.len()).then_some(out)
}

/// Runs of base64 in the standard alphabet, padding taken off; lines of nothing else are joined.
fn base64_runs(bytes: &[u8]) -> Vec<Vec<u8>> {
    let standard = |byte: u8| match byte {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        b'+' | b'/' => Some(byte),
        _ if byte.is_ascii_alphanumeric() => Some(byte),
        _ => None,
    };
    let mut runs = Vec::new();
    let mut block: Vec<u8> = Vec::new();
    let mut lines_in_block = 0;
    let close = |block: &mut Vec<u8>, lines: &mut usize, runs: &mut Vec<Vec<u8>>| {
        if *lines > 1 && block.len() >= SHORTEST {
            runs.push(std::mem::take(block));
        }
        block.clear();
        *lines = 0;
    };
    for line in bytes.split(|byte| *byte == b'\n') {
        let trimmed = line.trim_ascii();
        let bare = trimmed.trim_ascii_end().strip_suffix(b"==").or_else(|| trimmed.strip_suffix(b"=")).unwrap_or(trimmed);
        match bare.iter().map(|byte| standard(*byte)).collect::<Option<Vec<u8>>>() {
            Some(letters) if !letters.is_empty() => {
                block.extend(letters);
                lines_in_block += 1;
            }
            _ => close(&mut block, &mut lines_in_block, &mut runs),
        }
        let mut run = Vec::new();
        for byte in line.iter().map(|byte| standard(*byte)).chain(std::iter::once(None)) {
            match byte {
                Some(letter) => run.push(letter),
                None if run.len() >= SHORTEST => runs.push(std::mem::take(&mut run)),
                None => run.clear(),
            }
        }
    }
    close(&mut block, &mut lines_in_block, &mut runs);
    runs
}
