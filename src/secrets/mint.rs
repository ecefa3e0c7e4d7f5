//! Minting: the only place where keys, tokens and certificates come into being.
//!
//! In: what is wanted and the present moment. Out: a bundle. Entropy is the operating system's alone:
//! `getrandom` for tokens and serials, aws-lc for keys. Absent on purpose: anything seedable, and the clock.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::adopt::Existing;
use super::bundle::{Bundle, CertifiedKey, EncryptionKey, NodeSecrets, ServiceAccount, Token};
use super::leaf::{Authority, Leaf, NodeRequest};
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
    pub nodes: &'a [NodeRequest],
    /// Key type of the authorities and the administrator.
    pub authorities: KeyAlgorithm,
    /// Key type of the service-account pair.
    pub service_account: KeyAlgorithm,
    /// Organisation in the administrator's certificate, which is its group.
    pub admin_group: &'a str,
    /// How long after `now` the founder may found.
    pub found_within: Duration,
    /// Whether API servers encrypt what they store.
    pub encrypts: bool,
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
        let ca = scope.spawn(move || ca.map_or_else(|| cluster_authority(kind, minted), Ok));
        let front = scope.spawn(move || front_proxy_ca.map_or_else(|| authority("front-proxy-ca", None, kind, minted), Ok));
        let etcd = scope.spawn(move || etcd_ca.map_or_else(|| authority("etcd-ca", None, kind, minted), Ok));
        let account = scope.spawn(move || service_account.map_or_else(|| account(request.service_account), Ok));
        let admin = scope.spawn(move || key_pair(kind));
        let sound = "making a key does not panic";
        let done =
            (front.join().expect(sound), etcd.join().expect(sound), account.join().expect(sound), admin.join().expect(sound));
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
        ca_rotation: None,
        service_account: service_account?,
        certificate_key: certificate_key()?,
        encryption_key: request.encrypts.then(encryption_key).transpose()?,
        nodes: BTreeMap::new(),
    };
    add(&mut bundle, request.nodes, minted, None)?;
    whole(bundle)
}

/// Names what the bundle lacks: a node, or a certificate of one.
#[must_use]
pub fn missing(bundle: &Bundle, nodes: &[NodeRequest]) -> Vec<String> {
    let lacks = |request: &NodeRequest| match bundle.nodes.get(&request.name) {
        None => vec![request.name.clone()],
        Some(known) => absent(known, request).map(|leaf| format!("{} of {}", leaf.as_str(), request.name)).collect(),
    };
    nodes.iter().flat_map(lacks).collect()
}

fn absent(known: &NodeSecrets, request: &NodeRequest) -> impl Iterator<Item = Leaf> {
    request.leaves.iter().copied().filter(|leaf| !known.leaves.contains_key(leaf))
}

/// Names the certificates that say something else of their nodes than is wanted now: another address, another name.
#[must_use]
pub fn outdated(bundle: &Bundle, nodes: &[NodeRequest]) -> Vec<String> {
    let of = |request: &NodeRequest| {
        let known = bundle.nodes.get(&request.name);
        let leaves = known.into_iter().flat_map(|known| stale(known, request));
        leaves.map(|leaf| format!("{} of {}", leaf.as_str(), request.name)).collect::<Vec<_>>()
    };
    nodes.iter().flat_map(of).collect()
}

fn stale(known: &NodeSecrets, request: &NodeRequest) -> impl Iterator<Item = Leaf> {
    request.leaves.iter().copied().filter(|leaf| known.leaves.get(leaf).is_some_and(|issued| !fits(issued, *leaf, request)))
}

/// Whether a certificate says what is wanted of its node; when it ends is another question.
fn fits(issued: &CertifiedKey, leaf: Leaf, request: &NodeRequest) -> bool {
    let own = issued.parsed();
    let (common_name, organisation) = leaf.subject(&request.name);
    own.common_name() == Some(common_name)
        && own.organizations == Vec::from_iter(organisation)
        && own.server_names() == server_names(leaf, request)
}

/// By what names and addresses a certificate's server is reached; none of a certificate that is no server's.
fn server_names(leaf: Leaf, request: &NodeRequest) -> BTreeSet<String> {
    if !leaf.serves() {
        return BTreeSet::new();
    }
    let own = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let addresses = own.iter().chain(&request.addresses).map(IpAddr::to_string);
    ["localhost".to_owned(), request.name.clone()].into_iter().chain(addresses).collect()
}

/// Adds what is missing, issues anew what is outdated, and touches nothing else; names what it added.
///
/// # Errors
/// When the system has no entropy to give, or an authority cannot sign.
pub fn add_nodes(bundle: &mut Bundle, nodes: &[NodeRequest], now: OffsetDateTime) -> Result<Vec<String>, Error> {
    let now = now.replace_nanosecond(0).expect("zero is a nanosecond");
    add(bundle, nodes, now, Some(now))
}

/// Adds nodes whose tokens are younger than the bundle, or as old as it is.
fn add(
    bundle: &mut Bundle,
    nodes: &[NodeRequest],
    now: OffsetDateTime,
    token_since: Option<OffsetDateTime>,
) -> Result<Vec<String>, Error> {
    let added = missing(bundle, nodes);
    let ranges = pod_ranges(bundle, nodes);
    for (request, pod_range) in nodes.iter().zip(ranges) {
        let mut known = match bundle.nodes.get(&request.name) {
            Some(known) => known.clone(),
            None => {
                NodeSecrets { token: token(bundle, &mut system_byte)?, token_since, pod_range: None, leaves: BTreeMap::new() }
            }
        };
        known.pod_range = pod_range.or(known.pod_range);
        for leaf in absent(&known, request).chain(stale(&known, request)).collect::<Vec<_>>() {
            known.leaves.insert(leaf, issue(bundle, leaf, request, now)?);
        }
        bundle.nodes.insert(request.name.clone(), known);
    }
    Ok(added)
}

/// Decides which piece of the pod networks each node has, where it wants one: the one it has, else its place in the profile,
/// else the first that nobody has.
///
/// Nodes that are older than this memory had their places among the nodes of their time, so those that are new now do not
/// count for them. What a node that left the profile had is given away last, since the cluster may still know it.
fn pod_ranges(bundle: &Bundle, nodes: &[NodeRequest]) -> Vec<Option<usize>> {
    let new = |request: &NodeRequest| !bundle.nodes.contains_key(&request.name);
    let kept = |request: &NodeRequest| {
        let piece = request.pod_range?;
        bundle.nodes.get(&request.name)?.pod_range.filter(|place| *place < piece.of)
    };
    let mut decided: Vec<Option<usize>> = nodes.iter().map(kept).collect();
    let gone = bundle.nodes.iter().filter(|(name, _)| !nodes.iter().any(|request| request.name == **name));
    let gone: BTreeSet<usize> = gone.filter_map(|(_, known)| known.pod_range).collect();
    // The old ones choose first.
    let (late, early): (Vec<_>, Vec<_>) = (0..nodes.len()).partition(|at| new(&nodes[*at]));
    for at in early.into_iter().chain(late) {
        let Some(piece) = nodes[at].pod_range.filter(|_| decided[at].is_none()) else { continue };
        let before = nodes.iter().filter(|other| new(other) && !new(&nodes[at]));
        let before = before.filter(|other| other.pod_range.is_some_and(|other| other.place < piece.place)).count();
        let taken: BTreeSet<usize> = decided.iter().flatten().copied().collect();
        let mut wishes = std::iter::once(piece.place - before).chain(0..piece.of).filter(|place| *place < piece.of);
        let free = wishes.clone().find(|place| !taken.contains(place) && !gone.contains(place));
        decided[at] = free.or_else(|| wishes.find(|place| !taken.contains(place)));
    }
    decided
}

/// Issues certificates of a node anew; names those it replaced.
///
/// # Errors
/// As `add_nodes`.
pub fn renew_leaves(bundle: &mut Bundle, request: &NodeRequest, now: OffsetDateTime) -> Result<Vec<Leaf>, Error> {
    let issued = request.leaves.iter().map(|leaf| Ok((*leaf, issue(bundle, *leaf, request, now)?)));
    let issued: BTreeMap<_, _> = issued.collect::<Result<_, Error>>()?;
    let leaves = issued.keys().copied().collect();
    if let Some(known) = bundle.nodes.get_mut(&request.name) {
        known.leaves.extend(issued);
    }
    Ok(leaves)
}

/// Signs one certificate of a node, with a key of its authority's kind; it lives as long as its authority unless it is a
/// bootstrapper's.
fn issue(bundle: &Bundle, leaf: Leaf, request: &NodeRequest, now: OffsetDateTime) -> Result<CertifiedKey, Error> {
    let now = now.replace_nanosecond(0).expect("zero is a nanosecond");
    let (name, issuer) = match leaf.authority() {
        Authority::Cluster => ("ca", &bundle.ca),
        Authority::FrontProxy => ("front-proxy-ca", &bundle.front_proxy_ca),
        Authority::Etcd => ("etcd-ca", &bundle.etcd_ca),
    };
    let kind = if issuer.key_kind().is_elliptic() { KeyAlgorithm::EcdsaP256 } else { KeyAlgorithm::Rsa2048 };
    let (common_name, organisation) = leaf.subject(&request.name);
    let end = if leaf == Leaf::Bootstrap { now + request.bootstrap_life } else { issuer.until() };
    let names = server_names(leaf, request).into_iter().map(|name| match name.parse() {
        Ok(address) => Ok(SanType::IpAddress(address)),
        Err(_) => Ok(SanType::DnsName(name.as_str().try_into().doing(|| format!("naming {name}"))?)),
    });
    let names = names.collect::<Result<_, Error>>()?;
    let subject = Subject { common_name: &common_name, organisation, names, usages: leaf.usages() };
    sign((name, issuer), subject, &*key_pair(kind)?, now, end)
}

/// Gives a node a new token, made at `now`, in place of its old one, which it returns; `None` when the bundle does not know the node.
///
/// # Errors
/// When the system has no entropy to give.
pub fn renew_token(bundle: &mut Bundle, node: &str, now: OffsetDateTime) -> Result<Option<Token>, Error> {
    let new = token(bundle, &mut system_byte)?;
    let now = now.replace_nanosecond(0).expect("zero is a nanosecond");
    Ok(bundle.nodes.get_mut(node).map(|secrets| {
        secrets.token_since = Some(now);
        std::mem::replace(&mut secrets.token, new)
    }))
}

/// Puts a new certificate key in place of the old one.
///
/// # Errors
/// When the system has no entropy to give.
pub fn renew_certificate_key(bundle: &mut Bundle) -> Result<(), Error> {
    bundle.certificate_key = certificate_key()?;
    Ok(())
}

/// Gives a bundle without one a key to encrypt with.
///
/// # Errors
/// When the system has no entropy to give.
pub fn add_encryption_key(bundle: &mut Bundle) -> Result<(), Error> {
    if bundle.encryption_key.is_none() {
        bundle.encryption_key = Some(encryption_key()?);
    }
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

/// Makes a private key.
///
/// # Errors
/// When the system has no entropy to give.
pub fn key_pair(kind: KeyAlgorithm) -> Result<Zeroizing<KeyPair>, Error> {
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

/// Makes an authority for a cluster, valid from `now` on.
///
/// # Errors
/// When the system has no entropy to give.
pub fn cluster_authority(kind: KeyAlgorithm, now: OffsetDateTime) -> Result<CertifiedKey, Error> {
    // kubeadm itself puts this name into the cluster CA (util/pkiutil, NewSelfSignedCACert).
    authority("kubernetes", Some("kubernetes"), kind, now.replace_nanosecond(0).expect("zero is a nanosecond"))
}

fn authority(name: &str, dns: Option<&str>, kind: KeyAlgorithm, minted: OffsetDateTime) -> Result<CertifiedKey, Error> {
    let key = key_pair(kind)?;
    let mut params = params(name, minted, minted + AUTHORITY_LIFE)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = authority_usages();
    if let Some(dns) = dns {
        params.subject_alt_names = vec![SanType::DnsName(dns.try_into().doing(|| format!("naming {name}"))?)];
    }
    let certificate = params.self_signed(&*key).doing(|| format!("signing {name}"))?.pem();
    Ok(CertifiedKey { certificate, key: Secret::new(key.serialize_pem()) })
}

/// What an authority's key may be used for; the same as kubeadm's own.
pub fn authority_usages() -> Vec<KeyUsagePurpose> {
    vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
    ]
}

/// A name of one part.
pub fn common_name(name: &str) -> DistinguishedName {
    let mut whole = DistinguishedName::new();
    whole.push(DnType::CommonName, name);
    whole
}

fn administrator(group: &str, ca: &CertifiedKey, key: &KeyPair, now: OffsetDateTime) -> Result<CertifiedKey, Error> {
    let usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let subject = Subject { common_name: "kubernetes-admin", organisation: Some(group), names: vec![], usages };
    sign(("ca", ca), subject, key, now, now + ADMIN_LIFE)
}

/// Whom a certificate is about.
struct Subject<'a> {
    common_name: &'a str,
    organisation: Option<&'a str>,
    names: Vec<SanType>,
    usages: Vec<ExtendedKeyUsagePurpose>,
}

/// Signs a certificate that is no authority's, for no longer than its authority lives.
fn sign(
    (name, issuer): (&str, &CertifiedKey),
    subject: Subject<'_>,
    key: &KeyPair,
    now: OffsetDateTime,
    end: OffsetDateTime,
) -> Result<CertifiedKey, Error> {
    let doing = || format!("signing the certificate of {} with `{name}`", subject.common_name);
    let failed = |fault: String| Error::new(format!("{}: {fault}", doing()));
    let issuer_key = x509::private_key(issuer.key.expose()).map_err(failed)?;
    let issuer_end = issuer.until();
    let issuer = Issuer::from_ca_cert_pem(&issuer.certificate, &*issuer_key).doing(doing)?;
    let mut params = params(subject.common_name, now, issuer_end.min(end))?;
    params.is_ca = IsCa::ExplicitNoCa;
    if let Some(organisation) = subject.organisation {
        params.distinguished_name.push(DnType::OrganizationName, organisation);
    }
    params.subject_alt_names.clone_from(&subject.names);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages.clone_from(&subject.usages);
    let certificate = params.signed_by(key, &issuer).doing(doing)?.pem();
    Ok(CertifiedKey { certificate, key: Secret::new(key.serialize_pem()) })
}

fn params(name: &str, now: OffsetDateTime, end: OffsetDateTime) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(name);
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

fn encryption_key() -> Result<EncryptionKey, Error> {
    // The name that Kubernetes' own documentation gives the first one.
    Ok(EncryptionKey { name: "key1".to_owned(), secret: Secret::new(STANDARD.encode(random::<32>()?.as_slice())) })
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

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use x509_parser::extensions::ParsedExtension;
    use x509_parser::pem::Pem;
    use x509_parser::prelude::X509Certificate;

    use super::*;
    use crate::kubernetes::Version;
    use crate::secrets::sample::{NOW, bundle, every_leaf, fresh, issued, plain, request};
    use crate::secrets::{KeyKind, Piece};

    fn look<T>(pair: &CertifiedKey, at: impl FnOnce(&X509Certificate<'_>) -> T) -> T {
        let pem = Pem::iter_from_buffer(pair.certificate.as_bytes()).next().expect("one block").expect("sound PEM");
        at(&pem.parse_x509().expect("a certificate"))
    }

    fn key_ids(certificate: &X509Certificate<'_>) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let (mut own, mut issuer) = (None, None);
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => own = Some(id.0.to_vec()),
                ParsedExtension::AuthorityKeyIdentifier(id) => issuer = id.key_identifier.as_ref().map(|id| id.0.to_vec()),
                _ => {}
            }
        }
        (own, issuer)
    }

    #[test]
    fn authorities_may_sign_and_nothing_else_is_said_of_them() {
        let bundle = bundle();
        for (pair, name) in [(&bundle.ca, "kubernetes"), (&bundle.front_proxy_ca, "front-proxy-ca"), (&bundle.etcd_ca, "etcd-ca")]
        {
            look(pair, |certificate| {
                assert_eq!(certificate.subject().to_string(), format!("CN={name}"));
                assert_eq!(certificate.issuer(), certificate.subject());
                let constraints = certificate.basic_constraints().expect("readable").expect("there");
                assert!(constraints.critical && constraints.value.ca && constraints.value.path_len_constraint.is_none());
                let usage = certificate.key_usage().expect("readable").expect("there");
                assert!(usage.critical && usage.value.key_cert_sign() && usage.value.crl_sign());
                assert!(certificate.extended_key_usage().expect("readable").is_none());
                let (own, issuer) = key_ids(certificate);
                assert!(own.is_some() && own == issuer, "{name}: SKI and AKI name its own key");
                assert_eq!(certificate.validity().not_before.to_datetime(), datetime!(2026-11-22 12:34:56 UTC));
                assert_eq!(certificate.validity().not_after.to_datetime(), datetime!(2036-11-20 12:34:56 UTC));
                certificate.verify_signature(None).expect("it signed itself");
            });
        }
    }

    #[test]
    fn the_administrator_is_a_client_of_its_group_for_a_year() {
        let bundle = bundle();
        let (ca_id, _) = look(&bundle.ca, key_ids);
        look(&bundle.admin, |certificate| {
            assert_eq!(certificate.subject().to_string(), "CN=kubernetes-admin, O=kubeadm:cluster-admins");
            assert!(!certificate.is_ca());
            let usage = certificate.extended_key_usage().expect("readable").expect("there").value;
            assert!(usage.client_auth && !usage.server_auth && !usage.any);
            assert!(!certificate.key_usage().expect("readable").expect("there").value.key_cert_sign());
            assert_eq!(key_ids(certificate).1, ca_id, "AKI names the cluster's authority");
            assert_eq!(certificate.validity().not_before.to_datetime(), datetime!(2026-11-22 12:34:56 UTC));
            assert_eq!(certificate.validity().not_after.to_datetime(), datetime!(2027-11-23 12:34:56 UTC));
        });
        assert_eq!(bundle.admin_groups(), ["kubeadm:cluster-admins"]);
    }

    #[test]
    fn serials_are_positive_long_and_never_the_same() {
        let mut seen = BTreeSet::new();
        for bundle in [bundle(), fresh()] {
            for (name, pair) in bundle.certificates() {
                let serial = look(pair, |certificate| certificate.raw_serial().to_vec());
                assert!(serial.len() == 16 && serial[0] & 0xc0 == 0x40, "{name}: 16 octets, positive, the second bit set");
                assert!(seen.insert(serial), "{name}: a serial came twice");
            }
        }
    }

    #[test]
    fn instants_are_whole_seconds_of_the_moment_given() {
        let bundle = bundle();
        assert_eq!(bundle.minted, datetime!(2026-11-23 12:34:56 UTC));
        assert_eq!(bundle.found_until, datetime!(2026-12-23 12:34:56 UTC));
        assert_eq!((bundle.generation, bundle.cluster_id.len()), (1, 32));
    }

    #[test]
    fn keys_are_of_the_kind_each_release_reads() {
        let rows = [("1.14.0", false, false), ("1.20.2", true, false), ("1.36.2", true, true)];
        for (version, ec_authorities, ec_account) in rows {
            let version: Version = version.parse().expect("a version");
            let release = version.release().expect("a known release");
            let best = |elliptic: bool| if elliptic { KeyAlgorithm::EcdsaP256 } else { KeyAlgorithm::Rsa2048 };
            let request = MintRequest {
                authorities: best(release.ec_certificate_authority),
                service_account: best(release.ec_service_account_key),
                admin_group: release.admin_group,
                ..request()
            };
            let bundle = mint(&request, NOW).expect("the system has entropy");
            let kind = |elliptic: bool| if elliptic { KeyKind::Ecdsa(256) } else { KeyKind::Rsa(2048) };
            for (name, pair) in bundle.certificates() {
                assert_eq!(pair.key_kind(), kind(ec_authorities), "{version}: {name}");
            }
            assert_eq!(bundle.service_account.key_kind(), kind(ec_account), "{version}");
            assert_eq!(bundle.admin_groups(), [release.admin_group], "{version}");
        }
    }

    #[test]
    fn the_discovery_hash_is_that_of_the_authority_s_public_key() {
        use sha2::{Digest, Sha256};
        let bundle = bundle();
        let expected = look(&bundle.ca, |certificate| x509::hex(&Sha256::digest(certificate.public_key().raw)));
        assert_eq!(bundle.discovery_hash(), format!("sha256:{expected}"));
    }

    #[test]
    fn what_is_renewed_changes_and_nothing_else_does() {
        let before = bundle();
        let mut after = before.clone();
        let old = renew_token(&mut after, "cp-1", NOW).expect("entropy").expect("a known node");
        assert_eq!(old, before.nodes["cp-1"].token);
        assert_ne!(after.nodes["cp-1"].token, before.nodes["cp-1"].token);
        assert_eq!(after.nodes["cp-1"].token_since, Some(datetime!(2026-11-23 12:34:56 UTC)));
        after.nodes.insert("cp-1".into(), NodeSecrets { token: old, ..before.nodes["cp-1"].clone() });
        assert_eq!(after, before, "only that token changed");
        assert_eq!(renew_token(&mut after, "nobody", NOW).expect("entropy"), None);
        assert_eq!(after, before);

        renew_certificate_key(&mut after).expect("entropy");
        assert_ne!(after.certificate_key, before.certificate_key);
        after.certificate_key = before.certificate_key.clone();
        assert_eq!(after, before, "only the certificate key changed");

        renew_admin(&mut after, "system:masters", KeyAlgorithm::EcdsaP256, NOW + Duration::days(300))
            .expect("the authority signs");
        assert_eq!(check::faults(&after), [""; 0]);
        assert_eq!(after.admin_until(), datetime!(2028-09-18 12:34:56 UTC));
        assert_eq!(after.admin_groups(), ["system:masters"]);
        after.admin = before.admin.clone();
        assert_eq!(after, before, "only the administrator changed");
    }

    #[test]
    fn an_administrator_does_not_outlive_the_authority() {
        let mut bundle = bundle();
        let near_the_end = bundle.ca.until() - Duration::days(10);
        renew_admin(&mut bundle, "g", KeyAlgorithm::EcdsaP256, near_the_end).expect("the authority signs");
        assert_eq!(bundle.admin_until(), bundle.ca.until());
    }

    #[test]
    fn nodes_are_added_and_none_is_touched() {
        let before = bundle();
        let mut after = before.clone();
        assert_eq!(missing(&after, &plain(&["cp-1", "new-1", "new-2"])), ["new-1", "new-2"]);
        assert_eq!(add_nodes(&mut after, &plain(&["cp-1", "new-1", "new-2"]), NOW).expect("entropy"), ["new-1", "new-2"]);
        assert_eq!(add_nodes(&mut after, &plain(&["cp-1", "new-1", "new-2"]), NOW).expect("entropy"), [""; 0]);
        assert_eq!(check::faults(&after), [""; 0]);
        let since = |name: &str| after.nodes[name].token_since;
        let second = Some(datetime!(2026-11-23 12:34:56 UTC));
        assert_eq!((since("cp-1"), since("new-1")), (None, second), "one added in the second of minting is added all the same");
        after.nodes.retain(|name, _| before.nodes.contains_key(name));
        assert_eq!(after, before);
    }

    /// Nodes that want a piece each, in the order of a profile.
    fn bridged(names: &[&str], of: usize) -> Vec<NodeRequest> {
        let mut nodes = plain(names);
        nodes.iter_mut().enumerate().for_each(|(place, node)| node.pod_range = Some(Piece { place, of }));
        nodes
    }

    #[test]
    fn a_node_keeps_its_piece_of_the_pod_networks() {
        let ranges = |bundle: &Bundle, names: &[&str]| names.iter().map(|name| bundle.nodes[*name].pod_range).collect::<Vec<_>>();
        let mut bundle = mint(&MintRequest { nodes: &bridged(&["a", "b", "c"], 8), ..request() }, NOW).expect("entropy");
        assert_eq!(ranges(&bundle, &["a", "b", "c"]), [Some(0), Some(1), Some(2)]);
        add_nodes(&mut bundle, &bridged(&["new", "a", "c"], 8), NOW).expect("entropy");
        assert_eq!(ranges(&bundle, &["a", "b", "c", "new"]), [Some(0), Some(1), Some(2), Some(3)], "one in front takes nobody's");
        add_nodes(&mut bundle, &bridged(&["c", "a", "new", "d"], 4), NOW).expect("entropy");
        assert_eq!(
            ranges(&bundle, &["a", "c", "new", "d"]),
            [Some(0), Some(2), Some(3), Some(1)],
            "one that left makes room last"
        );

        // A bundle from before pieces were kept: what its nodes were given then, they keep.
        let mut old = mint(&MintRequest { nodes: &plain(&["a", "b", "c"]), ..request() }, NOW).expect("entropy");
        add_nodes(&mut old, &bridged(&["a", "new", "b", "c"], 8), NOW).expect("entropy");
        assert_eq!(ranges(&old, &["a", "b", "c", "new"]), [Some(0), Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn a_server_that_moved_is_certified_anew_and_nobody_else() {
        let mut bundle = issued();
        let mut request = every_leaf();
        assert_eq!(outdated(&bundle, std::slice::from_ref(&request)), [""; 0]);
        request.addresses = vec![IpAddr::from([10, 0, 0, 99])];
        let servers = ["etcd-server of cp-1", "etcd-peer of cp-1"];
        assert_eq!(outdated(&bundle, std::slice::from_ref(&request)), servers);
        let before = bundle.nodes["cp-1"].clone();
        assert_eq!(add_nodes(&mut bundle, std::slice::from_ref(&request), NOW).expect("entropy"), [""; 0]);
        assert_eq!(outdated(&bundle, std::slice::from_ref(&request)), [""; 0]);
        let after = &bundle.nodes["cp-1"];
        let changed: Vec<_> = after.leaves.iter().filter(|(leaf, issued)| before.leaves[leaf] != **issued).collect();
        assert_eq!(changed.iter().map(|(leaf, _)| **leaf).collect::<Vec<_>>(), [Leaf::EtcdServer, Leaf::EtcdPeer]);
        let names = changed[0].1.parsed().server_names();
        assert!(names.contains("10.0.0.99") && !names.contains("10.0.0.11"), "{names:?}");
    }

    /// Hands out the bytes of a script.
    fn script(bytes: &[u8]) -> impl FnMut() -> Result<u8, Error> {
        let mut bytes = bytes.iter().copied();
        move || bytes.next().ok_or_else(|| Error::new("the script is at its end"))
    }

    #[test]
    fn every_letter_comes_from_seven_bytes_and_the_rest_are_thrown_away() {
        let all: Vec<u8> = (0..=255).collect();
        let text = letters(252, &mut script(&all)).expect("252 bytes are good");
        assert_eq!(letters(253, &mut script(&all)).expect_err("four bytes are no letters").what, "the script is at its end");
        let mut counts = BTreeMap::new();
        for letter in text.chars() {
            *counts.entry(letter).or_insert(0) += 1;
        }
        assert_eq!(counts.keys().collect::<String>(), "0123456789abcdefghijklmnopqrstuvwxyz");
        assert!(counts.values().all(|count| *count == 7), "{counts:?}");
        assert_eq!(letters(3, &mut script(&[255, 0, 252, 253, 36, 254, 251])).expect("three are good"), "aa9");
    }

    #[test]
    fn a_token_id_that_is_taken_is_drawn_again() {
        let mut bundle = bundle();
        bundle.nodes.insert(
            "x".into(),
            NodeSecrets {
                token: Token { id: "aaaaaa".into(), secret: Secret::new("a".repeat(16)) },
                token_since: None,
                pod_range: None,
                leaves: BTreeMap::new(),
            },
        );
        let bytes: Vec<u8> = [[0; 6].as_slice(), &[1; 6], &[2; 16]].concat();
        let token = token(&bundle, &mut script(&bytes)).expect("the script is long enough");
        assert_eq!(token.whole().expose(), "bbbbbb.cccccccccccccccc");
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let bundle = bundle();
        let shown = format!("{bundle:?}");
        assert!(shown.contains(&bundle.cluster_id) && !shown.contains("PRIVATE KEY"));
        assert!(!shown.contains(bundle.certificate_key.expose()));
        assert!(bundle.nodes.values().all(|node| !shown.contains(node.token.secret.expose())));
    }

    #[test]
    fn certificates_issued_beforehand_are_what_kubeadm_would_issue() {
        let bundle = issued();
        let rows: [(Leaf, &CertifiedKey, &str, bool); 7] = [
            (Leaf::Identity, &bundle.ca, "CN=system:node:cp-1, O=system:nodes", false),
            (Leaf::Bootstrap, &bundle.ca, "CN=kubespore:cp-1, O=system:bootstrappers:kubeadm:default-node-token", false),
            (Leaf::FrontProxyClient, &bundle.front_proxy_ca, "CN=front-proxy-client", false),
            (Leaf::EtcdServer, &bundle.etcd_ca, "CN=cp-1", true),
            (Leaf::EtcdPeer, &bundle.etcd_ca, "CN=cp-1", true),
            (Leaf::EtcdHealthcheckClient, &bundle.etcd_ca, "CN=kube-etcd-healthcheck-client", false),
            (Leaf::ApiserverEtcdClient, &bundle.etcd_ca, "CN=kube-apiserver-etcd-client", false),
        ];
        for (leaf, issuer, subject, serves) in rows {
            let (issuer_id, _) = look(issuer, key_ids);
            look(&bundle.nodes["cp-1"].leaves[&leaf], |certificate| {
                assert_eq!(certificate.subject().to_string(), subject);
                assert!(!certificate.is_ca());
                assert_eq!(key_ids(certificate).1, issuer_id, "{subject}");
                let usage = certificate.extended_key_usage().expect("readable").expect("there").value;
                assert!(usage.client_auth && usage.server_auth == serves, "{subject}");
                let names =
                    certificate.subject_alternative_name().expect("readable").map(|names| names.value.general_names.len());
                // localhost, the node, 127.0.0.1, ::1 and the node's address.
                assert_eq!(names, serves.then_some(5), "{subject}");
                let end = if leaf == Leaf::Bootstrap { datetime!(2026-11-30 12:34:56 UTC) } else { issuer.until() };
                assert_eq!(certificate.validity().not_after.to_datetime(), end, "{subject}");
            });
        }
    }

    #[test]
    fn a_certificate_that_is_missing_is_added_and_renewed_alone() {
        let request = every_leaf();
        let mut after = bundle();
        assert_eq!(missing(&after, std::slice::from_ref(&request)).len(), Leaf::ALL.len());
        assert_eq!(missing(&after, std::slice::from_ref(&request))[0], "identity of cp-1");
        let before = issued();
        after = before.clone();
        let mut wish = request.clone();
        wish.leaves = vec![Leaf::Identity];
        assert_eq!(renew_leaves(&mut after, &wish, NOW).expect("entropy"), [Leaf::Identity]);
        let leaves = |bundle: &Bundle| bundle.nodes["cp-1"].leaves.clone();
        let changed: Vec<_> = leaves(&after).into_iter().filter(|(leaf, issued)| leaves(&before)[leaf] != *issued).collect();
        assert_eq!(changed.iter().map(|(leaf, _)| *leaf).collect::<Vec<_>>(), [Leaf::Identity]);
    }
}
