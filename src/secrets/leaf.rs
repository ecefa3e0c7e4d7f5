//! Certificates issued before the first boot, each for one node.
//!
//! In: a profile. Out: which node wants which certificate, and what stands in each. Absent on purpose: signing (`mint`).
//!
//! Subjects and usages are kubeadm's own (`cmd/kubeadm/app/phases/certs/certlist.go`).

use std::net::IpAddr;
use std::str::FromStr;

use rcgen::ExtendedKeyUsagePurpose::{self, ClientAuth, ServerAuth};
use time::Duration;

use crate::profile::spec::{ClusterSpec, Cni, Credential, Distribution, NodeSpec, Role};

/// The authorities of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// The cluster's own.
    Cluster,
    /// That of the aggregation layer.
    FrontProxy,
    /// etcd's.
    Etcd,
}

/// Kinds of certificates that are issued beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leaf {
    /// A node's own: it is this node, and no other.
    Identity,
    /// A bootstrapper's: it may ask for any node's certificate.
    Bootstrap,
    /// The API server's, towards extension API servers.
    FrontProxyClient,
    /// etcd's, towards its clients.
    EtcdServer,
    /// etcd's, towards its peers.
    EtcdPeer,
    /// The health check's, towards etcd.
    EtcdHealthcheckClient,
    /// The API server's, towards etcd.
    ApiserverEtcdClient,
}

impl Leaf {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Identity,
        Self::Bootstrap,
        Self::FrontProxyClient,
        Self::EtcdServer,
        Self::EtcdPeer,
        Self::EtcdHealthcheckClient,
        Self::ApiserverEtcdClient,
    ];

    /// What an etcd member has, whoever runs it.
    const ETCD: [Self; 3] = [Self::EtcdServer, Self::EtcdPeer, Self::EtcdHealthcheckClient];

    /// Names it, as the bundle and the manifest do.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Bootstrap => "bootstrap-certificate",
            Self::FrontProxyClient => "front-proxy-client",
            Self::EtcdServer => "etcd-server",
            Self::EtcdPeer => "etcd-peer",
            Self::EtcdHealthcheckClient => "etcd-healthcheck-client",
            Self::ApiserverEtcdClient => "apiserver-etcd-client",
        }
    }

    /// Returns where kubeadm looks for it below `/etc/kubernetes/pki`, without ending.
    #[must_use]
    pub fn place(self) -> Option<&'static str> {
        match self {
            Self::Identity | Self::Bootstrap => None,
            Self::FrontProxyClient => Some("front-proxy-client"),
            Self::EtcdServer => Some("etcd/server"),
            Self::EtcdPeer => Some("etcd/peer"),
            Self::EtcdHealthcheckClient => Some("etcd/healthcheck-client"),
            Self::ApiserverEtcdClient => Some("apiserver-etcd-client"),
        }
    }

    /// Tells who signs it.
    #[must_use]
    pub fn authority(self) -> Authority {
        match self {
            Self::Identity | Self::Bootstrap => Authority::Cluster,
            Self::FrontProxyClient => Authority::FrontProxy,
            Self::EtcdServer | Self::EtcdPeer | Self::EtcdHealthcheckClient | Self::ApiserverEtcdClient => Authority::Etcd,
        }
    }

    /// What it is good for.
    pub(super) fn usages(self) -> Vec<ExtendedKeyUsagePurpose> {
        match self {
            // etcd's own clients are told apart by the peer's certificate too.
            Self::EtcdServer | Self::EtcdPeer => vec![ServerAuth, ClientAuth],
            _ => vec![ClientAuth],
        }
    }

    /// Its common name and its organisation.
    pub(super) fn subject(self, node: &str) -> (String, Option<&'static str>) {
        match self {
            // The Node authorizer knows a node by this name and group (kubernetes.io, "Using Node Authorization").
            Self::Identity => (format!("system:node:{node}"), Some("system:nodes")),
            Self::Bootstrap => (format!("kubespore:{node}"), Some("system:bootstrappers:kubeadm:default-node-token")),
            Self::FrontProxyClient => ("front-proxy-client".into(), None),
            Self::EtcdServer | Self::EtcdPeer => (node.into(), None),
            Self::EtcdHealthcheckClient => ("kube-etcd-healthcheck-client".into(), None),
            Self::ApiserverEtcdClient => ("kube-apiserver-etcd-client".into(), None),
        }
    }

    /// Whether it names a server, and so the node's names and addresses.
    pub(super) fn serves(self) -> bool {
        matches!(self, Self::EtcdServer | Self::EtcdPeer)
    }
}

impl FromStr for Leaf {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|leaf| leaf.as_str() == word).ok_or(())
    }
}

/// What a node wants of the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRequest {
    /// Its name.
    pub name: String,
    /// The certificates it wants.
    pub leaves: Vec<Leaf>,
    /// The addresses a server of it is reached by.
    pub addresses: Vec<IpAddr>,
    /// How long a bootstrap certificate lives.
    pub bootstrap_life: Duration,
    /// The piece of the pod networks it wants, where it wants one.
    pub pod_range: Option<Piece>,
}

/// One of the pieces that pod networks are cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its place, counted from 0.
    pub place: usize,
    /// How many there are.
    pub of: usize,
}

/// Lists what the nodes of a profile want; a load balancer wants nothing.
#[must_use]
pub fn requests(spec: &ClusterSpec) -> Vec<NodeRequest> {
    let pieces = spec.networking.pod_pieces();
    let bridged = |role| spec.cni == Cni::Bridge && matches!(role, Role::ControlPlane | Role::Worker);
    let wanting = spec.nodes.iter().enumerate().filter(|(_, node)| node.role != Role::LoadBalancer);
    let request = |(place, node): (usize, &NodeSpec)| NodeRequest {
        name: node.name.to_string(),
        leaves: leaves(spec, node),
        addresses: node.addresses(),
        bootstrap_life: spec.join.certificate_ttl,
        pod_range: bridged(node.role).then_some(Piece { place, of: pieces }),
    };
    wanting.map(request).collect()
}

/// Whether a control plane is to fetch from the cluster what the first one uploads; the client certificate for an etcd of its
/// own machines is part of that (`cmd/kubeadm/app/phases/copycerts/copycerts.go`, `certsToTransfer`).
fn fetches_certificates(spec: &ClusterSpec, node: &NodeSpec) -> bool {
    let first = spec.nodes.iter().find(|other| other.role == Role::ControlPlane);
    spec.pki.distribution == Distribution::CertificateKey && first.is_some_and(|first| first.name != node.name)
}

/// Lists the certificates that are issued beforehand for a node.
#[must_use]
pub fn leaves(spec: &ClusterSpec, node: &NodeSpec) -> Vec<Leaf> {
    let mut leaves = match (node.role, spec.credential(node.role)) {
        (Role::LoadBalancer | Role::Etcd, _) | (_, Credential::Token) => vec![],
        (_, Credential::Identity) => vec![Leaf::Identity],
        (_, Credential::Certificate) => vec![Leaf::Bootstrap],
    };
    let plane = node.role == Role::ControlPlane;
    let reduced = plane && spec.pki.distribution == Distribution::Reduced;
    if reduced {
        leaves.push(Leaf::FrontProxyClient);
    }
    if reduced || plane && spec.external_etcd() && !fetches_certificates(spec, node) {
        leaves.push(Leaf::ApiserverEtcdClient);
    }
    if reduced && !spec.external_etcd() || node.role == Role::Etcd {
        leaves.extend(Leaf::ETCD);
    }
    leaves.sort();
    leaves
}
