//! What there is to know of a certificate or a private key in PEM.
//!
//! In: PEM text. Out: a few facts. Absent on purpose: trust decisions (`check`) and making certificates (`mint`).

use rcgen::{KeyPair, PublicKeyData};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;

/// Facts of a certificate.
pub struct Parsed {
    /// SHA-256 of the DER SubjectPublicKeyInfo.
    pub public_key_sha256: [u8; 32],
    /// The end of its validity.
    pub not_after: OffsetDateTime,
    /// Whether it may sign others: basicConstraints say CA, keyUsage has keyCertSign.
    pub is_authority: bool,
    pem: Pem,
}

/// Reads the first certificate of a PEM text.
pub fn parse(pem: &str) -> Result<Parsed, String> {
    let pem = Pem::iter_from_buffer(pem.as_bytes())
        .next()
        .and_then(Result::ok)
        .filter(|pem| pem.label == "CERTIFICATE")
        .ok_or("it is not a PEM certificate")?;
    let certificate = pem.parse_x509().map_err(|_| "it is not an X.509 certificate")?;
    let may_sign = certificate.key_usage().ok().flatten().is_some_and(|usage| usage.value.key_cert_sign());
    let parsed = (
        Sha256::digest(certificate.public_key().raw).into(),
        certificate.validity().not_after.to_datetime(),
        certificate.is_ca() && may_sign,
    );
    let (public_key_sha256, not_after, is_authority) = parsed;
    Ok(Parsed { public_key_sha256, not_after, is_authority, pem })
}

impl Parsed {
    /// Tells whether `issuer` signed this certificate.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        let (Ok(own), Ok(other)) = (self.certificate(), issuer.certificate()) else { return false };
        own.issuer().as_raw() == other.subject().as_raw() && own.verify_signature(Some(other.public_key())).is_ok()
    }

    fn certificate(&self) -> Result<X509Certificate<'_>, String> {
        self.pem.parse_x509().map_err(|error| error.to_string())
    }
}

/// SHA-256 of the SubjectPublicKeyInfo that belongs to a private key.
pub fn public_key_of(key: &str) -> Result<[u8; 32], String> {
    let key = KeyPair::from_pem(key).map_err(|_| "it is not a private key that can be read (RSA, or EC on P-256 or P-384)")?;
    Ok(Sha256::digest(key.subject_public_key_info()).into())
}

/// SHA-256 of a SubjectPublicKeyInfo in PEM.
pub fn public_key(pem: &str) -> Result<[u8; 32], String> {
    let pem = Pem::iter_from_buffer(pem.as_bytes()).next().and_then(Result::ok).filter(|pem| pem.label == "PUBLIC KEY");
    Ok(Sha256::digest(pem.ok_or("it is not a PEM public key")?.contents).into())
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
