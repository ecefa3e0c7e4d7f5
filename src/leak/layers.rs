//! The layers that can be taken off bytes.
//!
//! In: bytes. Out: what they decode to, by every decoding that may apply. Absent on purpose: encryption, and what needs a
//! decoder we have no other use for: xz, zstd, bzip2, lzma, lz4, 7z, base32, base85.

use super::{Layer, inflate, letters};
use crate::image;

/// Shorter than any secret.
const SHORTEST: usize = 8;

/// Everything one layer below; `joined` is the same text without what divides its words, and `left` is how much may still
/// be inflated.
pub fn of(bytes: &[u8], joined: &[u8], left: &mut u64) -> Vec<Layer> {
    let mut inner = inflate::members(bytes, left);
    let files = image::read(bytes).map(|image| image.files).unwrap_or_default();
    // What is written in letters is within a volume's files; an archive may hold files that others replace.
    if files.is_empty() || image::cpio::recognises(bytes) {
        inner.extend(letters::unescaped(bytes));
        inner.extend(letters::from_quoted_printable(bytes));
        inner.extend(letters::from_utf16(bytes));
        inner.extend(letters::from_base64(bytes));
        inner.extend(letters::from_hex(joined));
    }
    inner.extend(files.into_iter().map(|(_, content)| content.into()));
    inner.retain(|layer| layer.len() >= SHORTEST);
    inner
}
