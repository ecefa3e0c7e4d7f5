//! Minting: the only place where keys, tokens and certificates come into being.
//!
//! In: what is wanted and the present moment. Out: a bundle. Entropy is the operating system's alone:
//! `getrandom` for tokens and serials, aws-lc for keys. Absent on purpose: anything seedable.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use super::bundle::{Bundle, CertifiedKey, NodeSecrets, ServiceAccount, Token};
use super::x509;
use crate::error::{Doing, Error};
use crate::profile::spec::KeyAlgorithm;
use crate::secret::Secret;

/// Machines without a network clock may be hours behind the one that mints; kubeadm up to 1.19 refuses a CA whose
/// validity has not begun.
const BACKDATED: Duration = Duration::hours(24);
const AUTHORITY_LIFE: Duration = Duration::days(3650);
const ADMIN_LIFE: Duration = Duration::days(365);

/// What is to be minted.
pub struct MintRequest<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// The nodes that join, the founder among them.
    pub nodes: &'a [&'a str],
    /// Key type of the authorities and the administrator.
    pub authorities: KeyAlgorithm,
    /// Key type of the service-account pair.
    pub service_account: KeyAlgorithm,
    /// Organisation in the administrator's certificate, which is its group.
    pub admin_group: &'a str,
    /// How long after `now` the founder may found.
    pub found_within: Duration,
}

/// Makes a new cluster's bundle.
///
/// # Errors
/// When the system has no entropy to give.
pub fn mint(request: &MintRequest<'_>, now: OffsetDateTime) -> Result<Bundle, Error> {
    let minted = now.replace_nanosecond(0).expect("zero is a nanosecond");
    // An RSA key takes 50 ms and luck, so the five keys are made side by side.
    let kinds = [request.authorities, request.authorities, request.authorities, request.authorities, request.service_account];
    let keys = thread::scope(|scope| {
        let makers = kinds.map(|kind| scope.spawn(move || key_pair(kind)));
        makers.map(|maker| maker.join().expect("making a key does not panic"))
    });
    let [ca, front_proxy, etcd, admin, service_account] = keys;
    let (ca, issuer) = authority("kubernetes", Some("kubernetes"), ca?, minted)?;
    let mut bundle = Bundle {
        cluster: request.cluster.to_owned(),
        cluster_id: x509::hex(&random::<16>()?),
        generation: 1,
        minted,
        found_until: minted + request.found_within,
        front_proxy_ca: authority("front-proxy-ca", None, front_proxy?, minted)?.0,
        etcd_ca: authority("etcd-ca", None, etcd?, minted)?.0,
        admin: administrator(request.admin_group, &issuer, admin?, minted)?,
        ca,
        service_account: service_account
            .map(|key| ServiceAccount { public: key.public_key_pem(), key: Secret::new(key.serialize_pem()) })?,
        certificate_key: Secret::new(x509::hex(&random::<32>()?)),
        nodes: BTreeMap::new(),
    };
    add_nodes(&mut bundle, request.nodes)?;
    Ok(bundle)
}

/// Names the nodes that the bundle has nothing for.
#[must_use]
pub fn missing(bundle: &Bundle, nodes: &[&str]) -> Vec<String> {
    nodes.iter().filter(|name| !bundle.nodes.contains_key(**name)).map(|name| (*name).to_owned()).collect()
}

/// Adds what is missing and touches nothing else; names what it added.
///
/// # Errors
/// When the system has no entropy to give.
pub fn add_nodes(bundle: &mut Bundle, nodes: &[&str]) -> Result<Vec<String>, Error> {
    let added = missing(bundle, nodes);
    let mut taken: BTreeSet<String> = bundle.nodes.values().map(|node| node.token.id.clone()).collect();
    for name in &added {
        let token = loop {
            let token = Token { id: letters(6)?.expose().to_owned(), secret: letters(16)? };
            if taken.insert(token.id.clone()) {
                break token;
            }
        };
        bundle.nodes.insert(name.clone(), NodeSecrets { token });
    }
    Ok(added)
}

fn key_pair(kind: KeyAlgorithm) -> Result<KeyPair, Error> {
    match kind {
        KeyAlgorithm::EcdsaP256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        KeyAlgorithm::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
    }
    .doing(|| "making a private key".to_owned())
}

fn authority(
    name: &str,
    dns: Option<&str>,
    key: KeyPair,
    minted: OffsetDateTime,
) -> Result<(CertifiedKey, Issuer<'static, KeyPair>), Error> {
    let mut params = params(name, minted, AUTHORITY_LIFE)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
    ];
    // kubeadm itself puts this name into the cluster CA (util/pkiutil, NewSelfSignedCACert).
    if let Some(dns) = dns {
        params.subject_alt_names = vec![SanType::DnsName(dns.try_into().doing(|| format!("naming {name}"))?)];
    }
    let certificate = params.self_signed(&key).doing(|| format!("signing {name}"))?.pem();
    let pair = CertifiedKey { certificate, key: Secret::new(key.serialize_pem()) };
    Ok((pair, Issuer::new(params, key)))
}

fn administrator(group: &str, issuer: &Issuer<'_, KeyPair>, key: KeyPair, minted: OffsetDateTime) -> Result<CertifiedKey, Error> {
    let mut params = params("kubernetes-admin", minted, ADMIN_LIFE)?;
    params.distinguished_name.push(DnType::OrganizationName, group);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, issuer).doing(|| "signing the administrator's certificate".to_owned())?.pem();
    Ok(CertifiedKey { certificate, key: Secret::new(key.serialize_pem()) })
}

fn params(name: &str, minted: OffsetDateTime, life: Duration) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = minted - BACKDATED;
    params.not_after = minted + life;
    params.use_authority_key_identifier_extension = true;
    // Positive, and 126 bits of entropy at least (RFC 5280 §4.1.2.2: 20 octets at most).
    let mut serial = random::<16>()?;
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).doing(|| "asking the system for entropy".to_owned())?;
    Ok(bytes)
}

/// `[a-z0-9]`, every one as likely as the others: bytes from 252 on are thrown away, because 252 = 7 × 36.
fn letters(length: usize) -> Result<Secret, Error> {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let [byte] = random::<1>()?;
        if byte < 252 {
            text.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
        }
    }
    Ok(Secret::new(text))
}
