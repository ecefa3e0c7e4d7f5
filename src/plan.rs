//! Every choice that follows from a profile and its bundle, made once.
//!
//! In: the spec and the bundle. Out: for each machine what it does first, whom it knows, and what it may
//! hold. Absent on purpose: texts and files (`compose`), and failure: what could be wrong with a profile
//! was found by `profile`.

use std::net::IpAddr;

use serde_json::{Map, Value};

use crate::kubernetes::{self, Release, images};
use crate::net::{DnsName, Host, IpNet};
use crate::os::{self, FirstBootProgram, Os};
use crate::platform::{self, Platform};
use crate::profile::spec::{ClusterSpec, Cni, Distribution, LoadBalancer, NodeSpec, Role};
use crate::secrets::{Bundle, CertifiedKey, Leaf, SecretName, leaves};

/// A cluster with all its choices made.
pub struct ClusterPlan<'a> {
    /// What the user asked for.
    pub spec: &'a ClusterSpec,
    /// The cluster's secrets.
    pub bundle: &'a Bundle,
    /// What the Kubernetes release is like.
    pub release: &'static Release,
    /// The machines, in the order of the profile.
    pub nodes: Vec<NodePlan<'a>>,
    /// Where the endpoint's name leads first, when the profile knows.
    pub endpoint_address: Option<IpAddr>,
    /// Where Kubernetes' own images come from.
    pub image_repository: String,
    /// Where CoreDNS comes from, when kubeadm would not find it there.
    pub coredns_repository: Option<String>,
    /// The pause image the kubelet's pods begin with; containerd must not pull another.
    pub pause_image: String,
    /// Whether API servers answer their health path to anybody.
    pub anonymous_health: bool,
    /// What every machine's hosts file says beside `localhost`.
    pub hosts: Vec<(IpAddr, Vec<String>)>,
    /// What the API servers' certificates carry beside what kubeadm adds itself.
    pub certificate_names: Vec<String>,
}

impl ClusterPlan<'_> {
    /// The control planes in the order of the profile; the first founds, where one does.
    pub fn control_planes(&self) -> impl Iterator<Item = &NodePlan<'_>> {
        self.nodes.iter().filter(|node| matches!(node.act, Act::Found | Act::JoinControlPlane))
    }

    /// The machines of an etcd beside the control planes; none where it runs on them.
    pub fn etcd_members(&self) -> impl Iterator<Item = &NodePlan<'_>> {
        self.nodes.iter().filter(|node| node.act == Act::RunEtcd)
    }
}

impl ClusterPlan<'_> {
    /// A certificate that was issued beforehand.
    ///
    /// # Panics
    /// When the bundle lacks it; whoever loads a bundle for a profile adds what is missing.
    #[must_use]
    pub fn leaf(&self, node: &NodePlan<'_>, leaf: Leaf) -> &CertifiedKey {
        let secrets = self.bundle.nodes.get(node.spec.name.as_str());
        secrets.and_then(|secrets| secrets.leaves.get(&leaf)).expect("the bundle has every certificate of every node")
    }
}

/// What a machine does at its first boot: kubeadm's three acts, and those of machines that are no Nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Founds the cluster, or joins it as a control plane when it exists.
    Found,
    /// Joins as a control plane.
    JoinControlPlane,
    /// Joins as a worker.
    JoinWorker,
    /// Passes API connections on.
    Balance,
    /// Runs an etcd member.
    RunEtcd,
}

impl Act {
    /// Whether the machine is a Node of the cluster: it runs a kubelet, which `kubeadm` starts.
    #[must_use]
    pub fn is_node(self) -> bool {
        matches!(self, Self::Found | Self::JoinControlPlane | Self::JoinWorker)
    }
}

/// One machine with its choices made.
pub struct NodePlan<'a> {
    /// What the user asked for.
    pub spec: &'a NodeSpec,
    /// What it does.
    pub act: Act,
    /// Its place among the control planes, or among the machines of its role.
    pub ordinal: usize,
    /// Its operating system.
    pub os: &'static Os,
    /// The program that reads its seed; Ignition's version in it is the one to write.
    pub program: FirstBootProgram,
    /// The platform whose user-data is written too.
    pub platform: Option<&'static Platform>,
    /// What its API server advertises, and its kubelet registers.
    pub address: IpAddr,
    /// The pod ranges it serves, one a family, when the built-in network is used.
    pub pod_ranges: Vec<IpNet>,
    /// Stable name of this installation.
    pub instance_id: String,
    /// Which secrets its image holds.
    pub holds: Holds,
}

impl NodePlan<'_> {
    /// Whether cloud-init reads the seed from a medium of the machine's own: then it is needed once, and switched off.
    #[must_use]
    pub fn has_seed_medium(&self) -> bool {
        self.program == FirstBootProgram::CloudInit && self.platform.is_none_or(|platform| platform.medium)
    }
}

/// The secrets of one machine's image: the columns of the table "who may hold what".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// The key of the cluster's authority, and the service-account key.
    pub cluster_ca: bool,
    /// The key of the front-proxy authority.
    pub front_proxy_ca: bool,
    /// The key of the etcd authority.
    pub etcd_ca: bool,
    /// The certificate key.
    pub certificate_key: bool,
    /// The key with which API servers encrypt what they store.
    pub encryption_key: bool,
    /// Every node's bootstrap token; the founder creates them.
    pub all_tokens: bool,
    /// Its own bootstrap token.
    pub own_token: bool,
    /// The keys of its own certificates.
    pub leaves: Vec<Leaf>,
}

impl Holds {
    /// Returns the certificate a machine joins with, where it does so without a token.
    #[must_use]
    pub fn join_certificate(&self) -> Option<Leaf> {
        [Leaf::Identity, Leaf::Bootstrap].into_iter().find(|leaf| self.leaves.contains(leaf))
    }

    /// Names the classes, sorted, as the manifest lists them.
    #[must_use]
    pub fn classes(&self) -> Vec<String> {
        let classes = [
            (self.all_tokens, "bootstrap-tokens"),
            (self.own_token, "bootstrap-token"),
            (self.certificate_key, "certificate-key"),
            (self.cluster_ca, "cluster-ca-key"),
            (self.etcd_ca, "etcd-ca-key"),
            (self.encryption_key, "encryption-key"),
            (self.front_proxy_ca, "front-proxy-ca-key"),
            (self.cluster_ca, "service-account-key"),
        ];
        let held = classes.iter().filter(|(held, _)| *held).map(|(_, name)| *name);
        let mut names: Vec<_> = held.chain(self.leaves.iter().map(|leaf| leaf.as_str())).map(str::to_owned).collect();
        names.sort();
        names
    }
}

/// Tells whether a node that holds these classes may hold a secret.
#[must_use]
pub fn may_hold(classes: &[String], node: &str, secret: &SecretName) -> bool {
    let held: &[&str] = match secret {
        SecretName::ClusterCaKey => &["cluster-ca-key"],
        SecretName::FrontProxyCaKey => &["front-proxy-ca-key"],
        SecretName::EtcdCaKey => &["etcd-ca-key"],
        SecretName::ServiceAccountKey => &["service-account-key"],
        SecretName::CertificateKey => &["certificate-key"],
        SecretName::NextCaKey | SecretName::AdministratorKey => &[],
        SecretName::EncryptionKey => &["encryption-key"],
        SecretName::Leaf(owner, leaf) => return owner == node && classes.iter().any(|class| class == leaf.as_str()),
        SecretName::Token(owner) if owner == node => &["bootstrap-token", "bootstrap-tokens"],
        SecretName::Token(_) => &["bootstrap-tokens"],
    };
    held.iter().any(|class| classes.iter().any(|own| own == class))
}

/// Makes the plan.
///
/// # Panics
/// When the spec names a release or an operating system that is not in the tables; `profile` checks both.
#[must_use]
pub fn plan<'a>(spec: &'a ClusterSpec, bundle: &'a Bundle) -> ClusterPlan<'a> {
    let release = kubernetes::release(spec.version.minor).expect("the profile's check knows the release");
    let mut seen = std::collections::BTreeMap::new();
    let nodes = spec.nodes.iter().enumerate().map(|(index, node)| {
        let ordinal = *seen.entry(node.role).and_modify(|n| *n += 1).or_insert(0);
        plan_node(spec, bundle, node, index, ordinal)
    });
    let nodes = nodes.collect();
    let image_repository = images::repository(&spec.documents.cluster).to_owned();
    ClusterPlan {
        spec,
        bundle,
        release,
        nodes,
        endpoint_address: endpoint_addresses(spec).first().copied(),
        pause_image: format!("{image_repository}/pause:{}", release.pause),
        coredns_repository: images::coredns_repository(release, spec.version.patch, &image_repository),
        image_repository,
        anonymous_health: argument(&spec.documents.cluster, "apiServer", "anonymous-auth").is_none_or(|value| value != "false"),
        hosts: hosts(spec),
        certificate_names: certificate_names(spec),
    }
}

fn plan_node<'a>(spec: &'a ClusterSpec, bundle: &Bundle, node: &'a NodeSpec, index: usize, ordinal: usize) -> NodePlan<'a> {
    let act = match (node.role, ordinal) {
        (Role::ControlPlane, 0) if !spec.bootstrap.existing => Act::Found,
        (Role::ControlPlane, _) => Act::JoinControlPlane,
        (Role::Worker, _) => Act::JoinWorker,
        (Role::LoadBalancer, _) => Act::Balance,
        (Role::Etcd, _) => Act::RunEtcd,
    };
    let os = os::find(node.os.as_deref().unwrap_or(&spec.os)).expect("the profile's check knows the operating system");
    NodePlan {
        spec: node,
        act,
        ordinal,
        os,
        program: match os.first_boot {
            FirstBootProgram::CloudInit => FirstBootProgram::CloudInit,
            FirstBootProgram::Ignition { usual, newest, network } => {
                FirstBootProgram::Ignition { usual: node.ignition_version.unwrap_or(usual), newest, network }
            }
        },
        platform: node.platform.as_deref().map(|name| platform::find(name).expect("the profile's check knows the platform")),
        address: node.advertise_address.unwrap_or(node.address.addr()),
        pod_ranges: match spec.cni {
            Cni::Bridge if act.is_node() => {
                let kept = bundle.nodes.get(node.name.as_str()).and_then(|known| known.pod_range);
                spec.networking.pod_ranges(kept.unwrap_or(index))
            }
            _ => Vec::new(),
        },
        instance_id: format!("{}-{}-g{}", spec.name, node.name, bundle.generation),
        holds: holds(spec, node, act),
    }
}

/// Who may hold what: the one place that decides it.
fn holds(spec: &ClusterSpec, node: &NodeSpec, act: Act) -> Holds {
    let distribution = spec.pki.distribution;
    let by_upload = distribution == Distribution::CertificateKey;
    let plane = matches!(act, Act::Found | Act::JoinControlPlane);
    let founds = act == Act::Found;
    let other_cas = plane && (founds || !by_upload) && distribution != Distribution::Reduced;
    Holds {
        cluster_ca: plane && (founds || !by_upload),
        front_proxy_ca: other_cas,
        etcd_ca: other_cas && !spec.external_etcd(),
        certificate_key: plane && by_upload,
        encryption_key: plane && spec.encryption.is_some(),
        all_tokens: founds,
        own_token: spec.joins_by_token(node.role),
        leaves: leaves(spec, node),
    }
}

/// The value of a component's extra argument in the user's own document.
fn argument<'v>(document: &'v Map<String, Value>, component: &str, name: &str) -> Option<&'v str> {
    let list = document.get(component)?.get("extraArgs")?.as_array()?;
    list.iter().rev().find(|entry| entry.get("name").and_then(Value::as_str) == Some(name))?.get("value")?.as_str()
}

/// Where the endpoint's name leads, when the profile knows.
fn endpoint_addresses(spec: &ClusterSpec) -> Vec<IpAddr> {
    let of = |role: Role| spec.nodes.iter().filter(move |node| node.role == role).map(|node| node.address.addr());
    match &spec.load_balancer {
        LoadBalancer::Haproxy => of(Role::LoadBalancer).collect(),
        LoadBalancer::External { address, .. } => address.iter().copied().collect(),
        LoadBalancer::None => of(Role::ControlPlane).collect(),
    }
}

fn hosts(spec: &ClusterSpec) -> Vec<(IpAddr, Vec<String>)> {
    let endpoint = match &spec.endpoint.host {
        Host::Name(name) => endpoint_addresses(spec).into_iter().map(|address| (address, vec![name.to_string()])).collect(),
        Host::Address(_) => Vec::new(),
    };
    let nodes = spec.nodes.iter().map(|node| (node.address.addr(), names(&node.name)));
    let extra = spec.hosts.iter().map(|(address, names)| (*address, names.iter().map(DnsName::to_string).collect()));
    endpoint.into_iter().chain(nodes).chain(extra).collect()
}

fn names(name: &DnsName) -> Vec<String> {
    match name.first_label() {
        first if first == name.as_str() => vec![first.to_owned()],
        first => vec![name.to_string(), first.to_owned()],
    }
}

/// The endpoint by name and address, and every control plane by name and addresses: whichever way a client
/// comes, the certificate fits.
fn certificate_names(spec: &ClusterSpec) -> Vec<String> {
    let mut all = vec![spec.endpoint.host.to_string()];
    all.extend(endpoint_addresses(spec).iter().map(IpAddr::to_string));
    for node in spec.nodes.iter().filter(|node| node.role == Role::ControlPlane) {
        all.push(node.name.to_string());
        all.push(node.address.addr().to_string());
        all.extend(node.second_address.map(|address| address.addr().to_string()));
        all.extend(node.advertise_address.map(|address| address.to_string()));
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|name| seen.insert(name.clone()));
    all
}
