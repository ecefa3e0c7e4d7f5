//! Many byte strings looked for in one pass.
//!
//! In: what to look for, and bytes. Out: which of it is there. Absent on purpose: layers.
//!
//! A cluster of a hundred machines has hundreds of secrets: to go through every artefact once for each would be quadratic.

use std::collections::{BTreeSet, HashMap};

/// How many first bytes tell whether it is worth comparing; no secret is shorter.
const START: usize = 8;

/// Bits of the number by which a start is first judged.
const BITS: u32 = 16;

/// What to look for, by its first bytes.
pub struct Needles<'n> {
    /// One entry for each judgement of a start: whether any needle begins so.
    worth: Vec<bool>,
    by_start: HashMap<[u8; START], Vec<(usize, &'n [u8])>>,
}

impl<'n> Needles<'n> {
    /// Prepares a search for byte strings, each with the number it is known by.
    ///
    /// # Panics
    /// When one has fewer than eight bytes.
    pub fn new(all: impl Iterator<Item = (usize, &'n [u8])>) -> Self {
        let mut needles = Self { worth: vec![false; 1 << BITS], by_start: HashMap::new() };
        for (number, needle) in all {
            let start = *needle.first_chunk::<START>().expect("no secret is shorter than eight bytes");
            needles.worth[judged(start)] = true;
            needles.by_start.entry(start).or_default().push((number, needle));
        }
        needles
    }

    /// Adds the numbers of all that is in `bytes`.
    pub fn find(&self, bytes: &[u8], found: &mut BTreeSet<usize>) {
        for (at, window) in bytes.windows(START).enumerate() {
            let start: [u8; START] = window.try_into().expect("windows have their length");
            if self.worth[judged(start)]
                && let Some(needles) = self.by_start.get(&start)
            {
                found.extend(needles.iter().filter(|(_, needle)| bytes[at..].starts_with(needle)).map(|(number, _)| number));
            }
        }
    }
}

/// Multiplication by 2^64 divided by the golden ratio spreads what differs in any byte to the highest bits.
fn judged(start: [u8; START]) -> usize {
    let spread = u64::from_le_bytes(start).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - BITS);
    usize::try_from(spread).expect("sixteen bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_there_is_found_wherever_it_lies() {
        let all: [&[u8]; 4] = [b"12345678", b"12345678x", b"12345679", b"\0\0\0\0\0\0\0\0\0"];
        let needles = Needles::new(all.into_iter().enumerate());
        let find = |bytes: &[u8]| {
            let mut found = BTreeSet::new();
            needles.find(bytes, &mut found);
            found.into_iter().collect::<Vec<_>>()
        };
        assert_eq!(find(b"..12345678x"), [0, 1]);
        assert_eq!(find(b"12345678"), [0]);
        assert_eq!(find(b"1234567912345678"), [0, 2]);
        assert_eq!(find(&[0; 8]), [0; 0]);
        assert_eq!(find(&[0; 12]), [3]);
        assert_eq!(find(b""), [0; 0]);
    }
}
