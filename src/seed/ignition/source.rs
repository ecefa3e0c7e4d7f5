//! The bytes of one file as an Ignition `contents`: a data URL, compressed when that is shorter, with its hash.
//!
//! In: bytes. Out: a `Resource`, and back. Absent on purpose: every scheme but `data`; nothing is fetched at boot.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256, Sha512};

use super::model::{Resource, Verification};
use crate::gzip::{self, Effort};

/// No file of a first boot comes near this; a config that unpacks to more is an attack.
const LARGEST: usize = 64 << 20;

/// The hash functions that Ignition knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// In every version.
    Sha512,
    /// Since 3.1, and half as long.
    Sha256,
}

/// What may be done to make a data URL short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Compressed where that is shorter.
    Compressed(Effort),
    /// The shorter spelling of the bytes.
    Spelled,
    /// Nothing: what is around it will be compressed, and base64 would hide what repeats. It is without its hash, because what is
    /// around it covers it: the hash of the config inside another, or, where a platform's provider decompresses the whole, gzip's own
    /// checksum, without which Go's reader hands on nothing.
    Outside,
}

/// Makes the shortest `contents` for `bytes` that `packing` allows; of equally long ones the one that people can read.
pub fn write(bytes: &[u8], hash: Hash, packing: Packing) -> Resource {
    const MARK: &str = r#""compression":"gzip","#;
    let hash = (packing != Packing::Outside).then(|| digest(bytes, hash));
    let verification = Verification { hash };
    let plain = format!("data:,{}", escape(bytes));
    if packing == Packing::Outside && std::str::from_utf8(bytes).is_ok() {
        return Resource { source: Some(plain), compression: None, verification };
    }
    let encoded = format!("data:;base64,{}", STANDARD.encode(bytes));
    let shortest = plain.len().min(encoded.len());
    let packed = match packing {
        Packing::Compressed(effort) => Some(format!("data:;base64,{}", STANDARD.encode(gzip::compress_with(effort, bytes)))),
        Packing::Spelled | Packing::Outside => None,
    };
    let (source, compression) = match packed.filter(|packed| packed.len() + MARK.len() < shortest) {
        Some(packed) => (packed, Some("gzip".to_owned())),
        None => (if plain.len() == shortest { plain } else { encoded }, None),
    };
    Resource { source: Some(source), compression, verification }
}

/// Takes the bytes out of a `contents` and checks their hash; without a source they are none.
///
/// # Errors
/// Says what keeps the bytes from being read here.
pub fn read(resource: &Resource) -> Result<Vec<u8>, String> {
    let Some(source) = resource.source.as_deref().filter(|source| !source.is_empty()) else {
        return Ok(Vec::new());
    };
    let packed = decode(source)?;
    let bytes = match resource.compression.as_deref().unwrap_or_default() {
        "" => packed,
        "gzip" => gzip::decompress(&packed, LARGEST)?,
        other => return Err(format!("its compression `{other}` is unknown")),
    };
    if let Some(expected) = &resource.verification.hash {
        let hash = match expected.split_once('-') {
            Some(("sha512", _)) => Hash::Sha512,
            Some(("sha256", _)) => Hash::Sha256,
            _ => return Err(format!("its hash `{expected}` is of an unknown kind")),
        };
        if digest(&bytes, hash) != expected.to_ascii_lowercase() {
            return Err("its bytes do not match its hash".into());
        }
    }
    Ok(bytes)
}

/// Ignition's form of a hash: function, hyphen, lower-case hex; of the bytes before compression.
fn digest(bytes: &[u8], hash: Hash) -> String {
    let (name, digest) = match hash {
        Hash::Sha512 => ("sha512-", Sha512::digest(bytes).to_vec()),
        Hash::Sha256 => ("sha256-", Sha256::digest(bytes).to_vec()),
    };
    digest.iter().fold(name.to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// Escapes what a data URL or a JSON string could take for its own (RFC 2397 and RFC 3986, section 2).
fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => text.push(char::from(*byte)),
            b'-' | b'_' | b'.' | b'~' | b'!' | b'*' | b'\'' | b'(' | b')' | b'/' | b':' | b'=' | b'@' | b',' => {
                text.push(char::from(*byte));
            }
            other => write!(text, "%{other:02X}").expect("writing to a string cannot fail"),
        }
    }
    text
}

fn decode(source: &str) -> Result<Vec<u8>, String> {
    let rest = source.strip_prefix("data:").ok_or("it is fetched at boot, so its bytes are not here")?;
    let (kind, data) = rest.split_once(',').ok_or("its data URL has no comma")?;
    let bytes = unescape(data).ok_or("its data URL has a broken escape")?;
    if !kind.ends_with(";base64") {
        return Ok(bytes);
    }
    let unpadded = bytes.trim_ascii_end().strip_suffix(b"==").or_else(|| bytes.strip_suffix(b"=")).unwrap_or(&bytes);
    STANDARD_NO_PAD.decode(unpadded).map_err(|_| "its data URL is not base64".to_owned())
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (pair, after) = rest.split_at_checked(2)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push(u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?);
        rest = after;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bytes: &[u8]) -> String {
        write(bytes, Hash::Sha256, Packing::Compressed(Effort::Usual)).source.expect("a source")
    }

    #[test]
    fn the_shortest_form_wins() {
        assert_eq!(source(b""), "data:,");
        assert_eq!(source(b"cp-1\n"), "data:,cp-1%0A");
        assert_eq!(source(&[0; 7]), "data:;base64,AAAAAAAAAA==");
        let long = write("the same line\n".repeat(40).as_bytes(), Hash::Sha256, Packing::Compressed(Effort::Usual));
        assert_eq!(long.compression.as_deref(), Some("gzip"));
        assert!(long.source.is_some_and(|source| source.len() < 90));
    }

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        for bytes in [&all[..], b"", b"%41 + \"q\" \\ ?#&;$", "é\r\n".as_bytes(), &all.repeat(20)] {
            let packings = [Packing::Compressed(Effort::Usual), Packing::Spelled, Packing::Outside];
            for (hash, packing) in
                [Hash::Sha512, Hash::Sha256].into_iter().flat_map(|hash| packings.map(|packing| (hash, packing)))
            {
                assert_eq!(read(&write(bytes, hash, packing)), Ok(bytes.to_vec()));
            }
            assert_eq!(unescape(&escape(bytes)).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn hashes_are_ignitions() {
        // `sha256sum </dev/null`, `sha512sum </dev/null`
        assert_eq!(digest(b"", Hash::Sha256), "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert!(digest(b"", Hash::Sha512).starts_with("sha512-cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let resource = |source: &str, compression: Option<&str>, hash: Option<&str>| Resource {
            source: Some(source.to_owned()),
            compression: compression.map(str::to_owned),
            verification: Verification { hash: hash.map(str::to_owned) },
        };
        for (resource, fault) in [
            (resource("https://example.org/x", None, None), "fetched at boot"),
            (resource("data:x", None, None), "no comma"),
            (resource("data:,%4", None, None), "broken escape"),
            (resource("data:;base64,*", None, None), "not base64"),
            (resource("data:,x", Some("xz"), None), "unknown"),
            (resource("data:,x", Some("gzip"), None), "not sound gzip"),
            (resource("data:,x", None, Some("md5-0")), "unknown kind"),
            (resource("data:,x", None, Some("sha256-0")), "do not match"),
        ] {
            assert!(read(&resource).is_err_and(|said| said.contains(fault)), "{fault}");
        }
    }
}
