//! The bundle's secrets by name, as a search for leaks wants them.
//!
//! In: a bundle. Out: every secret with the ways it may be written. Absent on purpose: who may hold it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{Bundle, CaRotation, Leaf, private_parts};
use crate::leak::Wanted;
use crate::secret::Secret;

/// One secret of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretName {
    /// The key of the cluster's authority.
    ClusterCaKey,
    /// The key of the authority that is to follow the cluster's.
    NextCaKey,
    /// The key of the aggregation layer's authority.
    FrontProxyCaKey,
    /// The key of etcd's authority.
    EtcdCaKey,
    /// The key that signs service-account tokens.
    ServiceAccountKey,
    /// The key under which certificates are uploaded.
    CertificateKey,
    /// The key with which API servers encrypt what they store.
    EncryptionKey,
    /// The key of the administrator's certificate.
    AdministratorKey,
    /// The bootstrap token of a node.
    Token(String),
    /// The key of a certificate of a node.
    Leaf(String, Leaf),
}

impl SecretName {
    /// Returns the class it belongs to, in the manifest's words; the administrator's key, which no machine has, has one too.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::ClusterCaKey => "cluster-ca-key",
            Self::NextCaKey => "next-ca-key",
            Self::FrontProxyCaKey => "front-proxy-ca-key",
            Self::EtcdCaKey => "etcd-ca-key",
            Self::ServiceAccountKey => "service-account-key",
            Self::CertificateKey => "certificate-key",
            Self::EncryptionKey => "encryption-key",
            Self::AdministratorKey => "administrator-key",
            Self::Token(_) => "bootstrap-token",
            Self::Leaf(_, leaf) => leaf.as_str(),
        }
    }

    /// Returns the node it belongs to, if it is one node's.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        match self {
            Self::Token(node) | Self::Leaf(node, _) => Some(node),
            _ => None,
        }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterCaKey => f.write_str("cluster CA key"),
            Self::NextCaKey => f.write_str("next CA key"),
            Self::FrontProxyCaKey => f.write_str("front-proxy CA key"),
            Self::EtcdCaKey => f.write_str("etcd CA key"),
            Self::ServiceAccountKey => f.write_str("service-account key"),
            Self::CertificateKey => f.write_str("certificate key"),
            Self::EncryptionKey => f.write_str("encryption key"),
            Self::AdministratorKey => f.write_str("administrator's key"),
            Self::Token(node) => write!(f, "bootstrap token of {node}"),
            Self::Leaf(node, leaf) => write!(f, "{} key of {node}", leaf.as_str()),
        }
    }
}

/// Lists every secret of a bundle.
#[must_use]
pub fn wanted(bundle: &Bundle) -> Vec<Wanted<SecretName>> {
    let keys = [
        (SecretName::ClusterCaKey, &bundle.ca.key),
        (SecretName::FrontProxyCaKey, &bundle.front_proxy_ca.key),
        (SecretName::EtcdCaKey, &bundle.etcd_ca.key),
        (SecretName::ServiceAccountKey, &bundle.service_account.key),
        (SecretName::AdministratorKey, &bundle.admin.key),
    ];
    let mut all: Vec<_> = keys.into_iter().map(|(name, key)| private_key(name, key)).collect();
    if let Some(CaRotation::Trust(next)) = &bundle.ca_rotation {
        all.push(private_key(SecretName::NextCaKey, &next.key));
    }
    let hex = &bundle.certificate_key;
    let raw = (0..hex.expose().len() / 2).filter_map(|i| u8::from_str_radix(hex.expose().get(2 * i..2 * i + 2)?, 16).ok());
    all.push(Wanted { name: SecretName::CertificateKey, forms: vec![hex.clone()], binary: vec![Zeroizing::new(raw.collect())] });
    all.extend(bundle.encryption_key.as_ref().map(|key| Wanted {
        name: SecretName::EncryptionKey,
        forms: vec![key.secret.clone()],
        binary: vec![Zeroizing::new(STANDARD.decode(key.secret.expose()).expect("the bundle's check has decoded it"))],
    }));
    all.extend(bundle.nodes.iter().map(|(node, secrets)| Wanted {
        name: SecretName::Token(node.clone()),
        forms: vec![secrets.token.secret.clone()],
        binary: vec![],
    }));
    let leaves =
        bundle.nodes.iter().flat_map(|(node, secrets)| secrets.leaves.iter().map(move |(leaf, issued)| (node, leaf, issued)));
    all.extend(leaves.map(|(node, leaf, issued)| private_key(SecretName::Leaf(node.clone(), *leaf), &issued.key)));
    all
}

/// A PEM key is found by its body, and by its numbers, which are the same in every encoding of it.
fn private_key(name: SecretName, pem: &Secret) -> Wanted<SecretName> {
    let body: Zeroizing<String> =
        Zeroizing::new(pem.expose().lines().filter(|line| !line.starts_with("-----")).collect::<String>());
    let der = Zeroizing::new(STANDARD.decode(body.as_bytes()).expect("the bundle's check has parsed it"));
    Wanted { name, forms: vec![Secret::new(body.as_str())], binary: private_parts::of(&der) }
}
