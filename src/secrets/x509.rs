//! What there is to know of a certificate or a key in PEM.
//!
//! In: PEM text. Out: a few facts. Absent on purpose: trust decisions (`check`) and making certificates (`mint`).

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::net::IpAddr;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, PublicKeyData};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, GeneralName};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;
use zeroize::Zeroizing;

/// What kind a key is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with this many bits.
    Rsa(usize),
    /// ECDSA on the NIST curve with this many bits.
    Ecdsa(usize),
}

impl KeyKind {
    /// Tells whether it is an elliptic-curve key, which old releases cannot read.
    #[must_use]
    pub fn is_elliptic(self) -> bool {
        matches!(self, Self::Ecdsa(_))
    }
}

impl fmt::Display for KeyKind {
    /// Writes it as kubeadm's `encryptionAlgorithm` does: `RSA-2048`, `ECDSA-P256`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA-{bits}"),
            Self::Ecdsa(bits) => write!(f, "ECDSA-P{bits}"),
        }
    }
}

/// Facts of a certificate.
pub struct Parsed {
    /// SHA-256 of the DER SubjectPublicKeyInfo.
    pub public_key_sha256: [u8; 32],
    /// What kind of key it certifies.
    pub key_kind: KeyKind,
    /// The beginning of its validity.
    pub not_before: OffsetDateTime,
    /// The end of its validity.
    pub not_after: OffsetDateTime,
    /// How many authorities it suffers between itself and a leaf; `None` is any number.
    pub path_length: Option<u32>,
    /// Whether it may sign others: basicConstraints say CA, keyUsage has keyCertSign.
    pub is_authority: bool,
    /// The organisations in its subject, which Kubernetes takes for groups.
    pub organizations: Vec<String>,
    pem: Pem,
}

/// Reads the first certificate of a PEM text.
pub fn parse(pem: &str) -> Result<Parsed, String> {
    let first = Pem::iter_from_buffer(pem.as_bytes()).next().and_then(Result::ok);
    Parsed::of(first.ok_or(NO_CERTIFICATE)?)
}

/// Reads every certificate of a PEM text, and at least one.
pub fn parse_all(pem: &str) -> Result<Vec<Parsed>, String> {
    let all = Pem::iter_from_buffer(pem.as_bytes()).map(|pem| Parsed::of(pem.map_err(|_| NO_CERTIFICATE)?));
    let all = all.collect::<Result<Vec<_>, _>>()?;
    if all.is_empty() { Err(NO_CERTIFICATE.into()) } else { Ok(all) }
}

const NO_CERTIFICATE: &str = "it is not a PEM certificate";

impl Parsed {
    fn of(pem: Pem) -> Result<Self, String> {
        if pem.label != "CERTIFICATE" {
            return Err(NO_CERTIFICATE.into());
        }
        let certificate = pem.parse_x509().map_err(|_| "it is not an X.509 certificate")?;
        let may_sign = certificate.key_usage().ok().flatten().is_some_and(|usage| usage.value.key_cert_sign());
        let constraints = certificate.basic_constraints().ok().flatten();
        let organizations = certificate.subject().iter_organization().filter_map(|name| name.as_str().ok().map(str::to_owned));
        let facts = (
            Sha256::digest(certificate.public_key().raw).into(),
            key_kind(certificate.public_key())?,
            (certificate.validity().not_before.to_datetime(), certificate.validity().not_after.to_datetime()),
            constraints.and_then(|constraints| constraints.value.path_len_constraint),
            certificate.is_ca() && may_sign,
            organizations.collect(),
        );
        let (public_key_sha256, key_kind, (not_before, not_after), path_length, is_authority, organizations) = facts;
        Ok(Self { public_key_sha256, key_kind, not_before, not_after, path_length, is_authority, organizations, pem })
    }

    /// Tells whether `issuer` signed this certificate.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        let (Ok(own), Ok(other)) = (self.certificate(), issuer.certificate()) else { return false };
        own.issuer().as_raw() == other.subject().as_raw() && own.verify_signature(Some(other.public_key())).is_ok()
    }

    /// Returns its subject's common name.
    pub fn common_name(&self) -> Option<String> {
        let certificate = self.certificate().ok()?;
        certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).map(str::to_owned)
    }

    /// Returns the DNS names and addresses it is good for as a server, as texts.
    pub fn server_names(&self) -> BTreeSet<String> {
        let Ok(certificate) = self.certificate() else { return BTreeSet::new() };
        let Ok(Some(names)) = certificate.subject_alternative_name() else { return BTreeSet::new() };
        let text = |name: &GeneralName<'_>| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => {
                let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
                four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(|address| address.to_string())
            }
            _ => None,
        };
        names.value.general_names.iter().filter_map(text).collect()
    }

    fn certificate(&self) -> Result<X509Certificate<'_>, String> {
        self.pem.parse_x509().map_err(|error| error.to_string())
    }
}

/// A public key's digest and kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Public {
    /// SHA-256 of the DER SubjectPublicKeyInfo.
    pub sha256: [u8; 32],
    /// What kind it is of.
    pub kind: KeyKind,
}

/// Reads a SubjectPublicKeyInfo in PEM.
pub fn public_key(pem: &str) -> Result<Public, String> {
    let pem = Pem::iter_from_buffer(pem.as_bytes()).next().and_then(Result::ok).filter(|pem| pem.label == "PUBLIC KEY");
    let contents = pem.ok_or("its public key is not a PEM public key")?.contents;
    let (rest, info) = SubjectPublicKeyInfo::from_der(&contents).map_err(|_| "its public key is not a SubjectPublicKeyInfo")?;
    if !rest.is_empty() {
        return Err("its public key is not a SubjectPublicKeyInfo".into());
    }
    Ok(Public { sha256: Sha256::digest(&contents).into(), kind: key_kind(&info)? })
}

/// Reads a private key in PEM: PKCS#8, PKCS#1 or SEC 1, of the kinds that kubeadm reads. Ed25519 is none of them
/// ("neither in RSA nor ECDSA format").
pub fn private_key(pem: &str) -> Result<Zeroizing<KeyPair>, String> {
    let sentence = "its key is not a private key that kubeadm can read (unencrypted RSA, or ECDSA on P-256 or P-384)";
    let key = Zeroizing::new(KeyPair::from_pem(pem).map_err(|_| sentence)?);
    let readable =
        [&PKCS_RSA_SHA256, &PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384].iter().any(|kind| key.is_compatible(kind));
    if readable { Ok(key) } else { Err(sentence.into()) }
}

/// SHA-256 of the SubjectPublicKeyInfo that belongs to a private key.
pub fn public_key_of(key: &str) -> Result<[u8; 32], String> {
    Ok(Sha256::digest(private_key(key)?.subject_public_key_info()).into())
}

/// Keeps the PEM blocks whose label `wanted` takes, and nothing that stands around them; line ends become newlines.
///
/// openssl writes prose and `EC PARAMETERS` before what it is asked for.
pub fn blocks(text: &str, wanted: impl Fn(&str) -> bool) -> Zeroizing<String> {
    // Never larger than the text, so that no copy is left behind by growing.
    let mut kept = Zeroizing::new(String::with_capacity(text.len() + 1));
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(label) = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")) {
            inside = wanted(label);
        }
        if inside {
            kept.push_str(line);
            kept.push('\n');
        }
        inside &= !line.starts_with("-----END ");
    }
    kept
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string cannot fail");
        hex
    })
}

fn key_kind(info: &SubjectPublicKeyInfo<'_>) -> Result<KeyKind, String> {
    match info.parsed() {
        Ok(key @ PublicKey::RSA(_)) => Ok(KeyKind::Rsa(key.key_size())),
        Ok(key @ PublicKey::EC(_)) => Ok(KeyKind::Ecdsa(key.key_size())),
        _ => Err("its public key is neither RSA nor ECDSA, the kinds that kubeadm reads".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_blocks_asked_for_are_kept() {
        let text = "Certificate:\r\n  Data:\r\n-----BEGIN EC PARAMETERS-----\r\nAA==\r\n-----END EC PARAMETERS-----\r\n\
                    -----BEGIN EC PRIVATE KEY-----\r\nBB==\r\n-----END EC PRIVATE KEY-----\r\ntrailing";
        let kept = blocks(text, |label| label.ends_with("PRIVATE KEY"));
        assert_eq!(*kept, "-----BEGIN EC PRIVATE KEY-----\nBB==\n-----END EC PRIVATE KEY-----\n");
        assert_eq!(*blocks(text, |label| label == "CERTIFICATE"), "");
    }

    #[test]
    fn keys_that_kubeadm_cannot_read_are_refused() {
        let ed25519 = KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key").serialize_pem();
        let p521 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).expect("a key").serialize_pem();
        for key in [ed25519.as_str(), &p521, "", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            let fault = private_key(key).map(|_| ()).expect_err("not a key for kubeadm");
            assert!(fault.contains("cannot") || fault.contains("not a private key"), "{fault}");
        }
        let p384 = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("a key");
        assert!(private_key(&p384.serialize_pem()).is_ok());
        assert_eq!(public_key(&p384.public_key_pem()).map(|public| public.kind.to_string()), Ok("ECDSA-P384".into()));
    }

    /// A key made by openssl, and `openssl pkey -pubin -outform DER | sha256sum` of it.
    #[test]
    fn a_public_key_is_hashed_as_openssl_hashes_it() {
        let pem = "-----BEGIN PUBLIC KEY-----\n\
                   MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOn21srzXtbjhuRW7+20J2FhltHkb\n\
                   VHvr2aOaf2A+nKl96qxNW57Tlvs4r6rWz0n8PlwccKQuzaLgO/XdZjyuTw==\n\
                   -----END PUBLIC KEY-----\n";
        let public = public_key(pem).expect("a public key");
        assert_eq!(hex(&public.sha256), "ad61cff91ef65026bf2c09387f7feb63e18a2e3bda9fd69d7505ac280b1b3837");
        assert_eq!(public.kind, KeyKind::Ecdsa(256));
    }
}
