//! Minting: the only place where keys, tokens and certificates come into being.
//!
//! In: what is wanted and the present moment. Out: a bundle. Entropy is the operating system's alone:
//! `getrandom` for tokens and serials, aws-lc for keys. Absent on purpose: anything seedable, and the clock.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::adopt::Existing;
use super::bundle::{Bundle, CertifiedKey, NodeSecrets, ServiceAccount, Token};
use super::{check, x509};
use crate::error::{Doing, Error};
use crate::profile::spec::KeyAlgorithm;
use crate::secret::Secret;

/// Machines without a network clock may be hours behind the one that mints; kubeadm up to 1.19 refuses a CA whose
/// validity has not begun.
const BACKDATED: Duration = Duration::hours(24);
const AUTHORITY_LIFE: Duration = Duration::days(3650);
const ADMIN_LIFE: Duration = Duration::days(365);

const TOKEN_ID: usize = 6;
const TOKEN_SECRET: usize = 16;

/// What is to be minted.
#[derive(Debug)]
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
    adopt(Existing::default(), request, now)
}

/// Makes a bundle around authorities and keys that exist already; what is missing among them is minted.
///
/// # Errors
/// When what exists does not belong together, or the system has no entropy to give.
pub fn adopt(existing: Existing, request: &MintRequest<'_>, now: OffsetDateTime) -> Result<Bundle, Error> {
    let minted = now.replace_nanosecond(0).expect("zero is a nanosecond");
    let Existing { ca, front_proxy_ca, etcd_ca, service_account } = existing;
    let kind = request.authorities;
    // An RSA key takes 50 ms and luck, so the keys are made side by side.
    let (ca, front_proxy_ca, etcd_ca, service_account, admin_key) = thread::scope(|scope| {
        // kubeadm itself puts this name into the cluster CA (util/pkiutil, NewSelfSignedCACert).
        let ca = scope.spawn(move || ca.map_or_else(|| authority("kubernetes", Some("kubernetes"), kind, minted), Ok));
        let front = scope.spawn(move || front_proxy_ca.map_or_else(|| authority("front-proxy-ca", None, kind, minted), Ok));
        let etcd = scope.spawn(move || etcd_ca.map_or_else(|| authority("etcd-ca", None, kind, minted), Ok));
        let account = scope.spawn(move || service_account.map_or_else(|| account(request.service_account), Ok));
        let admin = scope.spawn(move || key_pair(kind));
        let sound = "making a key does not panic";
        let done = (front.join().expect(sound), etcd.join().expect(sound), account.join().expect(sound), admin.join().expect(sound));
        (ca.join().expect(sound), done.0, done.1, done.2, done.3)
    });
    let ca = ca?;
    let mut bundle = Bundle {
        cluster: request.cluster.to_owned(),
        cluster_id: x509::hex(random::<16>()?.as_slice()),
        generation: 1,
        minted,
        found_until: minted + request.found_within,
        front_proxy_ca: front_proxy_ca?,
        etcd_ca: etcd_ca?,
        admin: administrator(request.admin_group, &ca, &*admin_key?, minted)?,
        ca,
        service_account: service_account?,
        certificate_key: certificate_key()?,
        nodes: BTreeMap::new(),
    };
    add_nodes(&mut bundle, request.nodes)?;
    whole(bundle)
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
    for name in &added {
        let token = token(bundle, &mut system_byte)?;
        bundle.nodes.insert(name.clone(), NodeSecrets { token });
    }
    Ok(added)
}

/// Gives a node a new token in place of its old one, which it returns; `None` when the bundle does not know the node.
///
/// # Errors
/// When the system has no entropy to give.
pub fn renew_token(bundle: &mut Bundle, node: &str) -> Result<Option<Token>, Error> {
    let new = token(bundle, &mut system_byte)?;
    Ok(bundle.nodes.get_mut(node).map(|secrets| std::mem::replace(&mut secrets.token, new)))
}

/// Puts a new certificate key in place of the old one.
///
/// # Errors
/// When the system has no entropy to give.
pub fn renew_certificate_key(bundle: &mut Bundle) -> Result<(), Error> {
    bundle.certificate_key = certificate_key()?;
    Ok(())
}

/// Issues the administrator's certificate anew, for a year from `now`.
///
/// # Errors
/// When the cluster's authority cannot sign.
pub fn renew_admin(bundle: &mut Bundle, group: &str, kind: KeyAlgorithm, now: OffsetDateTime) -> Result<(), Error> {
    let now = now.replace_nanosecond(0).expect("zero is a nanosecond");
    bundle.admin = administrator(group, &bundle.ca, &*key_pair(kind)?, now)?;
    Ok(())
}

/// Lets through what `load` will let through: a bundle that is saved can be read again.
fn whole(bundle: Bundle) -> Result<Bundle, Error> {
    match check::faults(&bundle).as_slice() {
        [] => Ok(bundle),
        faults => Err(Error::new(format!("making the bundle of `{}`: {}", bundle.cluster, faults.join("; ")))),
    }
}

fn key_pair(kind: KeyAlgorithm) -> Result<Zeroizing<KeyPair>, Error> {
    let made = match kind {
        KeyAlgorithm::EcdsaP256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        KeyAlgorithm::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
    };
    made.map(Zeroizing::new).doing(|| "making a private key".to_owned())
}

fn account(kind: KeyAlgorithm) -> Result<ServiceAccount, Error> {
    let key = key_pair(kind)?;
    Ok(ServiceAccount { public: key.public_key_pem(), key: Secret::new(key.serialize_pem()) })
}

fn authority(name: &str, dns: Option<&str>, kind: KeyAlgorithm, minted: OffsetDateTime) -> Result<CertifiedKey, Error> {
    let key = key_pair(kind)?;
    let mut params = params(name, minted, minted + AUTHORITY_LIFE)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
    ];
    if let Some(dns) = dns {
        params.subject_alt_names = vec![SanType::DnsName(dns.try_into().doing(|| format!("naming {name}"))?)];
    }
    let certificate = params.self_signed(&*key).doing(|| format!("signing {name}"))?.pem();
    Ok(CertifiedKey { certificate, key: Secret::new(key.serialize_pem()) })
}

fn administrator(group: &str, ca: &CertifiedKey, key: &KeyPair, now: OffsetDateTime) -> Result<CertifiedKey, Error> {
    const DOING: &str = "signing the administrator's certificate";
    let failed = |fault: String| Error::new(format!("{DOING}: `ca`: {fault}"));
    let ca_key = x509::private_key(ca.key.expose()).map_err(failed)?;
    let ca_end = x509::parse(&ca.certificate).map_err(failed)?.not_after;
    let issuer = Issuer::from_ca_cert_pem(&ca.certificate, &*ca_key).doing(|| DOING.to_owned())?;
    let mut params = params("kubernetes-admin", now, ca_end.min(now + ADMIN_LIFE))?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.distinguished_name.push(DnType::OrganizationName, group);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(key, &issuer).doing(|| DOING.to_owned())?.pem();
    Ok(CertifiedKey { certificate, key: Secret::new(key.serialize_pem()) })
}

fn params(name: &str, now: OffsetDateTime, end: OffsetDateTime) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now - BACKDATED;
    params.not_after = end;
    params.use_authority_key_identifier_extension = true;
    // Positive, and 126 bits of entropy (RFC 5280 §4.1.2.2: 20 octets at most).
    let mut serial = *random::<16>()?;
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn certificate_key() -> Result<Secret, Error> {
    Ok(Secret::new(x509::hex(random::<32>()?.as_slice())))
}

/// Makes a token whose id no node of the bundle has.
fn token(bundle: &Bundle, byte: &mut impl FnMut() -> Result<u8, Error>) -> Result<Token, Error> {
    let taken: BTreeSet<&str> = bundle.nodes.values().map(|node| node.token.id.as_str()).collect();
    loop {
        let id = letters(TOKEN_ID, byte)?;
        if !taken.contains(id.as_str()) {
            return Ok(Token { id, secret: Secret::new(letters(TOKEN_SECRET, byte)?) });
        }
    }
}

/// `[a-z0-9]`, every one as likely as the others: bytes from 252 on are thrown away, because 252 = 7 × 36.
fn letters(length: usize, byte: &mut impl FnMut() -> Result<u8, Error>) -> Result<String, Error> {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let byte = byte()?;
        if byte < 252 {
            text.push(char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]));
        }
    }
    Ok(text)
}

fn system_byte() -> Result<u8, Error> {
    random::<1>().map(|bytes| bytes[0])
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Error> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).doing(|| "asking the system for entropy".to_owned())?;
    Ok(bytes)
}
