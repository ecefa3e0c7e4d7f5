//! Bytes written in letters: base64, hex, escapes, quoted-printable and UTF-16.
//!
//! In: bytes that may be such text, wrapped, quoted and indented in any way. Out: what it says. Absent on purpose: grammar.
//! Whoever plants a secret by accident writes it in JSON, YAML, a shell's words or a table of C; all that these put between
//! the letters is passed over.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use memchr::{memchr, memchr2_iter};
use zeroize::Zeroizing;

use super::Layer;

/// Shorter runs of base64 hold nothing worth hiding: a token's secret half has 16 characters.
const SHORTEST_BASE64: usize = 20;

/// A line of wrapped base64 is not shorter, but for the last; the words of other texts mostly are.
const SHORTEST_LINE: usize = 16;

/// Digits: a token's secret half.
const SHORTEST_HEX: usize = 32;

/// Characters: a token's secret half.
const SHORTEST_UTF16: usize = 16;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// What a byte is to a text that may be wrapped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A letter of base64, of either alphabet.
    Letter,
    /// A letter of base64, or what joins words where it stands alone: `-`, `+`.
    Sign,
    /// What divides words: blanks and punctuation.
    Divider,
    /// What may begin an escaped line end.
    Backslash,
    /// Padding, and whatever is no text.
    Other,
}

const KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Other; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        kinds[byte as usize] = match byte {
            b'=' => Kind::Other,
            b'\\' => Kind::Backslash,
            b'-' | b'+' => Kind::Sign,
            b'/' | b'_' => Kind::Letter,
            _ if byte.is_ascii_alphanumeric() => Kind::Letter,
            _ if byte.is_ascii_whitespace() || byte.is_ascii_punctuation() => Kind::Divider,
            _ => Kind::Other,
        };
        byte += 1;
    }
    kinds
};

/// Takes out what divides words.
pub fn joined(bytes: &[u8]) -> Layer {
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len()));
    let mut at = 0;
    while at < bytes.len() {
        match divider(bytes, at) {
            0 => {
                out.push(bytes[at]);
                at += 1;
            }
            length => at += length,
        }
    }
    out
}

/// Returns how many bytes from `at` on only divide: blanks, punctuation, escaped line ends, a list's dash.
fn divider(bytes: &[u8], at: usize) -> usize {
    match KINDS[usize::from(bytes[at])] {
        Kind::Letter | Kind::Other => 0,
        Kind::Divider => 1,
        Kind::Backslash => {
            let slashes = bytes[at..].iter().take_while(|byte| **byte == b'\\').count();
            slashes + usize::from(matches!(bytes.get(at + slashes), Some(b'n' | b'r' | b't')))
        }
        Kind::Sign => {
            let blank = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
            usize::from(blank(bytes.get(at + 1)) && blank(at.checked_sub(1).and_then(|before| bytes.get(before))))
        }
    }
}

/// Decodes runs of base64 of either alphabet.
pub fn from_base64(bytes: &[u8]) -> Vec<Layer> {
    let mut all = Vec::new();
    let mut run: Layer = Zeroizing::default();
    let (mut at, mut line) = (0, 0);
    while at < bytes.len() {
        match (divider(bytes, at), KINDS[usize::from(bytes[at])]) {
            (0, Kind::Letter | Kind::Sign) => {
                run.push(match bytes[at] {
                    b'-' => b'+',
                    b'_' => b'/',
                    letter => letter,
                });
                (at, line) = (at + 1, line + 1);
            }
            (0, _) => {
                decode(&mut run, &mut all);
                (at, line) = (at + 1, 0);
            }
            (length, _) => {
                if (1..SHORTEST_LINE).contains(&line) {
                    decode(&mut run, &mut all);
                }
                (at, line) = (at + length, 0);
            }
        }
    }
    decode(&mut run, &mut all);
    all
}

/// Decodes a run and empties it. It may begin with letters that belong to a word before it.
fn decode(run: &mut Layer, all: &mut Vec<Layer>) {
    if run.len() >= SHORTEST_BASE64 {
        for skip in 0..4 {
            let rest = &run[skip..];
            // A single left-over character carries less than a byte.
            let whole = if rest.len() % 4 == 1 { &rest[..rest.len() - 1] } else { rest };
            all.extend(LENIENT.decode(whole).ok().map(Zeroizing::new));
        }
    }
    run.clear();
}

/// Decodes runs of hexadecimal digits in joined text, `0x` before them or not; a run may begin with a letter before it.
pub fn from_hex(joined: &[u8]) -> Vec<Layer> {
    let mut all = Vec::new();
    let mut digits: Layer = Zeroizing::default();
    let mut at = 0;
    while at <= joined.len() {
        if let Some([b'0', b'x' | b'X']) = joined.get(at..at + 2) {
            at += 2;
            continue;
        }
        match joined.get(at).copied().and_then(digit) {
            Some(digit) => digits.push(digit),
            None => {
                if digits.len() >= SHORTEST_HEX {
                    let pairs = |from: usize| digits[from..].chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
                    all.extend([0, 1].map(pairs).map(Zeroizing::new));
                }
                digits.clear();
            }
        }
        at += 1;
    }
    all
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The number that `count` digits from `at` on write.
fn number(bytes: &[u8], at: usize, count: usize, base: u32) -> Option<u32> {
    let digits = bytes.get(at..at + count)?;
    digits.iter().try_fold(0, |sum, byte| char::from(*byte).to_digit(base).map(|digit| sum * base + digit))
}

/// Decodes `%41`, `\x41`, `\u0041`, `\101` and YAML's `\0`, if there are any.
pub fn unescaped(bytes: &[u8]) -> Option<Layer> {
    let mut out: Layer = Zeroizing::default();
    let mut done = 0;
    for at in memchr2_iter(b'%', b'\\', bytes) {
        let Some((value, length)) = escape(bytes, at).filter(|_| at >= done) else { continue };
        if done == 0 {
            out.reserve_exact(bytes.len());
        }
        out.extend(&bytes[done..at]);
        match u8::try_from(value) {
            Ok(byte) => out.push(byte),
            Err(_) => out.extend(char::from_u32(value).unwrap_or_default().to_string().bytes()),
        }
        done = at + length;
    }
    (done > 0).then(|| {
        out.extend(&bytes[done..]);
        out
    })
}

/// What an escape at `at` stands for, and its length; a backslash may itself be escaped.
fn escape(bytes: &[u8], at: usize) -> Option<(u32, usize)> {
    match bytes[at] {
        b'%' => number(bytes, at + 1, 2, 16).map(|value| (value, 3)),
        b'\\' => {
            let slashes = bytes[at..].iter().take_while(|byte| **byte == b'\\').count();
            let (prefix, count, base) = match bytes.get(at + slashes)? {
                b'x' => (1, 2, 16),
                b'u' => (1, 4, 16),
                _ => (0, 3, 8),
            };
            let value = number(bytes, at + slashes + prefix, count, base).map(|value| (value, slashes + prefix + count));
            value.or_else(|| (bytes[at + slashes] == b'0').then_some((0, slashes + 1)))
        }
        _ => None,
    }
}

/// Decodes quoted-printable (RFC 2045, section 6.7) in a text that says it has some: a part of a multipart user-data.
pub fn from_quoted_printable(bytes: &[u8]) -> Option<Layer> {
    const NAMED: &[u8] = b"quoted-printable";
    let named = |at: usize| bytes.get(at..at + NAMED.len()).is_some_and(|word| word.eq_ignore_ascii_case(NAMED));
    memchr2_iter(b'q', b'Q', bytes).find(|at| named(*at))?;
    let mut out = Zeroizing::new(Vec::with_capacity(bytes.len()));
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], number(bytes, at + 1, 2, 16).and_then(|value| u8::try_from(value).ok())) {
            (b'=', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (b'=', None) => at += 1 + bytes[at + 1..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count().min(2),
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    Some(out)
}

/// Decodes runs of ASCII in UTF-16 of either byte order, if there are any.
pub fn from_utf16(bytes: &[u8]) -> Option<Layer> {
    memchr(0, bytes)?;
    let text = |at: usize| bytes.get(at).copied().filter(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~'));
    let mut out: Layer = Zeroizing::default();
    let mut run: Layer = Zeroizing::default();
    let mut at = 0;
    while at <= bytes.len() {
        // The last character of the higher byte first has no zero behind it.
        match (text(at), bytes.get(at + 1)) {
            (Some(character), Some(0)) => {
                run.push(character);
                at += 2;
                continue;
            }
            (Some(character), _) if !run.is_empty() => run.push(character),
            _ => {}
        }
        if run.len() >= SHORTEST_UTF16 {
            out.append(&mut run);
        }
        run.clear();
        at += 1;
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_divides_goes_and_what_may_be_base64_stays() {
        for (text, left) in [
            ("k: \"QUJD\\n  REVG\\\\n\"", "kQUJDREVG"),
            ("- QUJD+\n- 'REVG-'\n", "QUJD+REVG-"),
            ("\"a/b_c\" + \"d==\"", "a/b_cd=="),
            ("a\\/b", "a/b"),
        ] {
            assert_eq!(joined(text.as_bytes()).as_slice(), left.as_bytes(), "{text}");
        }
    }

    #[test]
    fn escapes_of_every_kind_are_taken_off() {
        for text in ["a%62c", "a\\x62c", "a\\u0062c", "a\\\\u0062c", "a\\142c"] {
            assert_eq!(unescaped(text.as_bytes()).map(|layer| layer.to_vec()), Some(b"abc".to_vec()), "{text}");
        }
        assert_eq!(unescaped(b"a\\0b").map(|layer| layer.to_vec()), Some(b"a\0b".to_vec()));
        for text in ["", "%", "100%", "%4", "%zz", "\\", "\\x4", "\\u00", "\\n", "C:\\users"] {
            assert_eq!(unescaped(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn both_byte_orders_are_read() {
        let text = "0123456789abcdef and more";
        let words: Vec<u16> = text.encode_utf16().collect();
        for bytes in [words.iter().flat_map(|w| w.to_le_bytes()).collect(), words.iter().flat_map(|w| w.to_be_bytes()).collect()]
        {
            let bytes: Vec<u8> = bytes;
            assert_eq!(from_utf16(&bytes).map(|layer| layer.to_vec()), Some(text.as_bytes().to_vec()));
        }
        assert_eq!(from_utf16(b"plain text, and a NUL at its end\0"), None);
    }
}
