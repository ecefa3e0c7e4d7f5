//! The search for secrets where none may be.
//!
//! In: what to look for, and artefacts. Out: what was found. Absent on purpose: who may hold what (`plan`)
//! and what the secrets of a cluster are (`secrets`).
//!
//! A secret hides in layers: a key in a file that is gzipped, in base64, in a document, in an image. Every
//! layer that we or a user's `files:` can make is taken off.

mod layers;

use std::collections::BTreeSet;

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

/// Says which of the wanted are in an artefact.
#[must_use]
pub fn find<'w, T: Ord>(wanted: &'w [Wanted<T>], artefact: &[u8]) -> BTreeSet<&'w T> {
    let finders: Vec<(&T, Vec<Finder<'_>>)> = wanted
        .iter()
        .map(|one| {
            let text = one.forms.iter().map(|form| Finder::new(form.expose()));
            (&one.name, text.chain(one.binary.iter().map(|form| Finder::new(form.as_slice()))).collect())
        })
        .collect();
    let mut found = BTreeSet::new();
    search(&finders, artefact, 0, &mut found);
    found
}

fn search<'w, T: Ord>(finders: &[(&'w T, Vec<Finder<'_>>)], bytes: &[u8], depth: usize, found: &mut BTreeSet<&'w T>) {
    let compact = layers::without_blanks(bytes);
    for (name, forms) in finders.iter().filter(|(name, _)| !found.contains(name)).collect::<Vec<_>>() {
        if forms.iter().any(|form| form.find(bytes).is_some() || form.find(&compact).is_some()) {
            found.insert(name);
        }
    }
    if depth < DEEPEST && found.len() < finders.len() {
        for inner in layers::of(bytes) {
            search(finders, &inner, depth + 1, found);
        }
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
            assert_eq!(find(&wanted(), &artefact), BTreeSet::from([&"key"]), "{name}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert!(find(&wanted(), b"0123456789abcde f").contains(&"token"), "blanks count for nothing");
        assert!(find(&wanted(), b"0123456789abcde").is_empty());
        assert!(find(&wanted(), &STANDARD.encode([7; 4000]).into_bytes()).is_empty());
        assert!(find(&wanted(), &gzip(&[0; 1 << 20])).is_empty());
    }
}
