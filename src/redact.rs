//! Texts made fit to be shown.
//!
//! In: any text that may carry credentials of a cluster. Out: the same text with private keys, token
//! secrets, certificate keys, encryption keys and base64 of private keys replaced by `…`. Absent on purpose: knowledge of
//! a particular bundle; this recognises credentials by their shape.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const GONE: &str = "…";
const TOKEN_ID: usize = 6;
const TOKEN_SECRET: usize = 16;
const CERTIFICATE_KEY: usize = 64;

/// Replaces what looks like a credential.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside_key = false;
    for line in text.split_inclusive('\n') {
        if inside_key {
            inside_key = !is_pem_boundary(line, "-----END ");
            if !inside_key {
                out.push_str(line);
            }
        } else if is_pem_boundary(line, "-----BEGIN ") {
            inside_key = true;
            out.push_str(line);
            let indent = line.len() - line.trim_start().len();
            out.push_str(&line[..indent]);
            out.push_str(GONE);
            out.push('\n');
        } else {
            words(line, &mut out);
        }
    }
    out
}

fn is_pem_boundary(line: &str, word: &str) -> bool {
    line.trim_start().starts_with(word) && line.contains("PRIVATE KEY-----")
}

/// Copies a line, looking at each run of characters that a credential could consist of.
fn words(line: &str, out: &mut String) {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '/' | '=');
    let mut rest = line;
    while let Some(start) = rest.find(part) {
        let (before, word_on) = rest.split_at(start);
        let end = word_on.find(|c| !part(c)).unwrap_or(word_on.len());
        let (word, after) = word_on.split_at(end);
        out.push_str(before);
        match word.split_once('.') {
            Some((id, secret)) if is_lower(id, TOKEN_ID) && is_lower(secret, TOKEN_SECRET) => {
                out.push_str(id);
                out.push('.');
                out.push_str(GONE);
            }
            _ if is_certificate_key(word) && !out.ends_with("sha256:") => out.push_str(GONE),
            _ if is_encryption_key(word) => out.push_str(GONE),
            _ if hides_a_key(word) => out.push_str(GONE),
            _ => out.push_str(word),
        }
        rest = after;
    }
    out.push_str(rest);
}

fn is_lower(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn is_certificate_key(word: &str) -> bool {
    word.len() == CERTIFICATE_KEY && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// 32 bytes in base64.
fn is_encryption_key(word: &str) -> bool {
    word.len() == 44 && STANDARD.decode(word).is_ok_and(|bytes| bytes.len() == 32)
}

fn hides_a_key(word: &str) -> bool {
    let long_enough = word.len() >= 64;
    long_enough && STANDARD.decode(word).is_ok_and(|bytes| bytes.windows(b"PRIVATE KEY".len()).any(|part| part == b"PRIVATE KEY"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_and_the_rest_stays() {
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let hash = "ab".repeat(32);
        for (text, shown) in [
            (
                format!("  {}", key.replace('\n', "\n  ")),
                "  -----BEGIN PRIVATE KEY-----\n  …\n  -----END PRIVATE KEY-----\n  ".to_owned(),
            ),
            ("token: \"abcdef.0123456789abcdef\"\n".into(), "token: \"abcdef.…\"\n".into()),
            (format!("certificateKey: \"{hash}\""), "certificateKey: \"…\"".into()),
            (format!("caCertHashes: [\"sha256:{hash}\"]"), format!("caCertHashes: [\"sha256:{hash}\"]")),
            (format!("secret: \"{}\"", STANDARD.encode([7; 32])), "secret: \"…\"".into()),
            (format!("client-key-data: \"{}\"", STANDARD.encode(key)), "client-key-data: \"…\"".into()),
            ("image: registry.k8s.io/pause:3.10\n".into(), "image: registry.k8s.io/pause:3.10\n".into()),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n".into(), "-----BEGIN CERTIFICATE-----\nAAAA\n".into()),
        ] {
            assert_eq!(redact(&text), shown);
        }
    }
}
