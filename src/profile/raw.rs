//! The profile as written: typed values, each with its place.
//!
//! In: nodes whose shape has been checked. Out: the same content in types. What was faulty is missing
//! here, and reported already. Absent on purpose: findings, except that a file referred to cannot be read
//! (`check` finds that); and whether two values agree.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::{Deref, Range};
use std::str::FromStr;

use time::Duration;

use super::form;
use super::keys::{self, Group, Key, Need, Shape};
use super::shape::anchor;
use super::spec::{
    Architecture, BalancerKind, Cni, Credential, Discovery, Distribution, Found, ImageSource, KeyAlgorithm, Provider, Role,
};
use crate::diag::Diagnostic;
use crate::kubernetes::Version;
use crate::net::{DnsName, Endpoint, IpNet, MacAddress};
use crate::os::SpecVersion;
use crate::runtime::ContainerdVersion;
use crate::yaml::{Kind, Node};

/// A value and the place where it was written.
#[derive(Clone, Debug)]
pub struct At<T> {
    /// What was written, or the default.
    pub value: T,
    /// Where, or nothing when it is the key's default.
    pub span: Option<Range<usize>>,
    /// The key, for messages about a default.
    pub key: &'static str,
}

impl<T> Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Pointing at values that may be defaults.
pub trait Point {
    /// Labels the place of a value, or says in a note that it is the default.
    #[must_use]
    fn point<T: Display>(self, at: &At<T>, text: impl Into<String>) -> Self;

    /// Labels a place where something was written, if it was.
    #[must_use]
    fn point_span(self, span: Option<&Range<usize>>, text: impl Into<String>) -> Self;
}

impl Point for Diagnostic {
    fn point<T: Display>(self, at: &At<T>, text: impl Into<String>) -> Self {
        match &at.span {
            Some(span) => self.at(span.clone(), text),
            None => self.note(format!("`{}` is {} unless the profile says otherwise", at.key, at.value)),
        }
    }

    fn point_span(self, span: Option<&Range<usize>>, text: impl Into<String>) -> Self {
        match span {
            Some(span) => self.at(span.clone(), text),
            None => self,
        }
    }
}

/// A whole profile. Every value may be missing: because it is optional, or because it was faulty.
#[derive(Debug)]
pub struct Raw<'n> {
    pub cluster: Option<At<DnsName>>,
    pub version: Option<At<Version>>,
    pub endpoint: Option<At<Endpoint>>,
    pub pod_subnets: Option<At<Ranges>>,
    pub service_subnets: Option<At<Ranges>>,
    pub dns_domain: Option<At<DnsName>>,
    pub balancer: Option<At<BalancerKind>>,
    pub balancer_address: Option<At<IpAddr>>,
    pub balancer_hairpin: Option<At<bool>>,
    pub distribution: Option<At<Distribution>>,
    pub key_algorithm: Option<At<KeyAlgorithm>>,
    pub provider: Option<At<Provider>>,
    pub encrypted: Vec<At<String>>,
    /// Where `encryption` stands, if it does.
    pub encryption_key: Option<Range<usize>>,
    pub discovery: Option<At<Discovery>>,
    pub credential: Option<At<Credential>>,
    pub token_ttl: Option<At<Seconds>>,
    pub certificate_ttl: Option<At<Seconds>>,
    pub strict_csr: Option<At<bool>>,
    pub found: Option<At<Found>>,
    pub found_within: Option<At<Seconds>>,
    pub notice_port: Option<At<u16>>,
    /// Where it is said that the cluster lives already, if it is.
    pub existing: Option<Range<usize>>,
    pub cni: Option<At<Cni>>,
    pub images: Option<At<ImageSource>>,
    pub os: Option<At<String>>,
    pub architecture: Option<At<Architecture>>,
    pub etcd_disk: Option<At<String>>,
    pub containerd: Option<At<ContainerdVersion>>,
    pub nodes: Vec<RawNode<'n>>,
    /// The keys of `network`, with their places.
    pub network_given: Vec<(&'n str, Range<usize>)>,
    /// Whether `network` says `dhcp: true`.
    pub network_dhcp: bool,
    /// Where `nodes` stands, if it does.
    pub nodes_key: Option<Range<usize>>,
    pub manifests: Vec<At<String>>,
    pub files: Vec<RawFile>,
    pub users: Vec<RawUser>,
    pub ssh_authorized_keys: Vec<At<String>>,
    pub ssh_key: Option<Range<usize>>,
    pub ntp_servers: Vec<At<String>>,
    pub mirrors: Vec<RawMirror>,
    pub hosts: Vec<RawHost>,
    pub admin_kubeconfig: bool,
    pub acknowledge: Vec<At<String>>,
    pub documents: Vec<Document<'n>>,
}

/// One of kubeadm's, the kubelet's or kube-proxy's documents.
#[derive(Clone, Copy, Debug)]
pub struct Document<'n> {
    /// The profile's key for it.
    pub key: &'static str,
    /// What the user wrote.
    pub node: &'n Node,
}

/// A machine as written, with what `network` says for all.
#[derive(Debug)]
pub struct RawNode<'n> {
    /// A place to point at for the machine as a whole.
    pub place: Range<usize>,
    pub name: Option<At<DnsName>>,
    pub role: Option<At<Role>>,
    pub address: Option<At<IpNet>>,
    pub second_address: Option<At<IpNet>>,
    pub mac: Option<At<MacAddress>>,
    pub interface: Option<At<String>>,
    pub dhcp: Option<At<bool>>,
    pub gateway: Option<At<IpAddr>>,
    pub nameservers: Vec<At<IpAddr>>,
    pub search: Vec<At<DnsName>>,
    pub mtu: Option<At<u32>>,
    pub labels: Vec<(At<String>, At<String>)>,
    pub taints: Option<Vec<RawTaint>>,
    pub kubelet_extra_args: Vec<(At<String>, At<String>)>,
    pub kubelet_configuration: Option<Document<'n>>,
    pub advertise_address: Option<At<IpAddr>>,
    pub files: Vec<RawFile>,
    pub os: Option<At<String>>,
    pub architecture: Option<At<Architecture>>,
    pub deliver: Option<Vec<At<String>>>,
    pub platform: Option<At<String>>,
    pub ignition_version: Option<At<SpecVersion>>,
    /// The keys given for this node itself, with their places.
    pub given: Vec<(&'n str, Range<usize>)>,
}

impl RawNode<'_> {
    /// Names the machine in a message.
    pub fn called(&self) -> String {
        self.name.as_ref().map_or_else(|| "a node".into(), |name| format!("`{}`", name.value))
    }

    /// Tells whether the machine is known to have that role.
    pub fn is(&self, role: Role) -> bool {
        self.role.as_ref().is_some_and(|r| r.value == role)
    }

    /// Returns the machine's addresses, the first one first.
    pub fn addresses(&self) -> impl Iterator<Item = &At<IpNet>> {
        self.address.iter().chain(&self.second_address)
    }

    /// Tells whether one of the machine's addresses is `ip`.
    pub fn has(&self, ip: IpAddr) -> bool {
        self.addresses().any(|address| address.addr() == ip)
    }
}

/// A taint as written.
#[derive(Debug)]
pub struct RawTaint {
    pub key: Option<At<String>>,
    pub value: Option<At<String>>,
    pub effect: Option<At<String>>,
}

/// A file as written.
#[derive(Debug)]
pub struct RawFile {
    /// A place to point at for the file as a whole.
    pub place: Range<usize>,
    pub path: Option<At<String>>,
    pub content: Option<At<String>>,
    pub from: Option<At<String>>,
    /// Where `content` and `from` stand.
    pub content_key: Option<Range<usize>>,
    pub from_key: Option<Range<usize>>,
    pub mode: Option<u32>,
    pub roles: Vec<At<Role>>,
}

/// A login user as written.
#[derive(Debug)]
pub struct RawUser {
    pub place: Range<usize>,
    pub name: Option<At<String>>,
    pub groups: Vec<At<String>>,
    pub sudo: bool,
    pub keys: Vec<At<String>>,
    /// Whether keys were given at all, sound or not.
    pub keys_given: bool,
}

/// A registry's mirrors as written.
#[derive(Debug)]
pub struct RawMirror {
    pub registry: Option<At<String>>,
    pub mirrors: Vec<At<String>>,
}

/// A line for `/etc/hosts` as written.
#[derive(Debug)]
pub struct RawHost {
    pub address: Option<At<IpAddr>>,
    pub names: Vec<At<DnsName>>,
}

/// Network ranges, one or one of each family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges(pub Vec<IpNet>);

impl FromStr for Ranges {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        text.split(',').map(str::parse).collect::<Result<_, _>>().map(Self).map_err(drop)
    }
}

impl Display for Ranges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.iter().map(IpNet::to_string).collect::<Vec<_>>().join(","))
    }
}

/// A duration in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub Duration);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        form::duration(text).map(Self)
    }
}

impl Display for Seconds {
    /// Writes the duration as Go does: `24h0m0s` is written `24h`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (h, m, s) = (self.0.whole_hours(), self.0.whole_minutes() % 60, self.0.whole_seconds() % 60);
        if h > 0 {
            write!(f, "{h}h")?;
        }
        if m > 0 {
            write!(f, "{m}m")?;
        }
        if s > 0 || self.0.is_zero() {
            write!(f, "{s}s")?;
        }
        Ok(())
    }
}

/// Takes the values out of a profile whose shape has been checked.
#[must_use]
pub fn read(root: &Node) -> Raw<'_> {
    let profile = View::new(Some(root), &keys::PROFILE);
    let networking = profile.group("networking", &keys::NETWORKING);
    let balancer = profile.group("loadBalancer", &keys::LOAD_BALANCER);
    let pki = profile.group("pki", &keys::PKI);
    let encryption = profile.group("encryption", &keys::ENCRYPTION);
    let join = profile.group("join", &keys::JOIN);
    let bootstrap = profile.group("bootstrap", &keys::BOOTSTRAP);
    let network = profile.group("network", &keys::NETWORK);
    Raw {
        cluster: profile.get("cluster"),
        version: profile.get("kubernetesVersion"),
        endpoint: profile.get("controlPlaneEndpoint"),
        pod_subnets: networking.get("podSubnet"),
        service_subnets: networking.get("serviceSubnet"),
        dns_domain: networking.get("dnsDomain"),
        balancer: balancer.get("kind"),
        balancer_address: balancer.get("address"),
        balancer_hairpin: balancer.get("hairpin"),
        distribution: pki.get("distribution"),
        key_algorithm: pki.get("keyAlgorithm"),
        provider: encryption.get("provider"),
        encrypted: encryption.many("resources"),
        encryption_key: profile.place("encryption"),
        discovery: join.get("discovery"),
        credential: join.get("credential"),
        token_ttl: join.get("tokenTTL"),
        certificate_ttl: join.get("certificateTTL"),
        strict_csr: join.get("strictCsr"),
        found: bootstrap.get("found"),
        found_within: bootstrap.get("foundWithin"),
        notice_port: bootstrap.get("noticePort"),
        existing: profile.get::<String>("bootstrap").and_then(|at| at.span),
        cni: profile.get("cni"),
        images: profile.get("images"),
        os: profile.get("os"),
        architecture: profile.get("architecture"),
        etcd_disk: profile.get("etcdDisk"),
        containerd: profile.get("containerdVersion"),
        nodes: profile.groups("nodes", &keys::NODE).map(|view| node(&view, &network, &profile)).collect(),
        network_given: network.given(),
        network_dhcp: network.get("dhcp").is_some_and(|at: At<bool>| at.value),
        nodes_key: profile.place("nodes"),
        manifests: profile.many("manifests"),
        files: profile.groups("files", &keys::FILE).map(|view| file(&view)).collect(),
        users: profile.groups("users", &keys::USER).map(|view| user(&view)).collect(),
        ssh_authorized_keys: profile.many("sshAuthorizedKeys"),
        ssh_key: profile.place("sshAuthorizedKeys"),
        ntp_servers: profile.group("ntp", &keys::NTP).many("servers"),
        mirrors: profile.groups("registryMirrors", &keys::MIRROR).map(|view| mirror(&view)).collect(),
        hosts: profile.groups("hosts", &keys::HOST).map(|view| host(&view)).collect(),
        admin_kubeconfig: profile.get("adminKubeconfig").is_some_and(|at: At<bool>| at.value),
        acknowledge: profile.many("acknowledge"),
        documents: keys::PROFILE
            .keys
            .iter()
            .filter(|key| matches!(key.shape, Shape::Document))
            .filter_map(|key| document(&profile, key.name))
            .collect(),
    }
}

fn document<'n>(view: &View<'n>, key: &'static str) -> Option<Document<'n>> {
    Some(Document { key, node: view.node(key).filter(|node| matches!(node.kind, Kind::Map(_)))? })
}

fn node<'n>(view: &View<'n>, network: &View<'n>, profile: &View<'n>) -> RawNode<'n> {
    let own_many = |key: &str| view.node(key).is_some();
    RawNode {
        place: view.at.clone(),
        name: view.get("name"),
        role: view.get("role"),
        address: view.get("address"),
        second_address: view.get("secondAddress"),
        mac: view.get("mac"),
        interface: view.get("interface").or_else(|| network.get("interface")),
        dhcp: view.get("dhcp").or_else(|| network.get("dhcp")),
        gateway: view.get("gateway").or_else(|| network.get("gateway")),
        nameservers: if own_many("nameservers") { view.many("nameservers") } else { network.many("nameservers") },
        search: if own_many("search") { view.many("search") } else { network.many("search") },
        mtu: view.get("mtu").or_else(|| network.get("mtu")),
        labels: view.pairs("labels"),
        taints: view.node("taints").map(|_| view.groups("taints", &keys::TAINT).map(|taint| self::taint(&taint)).collect()),
        kubelet_extra_args: view.pairs("kubeletExtraArgs"),
        kubelet_configuration: document(view, "kubeletConfiguration"),
        advertise_address: view.get("advertiseAddress"),
        files: view.groups("files", &keys::NODE_FILE).map(|view| file(&view)).collect(),
        os: view.get("os"),
        architecture: view.get("architecture"),
        deliver: [view, profile].into_iter().find(|at| at.node("deliver").is_some()).map(|at| at.many("deliver")),
        platform: view.get("platform").or_else(|| profile.get("platform")),
        ignition_version: view.get("ignitionVersion").or_else(|| profile.get("ignitionVersion")),
        given: view.given(),
    }
}

fn taint(view: &View<'_>) -> RawTaint {
    RawTaint { key: view.get("key"), value: view.get("value"), effect: view.get("effect") }
}

fn file(view: &View<'_>) -> RawFile {
    RawFile {
        place: view.at.clone(),
        path: view.get("path"),
        content: view.get("content"),
        from: view.get("from"),
        content_key: view.place("content"),
        from_key: view.place("from"),
        mode: view.get("permissions").and_then(|text: At<String>| form::mode(&text).ok()),
        roles: if view.group.find("roles").is_some() { view.many("roles") } else { Vec::new() },
    }
}

fn user(view: &View<'_>) -> RawUser {
    RawUser {
        place: view.at.clone(),
        name: view.get("name"),
        groups: view.many("groups"),
        sudo: view.get("sudo").is_some_and(|at: At<bool>| at.value),
        keys: view.many("sshAuthorizedKeys"),
        keys_given: matches!(view.node("sshAuthorizedKeys").map(|node| &node.kind), Some(Kind::Seq(items)) if !items.is_empty()),
    }
}

fn mirror(view: &View<'_>) -> RawMirror {
    RawMirror { registry: view.get("registry"), mirrors: view.many("mirrors") }
}

fn host(view: &View<'_>) -> RawHost {
    RawHost { address: view.get("address"), names: view.many("names") }
}

/// A mapping seen through its table of keys; an absent one has the defaults.
struct View<'n> {
    node: Option<&'n Node>,
    group: &'static Group,
    at: Range<usize>,
}

impl<'n> View<'n> {
    fn new(node: Option<&'n Node>, group: &'static Group) -> Self {
        Self { at: node.map_or(0..0, anchor), node, group }
    }

    /// Returns a key's row. A key that is not in the table would be refused as unknown before it is read.
    fn key(&self, name: &str) -> &'static Key {
        self.group.find(name).expect("a key that is read is in the table of keys")
    }

    fn node(&self, name: &str) -> Option<&'n Node> {
        self.node?.get(self.key(name).name)
    }

    /// Returns where the key stands, if it does.
    fn place(&self, name: &str) -> Option<Range<usize>> {
        self.given().into_iter().rev().find(|(key, _)| *key == name).map(|(_, span)| span)
    }

    fn given(&self) -> Vec<(&'n str, Range<usize>)> {
        match self.node.map(|node| &node.kind) {
            Some(Kind::Map(pairs)) => pairs.iter().map(|pair| (pair.key.as_str(), pair.key_span.clone())).collect(),
            _ => Vec::new(),
        }
    }

    fn group(&self, name: &str, group: &'static Group) -> View<'n> {
        View::new(self.node(name), group)
    }

    fn groups(&self, name: &str, group: &'static Group) -> impl Iterator<Item = View<'n>> + use<'n> {
        self.items(name).iter().map(move |item| View::new(Some(item), group))
    }

    fn items(&self, name: &str) -> &'n [Node] {
        match self.node(name).map(|node| &node.kind) {
            Some(Kind::Seq(items)) => items,
            _ => &[],
        }
    }

    /// Returns the value of a key, given or default; nothing when it is faulty or absent without a default.
    fn get<T: FromStr>(&self, name: &str) -> Option<At<T>> {
        let key = self.key(name);
        match (self.node(name), key.need) {
            (Some(node), _) => value(node, key.name),
            (None, Need::Default(text)) => text.parse().ok().map(|value| At { value, span: None, key: key.name }),
            (None, Need::Required | Need::Optional) => None,
        }
    }

    fn many<T: FromStr>(&self, name: &str) -> Vec<At<T>> {
        let key = self.key(name).name;
        self.items(name).iter().filter_map(|item| value(item, key)).collect()
    }

    /// Returns a mapping's entries, or those of a list of `{name, value}`.
    fn pairs(&self, name: &str) -> Vec<(At<String>, At<String>)> {
        let key = self.key(name).name;
        match self.node(name).map(|node| &node.kind) {
            Some(Kind::Map(pairs)) => pairs
                .iter()
                .filter_map(|pair| {
                    let name = At { value: pair.key.clone(), span: Some(pair.key_span.clone()), key };
                    Some((name, value(&pair.value, key)?))
                })
                .collect(),
            Some(Kind::Seq(items)) => {
                items.iter().filter_map(|item| Some((value(item.get("name")?, key)?, value(item.get("value")?, key)?))).collect()
            }
            _ => Vec::new(),
        }
    }
}

fn value<T: FromStr>(node: &Node, key: &'static str) -> Option<At<T>> {
    match &node.kind {
        Kind::Scalar(scalar) if !node.is_null() => {
            scalar.text.parse().ok().map(|value| At { value, span: Some(node.span.clone()), key })
        }
        _ => None,
    }
}
