//! The numbers of a private key: what stays the same however the key is written.
//!
//! In: DER of PKCS#8, SEC 1 or PKCS#1. Out: the scalar of an elliptic key, the exponent and the primes of an RSA one. Absent
//! on purpose: whether it is a sound key (`x509`).

use zeroize::Zeroizing;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;

/// Returns the secret numbers, big-endian and without leading zeros; none when it is no such key.
pub fn of(der: &[u8]) -> Vec<Zeroizing<Vec<u8>>> {
    let outer = elements(der).unwrap_or_default();
    let [(SEQUENCE, content)] = outer[..] else { return vec![] };
    let secret: Vec<&[u8]> = match elements(content).unwrap_or_default().as_slice() {
        // RFC 5958: version, algorithm, and the key as its algorithm writes it.
        [(INTEGER, _), (SEQUENCE, _), (OCTET_STRING, key), ..] => return of(key),
        // RFC 5915: version, scalar.
        [(INTEGER, _), (OCTET_STRING, scalar), ..] => vec![scalar],
        // RFC 8017, appendix A.1.2: version, modulus, public exponent, private exponent, two primes.
        [(INTEGER, _), (INTEGER, _), (INTEGER, _), (INTEGER, d), (INTEGER, p), (INTEGER, q), ..] => vec![d, p, q],
        _ => vec![],
    };
    let bare = |number: &[u8]| Zeroizing::new(number.iter().copied().skip_while(|byte| *byte == 0).collect::<Vec<_>>());
    secret.into_iter().map(bare).collect()
}

/// The tags and contents of a sequence's elements (X.690: definite lengths only); `None` when they are cut off.
fn elements(mut der: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut all = Vec::new();
    while let [tag, first, rest @ ..] = der {
        let (length, rest) = match usize::from(*first) {
            short @ 0..0x80 => (short, rest),
            long => {
                let (digits, rest) = rest.split_at_checked(long & 0x7f)?;
                let length = digits.iter().try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add((*byte).into()))?;
                (length, rest)
            }
        };
        let (content, behind) = rest.split_at_checked(length)?;
        all.push((*tag, content));
        der = behind;
    }
    der.is_empty().then_some(all)
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256};

    use super::*;

    #[test]
    fn the_numbers_of_every_kind_of_key_are_found() {
        for (kind, lengths) in
            [(&PKCS_ECDSA_P256_SHA256, vec![32]), (&PKCS_ECDSA_P384_SHA384, vec![48]), (&PKCS_RSA_SHA256, vec![256, 128, 128])]
        {
            let der = KeyPair::generate_for(kind).expect("a key").serialize_der();
            let found: Vec<_> = of(&der).iter().map(|number| number.len()).collect();
            assert_eq!(found.len(), lengths.len());
            // One key in 256 has a number that begins with a zero byte.
            assert!(found.iter().zip(&lengths).all(|(found, whole)| (whole - 4..=*whole).contains(found)), "{found:?}");
            for length in 0..der.len() {
                assert!(of(&der[..length]).is_empty());
            }
        }
        assert!(of(b"").is_empty() && of(&[0x30, 0x80]).is_empty() && of(&[0x30, 0xff]).is_empty());
    }
}
