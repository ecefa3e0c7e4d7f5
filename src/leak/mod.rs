//! The search for secrets where none may be.
//!
//! In: what to look for, and artefacts. Out: what was found. Absent on purpose: who may hold what (`plan`)
//! and what the secrets of a cluster are (`secrets`).
//!
//! A secret hides in layers: a key in a file that is gzipped, in base64, in a document, in an image. Every
//! layer that we or a user's `files:` can make is taken off, as far as `layers` says.

mod inflate;
mod layers;
mod letters;
mod needles;

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};

use zeroize::Zeroizing;

use self::needles::Needles;
use crate::secret::Secret;

/// Layers deeper than this would be a puzzle, not an accident.
const DEEPEST: usize = 12;

/// More than any artefact of ours inflates to, in all its layers together; the rest of a bomb is not read, which is said.
const MOST_INFLATED: u64 = 256 << 20;

/// Bytes with one layer taken off; wiped when dropped, as they may be a secret's.
type Layer = Zeroizing<Vec<u8>>;

/// Something to look for; `T` says what it is.
pub struct Wanted<T> {
    /// What it is.
    pub name: T,
    /// The ways it can be written in text; blanks and punctuation in between count for nothing. Each has 8 bytes at least.
    pub forms: Vec<Secret>,
    /// The ways it can be written in bytes that are no text. Each has 8 at least.
    pub binary: Vec<Zeroizing<Vec<u8>>>,
}

/// What came of the search in one artefact.
#[derive(Debug, PartialEq, Eq)]
pub struct Findings<'w, T> {
    /// What was found.
    pub names: BTreeSet<&'w T>,
    /// Whether all of it was searched: it did not inflate to more than is read.
    pub whole: bool,
}

/// A search, prepared once; several threads may search with it, each with a memory of its own.
pub struct Search<'w, T> {
    names: Vec<&'w T>,
    needles: Needles<'w>,
}

/// What a search has seen: an image holds documents that lie beside it too.
#[derive(Default)]
pub struct Memory {
    hasher: RandomState,
    /// What was found, and how deep the bytes lay: deeper down fewer layers are taken off.
    seen: HashMap<u64, (usize, BTreeSet<usize>)>,
}

impl<'w, T: Ord> Search<'w, T> {
    /// Prepares a search.
    #[must_use]
    pub fn new(wanted: &'w [Wanted<T>]) -> Self {
        let forms = wanted.iter().enumerate().flat_map(|(place, one)| {
            let text = one.forms.iter().map(|form| form.expose().as_bytes());
            text.chain(one.binary.iter().map(|form| form.as_slice())).map(move |form| (place, form))
        });
        Self { names: wanted.iter().map(|one| &one.name).collect(), needles: Needles::new(forms) }
    }

    /// Says which of the wanted are in an artefact; what `memory` has of this same search is not searched again.
    pub fn find(&self, artefact: &[u8], memory: &mut Memory) -> Findings<'w, T> {
        let mut left = MOST_INFLATED;
        let found = self.search(artefact, 0, &mut left, memory);
        Findings { names: found.into_iter().map(|place| self.names[place]).collect(), whole: left > 0 }
    }

    fn search(&self, bytes: &[u8], depth: usize, left: &mut u64, memory: &mut Memory) -> BTreeSet<usize> {
        let key = memory.hasher.hash_one(bytes);
        if let Some((_, known)) = memory.seen.get(&key).filter(|(known_at, _)| *known_at <= depth) {
            return known.clone();
        }
        let joined = letters::joined(bytes);
        let mut found = BTreeSet::new();
        self.needles.find(bytes, &mut found);
        self.needles.find(&joined, &mut found);
        if depth < DEEPEST {
            for inner in layers::of(bytes, &joined, left) {
                found.append(&mut self.search(&inner, depth + 1, left, memory));
            }
        }
        // What was not read to its end is not known.
        if *left > 0 {
            memory.seen.insert(key, (depth, found.clone()));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::gzip;

    const TOKEN: &str = "0123456789abcdef";

    fn find(artefact: &[u8]) -> BTreeSet<&'static str> {
        let wanted = [Wanted { name: "token", forms: vec![Secret::new(TOKEN)], binary: vec![] }];
        let found = Search::new(&wanted).find(artefact, &mut Memory::default());
        assert!(found.whole);
        found.names.into_iter().copied().collect()
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert!(find(b"0123456789abcde f").contains("token"), "blanks count for nothing");
        assert!(find(b"0123456789abcde").is_empty());
        assert!(find(&STANDARD.encode([7; 4000]).into_bytes()).is_empty());
        assert!(find(&gzip::compress(&[0; 1 << 20])).is_empty());
    }

    /// What lies at the bottom of an image may lie beside it too, and there more layers can be taken off it.
    #[test]
    fn what_was_seen_deep_down_is_looked_at_again_higher_up() {
        let around = |times: usize, inner: Vec<u8>| (0..times).fold(inner, |inner, _| gzip::compress(&inner));
        let inner = around(2, format!("a token: {TOKEN}\n").into_bytes());
        let wanted = [Wanted { name: "token", forms: vec![Secret::new(TOKEN)], binary: vec![] }];
        let (search, mut memory) = (Search::new(&wanted), Memory::default());
        let deep = search.find(&around(DEEPEST - 1, inner.clone()), &mut memory);
        assert!(deep.names.is_empty(), "it lies deeper than the search goes");
        assert_eq!(search.find(&inner, &mut memory).names.len(), 1);
    }

    /// Repeated starts of everything that can be inflated, and one that inflates to more than is read.
    #[test]
    fn bombs_end() {
        let starts = [&b"\x1f\x8b\x08\0\0\0\0\0\0\0"[..], b"PK\x03\x04", b"x\x9c"].concat();
        assert!(find(&starts.repeat(2000)).is_empty());
        assert!(find(&gzip::compress(&gzip::compress(&vec![0; 8 << 20]))).is_empty());
    }

    /// A bomb ends the search of its own artefact alone, and nothing behind it passes for searched.
    #[test]
    fn what_a_bomb_hides_is_not_called_searched() {
        let token = gzip::compress(format!("a token: {TOKEN}\n").as_bytes());
        let zeros = usize::try_from(MOST_INFLATED).expect("fits") + 1;
        let bomb = gzip::compress(&vec![0; zeros]);
        let wanted = [Wanted { name: "token", forms: vec![Secret::new(TOKEN)], binary: vec![] }];
        let (search, mut memory) = (Search::new(&wanted), Memory::default());
        let found = search.find(&[&bomb[..], b" and behind it ", &token].concat(), &mut memory);
        assert!(found.names.is_empty() && !found.whole, "the rest of it is not read, and that is said");
        let found = search.find(&token, &mut memory);
        assert!(found.names.len() == 1 && found.whole, "another artefact is searched anew");
    }
}
