//! The bundle: a cluster's whole secret identity as one value.
//!
//! In: nothing. Out: the types. Absent on purpose: how it comes to be (`mint`) and where it lies (`store`).

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::chain;
use super::leaf::Leaf;
use super::rotation::CaRotation;
use super::x509::{self, KeyKind};
use crate::secret::Secret;

/// Every secret of one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The cluster's name.
    pub cluster: String,
    /// Random identity, 32 hex digits; public. It tells this cluster from another of the same name.
    pub cluster_id: String,
    /// Counts re-installations of the whole cluster, from 1.
    pub generation: u32,
    /// When it was minted, in whole seconds.
    pub minted: OffsetDateTime,
    /// Until when its founder may found.
    pub found_until: OffsetDateTime,
    /// The cluster's certificate authority.
    pub ca: CertifiedKey,
    /// Where the change of `ca` to another one stands, while it is on.
    pub ca_rotation: Option<CaRotation>,
    /// The authority of the aggregation layer.
    pub front_proxy_ca: CertifiedKey,
    /// etcd's authority.
    pub etcd_ca: CertifiedKey,
    /// What service-account tokens are signed with.
    pub service_account: ServiceAccount,
    /// 64 hex digits: encrypts the certificates uploaded to the cluster (AES-256-GCM, kubeadm `copycerts`).
    pub certificate_key: Secret,
    /// What API servers encrypt with before they store; a cluster that stores in plain has none.
    pub encryption_key: Option<EncryptionKey>,
    /// The administrator's client certificate.
    pub admin: CertifiedKey,
    /// What belongs to one node each.
    pub nodes: BTreeMap<String, NodeSecrets>,
}

/// A certificate and its private key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertifiedKey {
    /// The certificate, or the certificate and its issuers.
    pub certificate: String,
    /// The private key: PKCS#8, or as it was imported.
    pub key: Secret,
}

/// A key pair without a certificate, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// SubjectPublicKeyInfo.
    pub public: String,
    /// The private key: PKCS#8, or as it was imported.
    pub key: Secret,
}

/// A key of an EncryptionConfiguration's provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptionKey {
    /// Its name; etcd has it before everything that was encrypted with the key.
    pub name: String,
    /// 32 bytes in base64, which both `secretbox` and `aescbc` take.
    pub secret: Secret,
}

/// The secrets of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSecrets {
    /// Its bootstrap token.
    pub token: Token,
    /// When the token was made, where that was after the bundle: a cluster that runs already has not been told of it.
    pub token_since: Option<OffsetDateTime>,
    /// Which piece of the pod networks is its own, counted from 0, where the built-in network is used: other nodes may come
    /// and go around it.
    pub pod_range: Option<usize>,
    /// Its certificates that were issued beforehand.
    pub leaves: BTreeMap<Leaf, CertifiedKey>,
}

impl NodeSecrets {
    /// Tells from its certificates alone whether it may join with its token: a node that joins with a certificate has one, and
    /// an etcd machine has those of a member without the API server's.
    #[must_use]
    pub fn may_join_by_token(&self) -> bool {
        let has = |leaf| self.leaves.contains_key(&leaf);
        let member_alone = has(Leaf::EtcdServer) && !has(Leaf::ApiserverEtcdClient);
        !(has(Leaf::Identity) || has(Leaf::Bootstrap) || member_alone)
    }
}

/// A bootstrap token: `[a-z0-9]{6}.[a-z0-9]{16}` (k8s.io/cluster-bootstrap, token/api).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The public half.
    pub id: String,
    /// The secret half.
    pub secret: Secret,
}

impl Token {
    /// The whole token, as kubeadm takes it.
    #[must_use]
    pub fn whole(&self) -> Secret {
        Secret::new([self.id.as_str(), ".", self.secret.expose()].concat())
    }
}

impl Bundle {
    /// Returns kubeadm's `caCertHashes` entry: `sha256:` and the hash of the CA's SubjectPublicKeyInfo.
    ///
    /// Of a chain it is the first certificate's, the one that signs: kubeadm takes any pinned certificate among those of
    /// the discovered cluster (`cmd/kubeadm/app/util/pubkeypin/pubkeypin.go`, `CheckAny`), and the kubeconfig it
    /// publishes there has the first alone (`cmd/kubeadm/app/util/pkiutil/pki_helpers.go`, `TryLoadCertFromDisk`).
    ///
    /// # Panics
    /// When the CA certificate does not parse; the bundle's check has seen to that.
    #[must_use]
    pub fn discovery_hash(&self) -> String {
        format!("sha256:{}", x509::hex(&self.ca.parsed().public_key_sha256))
    }

    /// Returns the one certificate the controller manager signs with, where machines know the cluster by more: its
    /// `--cluster-signing-cert-file` takes exactly one ("expected 1 certificate, found 2";
    /// `pkg/controller/certificates/signer/ca_provider.go`), and kubeadm names `ca.crt` there.
    #[must_use]
    pub fn signing_certificate(&self) -> Option<&str> {
        const END: &str = "-----END CERTIFICATE-----\n";
        let first = self.ca.certificate.find(END).map(|at| &self.ca.certificate[..at + END.len()]);
        first.filter(|first| first.len() < self.trusted().len())
    }

    /// Returns when the first of the three authorities ends.
    ///
    /// # Panics
    /// As `discovery_hash`.
    #[must_use]
    pub fn authorities_until(&self) -> OffsetDateTime {
        let ends = [&self.ca, &self.front_proxy_ca, &self.etcd_ca].map(CertifiedKey::until);
        ends.into_iter().min().expect("there are three")
    }

    /// Returns when the administrator's certificate ends.
    ///
    /// # Panics
    /// As `discovery_hash`.
    #[must_use]
    pub fn admin_until(&self) -> OffsetDateTime {
        self.admin.until()
    }

    /// Returns the groups the administrator's certificate puts its bearer in.
    ///
    /// # Panics
    /// As `discovery_hash`.
    #[must_use]
    pub fn admin_groups(&self) -> Vec<String> {
        self.admin.parsed().organizations
    }

    /// Returns its certificates by the names they have in the bundle.
    #[must_use]
    pub fn certificates(&self) -> [(&'static str, &CertifiedKey); 4] {
        [("ca", &self.ca), ("front-proxy-ca", &self.front_proxy_ca), ("etcd-ca", &self.etcd_ca), ("admin", &self.admin)]
    }
}

impl CertifiedKey {
    /// Returns the end of the certificate's validity, or of its issuers' where one of them ends before.
    ///
    /// # Panics
    /// When the certificate does not parse; the bundle's check has seen to that.
    #[must_use]
    pub fn until(&self) -> OffsetDateTime {
        chain::until(&self.certificate).expect("the bundle's check has parsed it")
    }

    /// Tells whether another authority has signed it.
    ///
    /// # Panics
    /// As `until`.
    #[must_use]
    pub fn is_below_another(&self) -> bool {
        let own = self.parsed();
        !own.is_signed_by(&own)
    }

    /// Returns what kind of key it is.
    ///
    /// # Panics
    /// As `until`.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        self.parsed().key_kind
    }

    pub(super) fn parsed(&self) -> x509::Parsed {
        x509::parse(&self.certificate).expect("the bundle's check has parsed it")
    }
}

impl ServiceAccount {
    /// Returns what kind of key it is.
    ///
    /// # Panics
    /// When the public key does not parse; the bundle's check has seen to that.
    #[must_use]
    pub fn key_kind(&self) -> KeyKind {
        x509::public_key(&self.public).expect("the bundle's check has parsed it").kind
    }
}

/// Writes an instant as the bundle and the manifest do: RFC 3339, UTC.
///
/// # Panics
/// For years beyond 9999, which no certificate of ours reaches.
#[must_use]
pub fn instant(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).expect("a year of four digits")
}
