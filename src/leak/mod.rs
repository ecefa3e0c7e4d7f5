//! The search for secrets where none may be.
//!
//! In: what to look for, and artefacts. Out: what was found. Absent on purpose: who may hold what (`plan`)
//! and what the secrets of a cluster are (`secrets`).
//!
//! A secret hides in layers: a key in a file that is gzipped, in base64, in a document, in an image. Every
//! layer that we or a user's `files:` can make is taken off.

mod layers;

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};

use memchr::memmem::Finder;

use crate::secret::Secret;

/// Layers deeper than this would be a puzzle, not an accident.
const DEEPEST: usize = 5;

/// Something to look for; `T` says what it is.
pub struct Wanted<T> {
    /// What it is.
    pub name: T,
    /// The ways it can be written, each as bytes of text or binary; whitespace in text counts for nothing.
    pub forms: Vec<Secret>,
    /// The ways it can be written in bytes that are no text.
    pub binary: Vec<zeroize::Zeroizing<Vec<u8>>>,
}

/// A search that remembers what it has seen: an image holds documents that lie beside it too.
pub struct Search<'w, T> {
    finders: Vec<(&'w T, Vec<Finder<'w>>)>,
    hasher: RandomState,
    seen: HashMap<u64, BTreeSet<usize>>,
}

impl<'w, T: Ord> Search<'w, T> {
    /// Prepares a search.
    #[must_use]
    pub fn new(wanted: &'w [Wanted<T>]) -> Self {
        let finders = wanted.iter().map(|one| {
            let text = one.forms.iter().map(|form| Finder::new(form.expose()));
            (&one.name, text.chain(one.binary.iter().map(|form| Finder::new(form.as_slice()))).collect())
        });
        Self { finders: finders.collect(), hasher: RandomState::new(), seen: HashMap::new() }
    }

    /// Says which of the wanted are in an artefact.
    pub fn find(&mut self, artefact: &[u8]) -> BTreeSet<&'w T> {
        let found = self.search(artefact, 0);
        found.into_iter().map(|place| self.finders[place].0).collect()
    }

    fn search(&mut self, bytes: &[u8], depth: usize) -> BTreeSet<usize> {
        let key = self.hasher.hash_one(bytes);
        if let Some(known) = self.seen.get(&key) {
            return known.clone();
        }
        let compact = layers::without_blanks(bytes);
        let holds = |forms: &[Finder<'_>]| forms.iter().any(|form| form.find(bytes).is_some() || form.find(&compact).is_some());
        let here = self.finders.iter().enumerate().filter(|(_, (_, forms))| holds(forms)).map(|(place, _)| place);
        let mut found: BTreeSet<usize> = here.collect();
        if depth < DEEPEST {
            for inner in layers::of(bytes) {
                found.append(&mut self.search(&inner, depth + 1));
            }
            self.seen.insert(key, found.clone());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::image::iso9660;

    const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg";

    fn wanted() -> Vec<Wanted<&'static str>> {
        let one = |name, text: &str| Wanted { name, forms: vec![Secret::new(text)], binary: vec![] };
        vec![one("key", KEY), one("token", "0123456789abcdef")]
    }

    fn find(artefact: &[u8]) -> BTreeSet<&'static str> {
        Search::new(&wanted()).find(artefact).into_iter().copied().collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn every_layer_is_taken_off() {
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n{}\n-----END PRIVATE KEY-----\n", &KEY[..20], &KEY[20..]);
        let base64 = STANDARD.encode(&pem);
        let wrapped = base64
            .as_bytes()
            .chunks(20)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect::<Vec<_>>()
            .join("\n      ");
        let percent: String = pem.bytes().map(|b| format!("%{b:02X}")).collect();
        let cases: Vec<(&str, Vec<u8>)> = vec![
            ("plain", pem.clone().into_bytes()),
            ("indented", pem.replace('\n', "\n        ").into_bytes()),
            ("escaped", pem.replace('\n', "\\n").into_bytes()),
            ("base64", base64.clone().into_bytes()),
            ("base64 behind a word", format!("content:{base64}").into_bytes()),
            ("base64 glued to a word", format!("x{base64}").into_bytes()),
            ("wrapped base64", format!("content: |\n      {wrapped}\n").into_bytes()),
            ("URL-safe base64", URL_SAFE_NO_PAD.encode(&pem).into_bytes()),
            ("base64 twice", STANDARD.encode(&base64).into_bytes()),
            ("gzip", gzip(pem.as_bytes())),
            ("gzip in base64", STANDARD.encode(gzip(pem.as_bytes())).into_bytes()),
            ("base64 in gzip in base64", STANDARD.encode(gzip(base64.as_bytes())).into_bytes()),
            ("data URL", format!("data:text/plain;base64,{base64}").into_bytes()),
            ("percent-encoded data URL", format!("data:,{percent}").into_bytes()),
            ("image", iso9660::write("cidata", &[("user-data", pem.as_bytes())]).expect("an image")),
        ];
        for (name, artefact) in cases {
            assert_eq!(find(&artefact), BTreeSet::from(["key"]), "{name}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert!(find(b"0123456789abcde f").contains("token"), "blanks count for nothing");
        assert!(find(b"0123456789abcde").is_empty());
        assert!(find(&STANDARD.encode([7; 4000]).into_bytes()).is_empty());
        assert!(find(&gzip(&[0; 1 << 20])).is_empty());
    }
}
