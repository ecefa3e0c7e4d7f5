//! The checked profile: what a user asked for, in types that cannot hold nonsense.
//!
//! In: what `check` let through. Out: plain data for `secrets` and `plan`. Absent on purpose: positions,
//! defaults still to be filled in, and anything that depends on a secret.

use std::net::IpAddr;

use serde_json::{Map, Value};
use time::Duration;

use crate::kubeadm::Documents;
use crate::kubernetes::Version;
use crate::net::{DnsName, Endpoint, IpNet, MacAddress};
use crate::os::SpecVersion;

/// Declares a closed choice together with the profile's words for it, so that the reader, its messages
/// and the spec cannot disagree.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// The profile's words for the choices.
            pub const WORDS: &[&str] = &[$($word),+];

            /// Returns the profile's word for this choice.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();

            fn from_str(word: &str) -> Result<Self, ()> {
                match word { $($word => Ok(Self::$variant),)+ _ => Err(()) }
            }
        }
    };
}

/// One cluster as its profile describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterSpec {
    /// The cluster's name, an RFC 1123 label sequence.
    pub name: DnsName,
    /// The Kubernetes version, known to the releases table.
    pub version: Version,
    /// What clients and machines call the API by.
    pub endpoint: Endpoint,
    /// Pod and service networks.
    pub networking: Networking,
    /// What answers at the endpoint.
    pub load_balancer: LoadBalancer,
    /// How the shared keys reach the control planes.
    pub pki: Pki,
    /// What API servers encrypt before they store it, if anything.
    pub encryption: Option<Encryption>,
    /// How machines find and prove the cluster.
    pub join: Join,
    /// When the founder may found.
    pub bootstrap: Bootstrap,
    /// The pod network the founder sets up.
    pub cni: Cni,
    /// Where container images come from.
    pub images: ImageSource,
    /// The machine's operating system family, cluster-wide; a node may differ.
    pub os: String,
    /// The machines' kind of processor, cluster-wide; a node may differ.
    pub architecture: Architecture,
    /// The block device under etcd's data on every control plane.
    pub etcd_disk: Option<String>,
    /// Registry mirrors for containerd, by the registry they stand for.
    pub registry_mirrors: Vec<RegistryMirror>,
    /// The user's kubeadm documents in the shape of the newest kubeadm API (lists of `{name, value}` for extra arguments).
    pub documents: Documents,
    /// Files for every machine, or for those of some roles.
    pub files: Vec<ExtraFile>,
    /// Manifests that the founder applies, in order: name and text.
    pub manifests: Vec<(String, String)>,
    /// Login users for every machine.
    pub users: Vec<crate::host::User>,
    /// NTP servers; empty leaves the image's own.
    pub ntp_servers: Vec<String>,
    /// Lines for every machine's hosts file beside those of the cluster itself.
    pub hosts: Vec<(IpAddr, Vec<DnsName>)>,
    /// Whether root on control planes gets `KUBECONFIG` set to the administrator's file.
    pub admin_kubeconfig_on_control_planes: bool,
    /// The machines, in the order of the profile; the first control plane founds, unless the cluster lives already.
    pub nodes: Vec<NodeSpec>,
}

/// Pod and service networks; one range a family, IPv4 or IPv6 first as the user wrote them.
#[derive(Clone, Debug, PartialEq)]
pub struct Networking {
    /// Where pods get their addresses from.
    pub pod_subnets: Vec<IpNet>,
    /// Where services get their addresses from.
    pub service_subnets: Vec<IpNet>,
    /// The cluster's DNS domain.
    pub dns_domain: DnsName,
}

impl Networking {
    /// The `index`th piece of each pod network; none of one that has no such piece.
    #[must_use]
    pub fn pod_ranges(&self, index: usize) -> Vec<IpNet> {
        self.pod_subnets.iter().filter_map(|subnet| subnet.subnets(pod_piece(subnet)).ok()?.nth(index)).collect()
    }

    /// How many nodes find a piece in every pod network.
    #[must_use]
    pub fn pod_pieces(&self) -> usize {
        let of = |subnet: &IpNet| match pod_piece(subnet).checked_sub(subnet.prefix_len()) {
            None => 0,
            Some(bits) => 1usize.checked_shl(u32::from(bits)).unwrap_or(usize::MAX),
        };
        self.pod_subnets.iter().map(of).min().unwrap_or(0)
    }
}

/// The prefix length that the controller manager cuts a pod network into by default (`--node-cidr-mask-size-ipv4`, `-ipv6`).
fn pod_piece(subnet: &IpNet) -> u8 {
    if subnet.addr().is_ipv4() { 24 } else { 64 }
}

/// What answers at the control-plane endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadBalancer {
    /// HAProxy on the machines of role `load-balancer`.
    Haproxy,
    /// Something that exists outside the profile, reached at this address when the endpoint is a name that no DNS serves.
    External {
        /// Written into every machine's hosts file when given.
        address: Option<IpAddr>,
        /// Whether it can lead a machine back to itself.
        hairpin: bool,
    },
    /// Nothing: the endpoint is the only control plane itself.
    None,
}

impl LoadBalancer {
    /// Returns the profile's word for it.
    #[must_use]
    pub fn kind(&self) -> BalancerKind {
        match self {
            Self::Haproxy => BalancerKind::Haproxy,
            Self::External { .. } => BalancerKind::External,
            Self::None => BalancerKind::None,
        }
    }
}

/// How certificate authorities are made and reach the control planes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pki {
    /// Which control planes hold the shared keys in their image.
    pub distribution: Distribution,
    /// The key type the user insists on; `None` takes what the release reads best.
    pub key_algorithm: Option<KeyAlgorithm>,
}

words! {
    /// How control planes beside the first get the shared keys.
    Distribution {
        /// In their own image; never expires.
        Embedded = "embedded",
        /// From the cluster, encrypted under the certificate key; two hours from init unless renewed.
        CertificateKey = "certificate-key",
        /// In their own image, but only the cluster CA's key and the service-account key; what the other two
        /// authorities would sign is signed beforehand, and their keys are on no machine.
        Reduced = "reduced",
    }
}

words! {
    /// Kinds of key for certificate authorities.
    KeyAlgorithm {
        /// ECDSA on P-256.
        EcdsaP256 = "ECDSA-P256",
        /// RSA with 2048 bits.
        Rsa2048 = "RSA-2048",
    }
}

/// What API servers encrypt before they store it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// How.
    pub provider: Provider,
    /// Which resources, at least one.
    pub resources: Vec<String>,
}

words! {
    /// The providers of an EncryptionConfiguration that need nothing but a key.
    Provider {
        /// XSalsa20 and Poly1305.
        Secretbox = "secretbox",
        /// AES-CBC with PKCS#7 padding.
        AesCbc = "aescbc",
    }
}

/// How a machine joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// How it recognises the cluster.
    pub discovery: Discovery,
    /// What it proves itself with, when the user says so.
    pub credential: Option<Credential>,
    /// Lifetime of the bootstrap tokens, counted from `kubeadm init`; zero never expires.
    pub token_ttl: Duration,
    /// Lifetime of bootstrap certificates, counted from their issue.
    pub certificate_ttl: Duration,
    /// Whether a bootstrap credential gets no certificate without an operator's word once every machine has joined.
    pub strict_csr: bool,
}

words! {
    /// What a joining machine proves itself with.
    Credential {
        /// A bootstrap token of its own, which the founder creates.
        Token = "token",
        /// The node's own certificate: good for this one node, and for ever.
        Identity = "identity",
        /// A certificate of the bootstrappers' group: good for any node's name, until an instant.
        Certificate = "certificate",
    }
}

impl ClusterSpec {
    /// Returns the directory of etcd's data: the user's, kubeadm's own default, or one below it where a disk
    /// is mounted at the default, because a mount point can neither be renamed nor, with a `lost+found` in it, be empty.
    #[must_use]
    pub fn etcd_data(&self) -> &str {
        let given = self.documents.cluster.get("etcd").and_then(|etcd| etcd.get("local")?.get("dataDir")?.as_str());
        given.unwrap_or(if self.etcd_disk.is_some() { "/var/lib/etcd/data" } else { "/var/lib/etcd" })
    }

    /// Whether etcd runs on machines of its own, rather than on the control planes.
    #[must_use]
    pub fn external_etcd(&self) -> bool {
        self.nodes.iter().any(|node| node.role == Role::Etcd)
    }

    /// Returns what a machine of a role proves itself with.
    ///
    /// Identity is for workers: a control plane's certificate and keys need the rights of a bootstrapper. Left to
    /// itself, a worker has it wherever the release takes a certificate out of a discovery file.
    #[must_use]
    pub fn credential(&self, role: Role) -> Credential {
        let able =
            self.join.discovery == Discovery::File && self.version.release().is_some_and(|r| r.discovery_client_certificate);
        match (self.join.credential, role) {
            (Some(Credential::Certificate), _) => Credential::Certificate,
            (Some(Credential::Identity) | None, Role::Worker) if able => Credential::Identity,
            _ => Credential::Token,
        }
    }

    /// Tells whether a machine of a role joins with a bootstrap token.
    #[must_use]
    pub fn joins_by_token(&self, role: Role) -> bool {
        matches!(role, Role::ControlPlane | Role::Worker) && self.credential(role) == Credential::Token
    }
}

words! {
    /// Where container images come from.
    ImageSource {
        /// From their registry, or a mirror of it, when they are wanted.
        Pulled = "pulled",
        /// From the machine's own store, filled before the first boot; no machine founds or joins without them.
        Preloaded = "preloaded",
    }
}

words! {
    /// How a joining machine recognises the cluster.
    Discovery {
        /// By a kubeconfig file holding the CA.
        File = "file",
        /// By the signed cluster-info and the CA's hash.
        Token = "token",
    }
}

/// When the founder may found a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// What must be seen first.
    pub found: Found,
    /// How long after minting founding is allowed; what comes of it is stored in the bundle at minting.
    pub found_within: Duration,
    /// TCP port of the empty-notice.
    pub notice_port: u16,
    /// Whether the cluster lives already: then no machine founds, whatever the other fields say.
    pub existing: bool,
}

words! {
    /// What the founder must see before it founds.
    Found {
        /// A majority of the declared control planes, all of them empty.
        Majority = "majority",
        /// Nothing but silence for two minutes; accepts a second cluster after a partition.
        Alone = "alone",
    }
}

words! {
    /// The pod network.
    Cni {
        /// The plain bridge plugin with static routes between the nodes; all nodes on one L2 network.
        Bridge = "bridge",
        /// Whatever the user's manifests bring.
        None = "none",
    }
}

/// Where containerd pulls a registry's images from instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryMirror {
    /// The registry as image names spell it, `registry.k8s.io` or `_default` for all others.
    pub registry: String,
    /// URLs tried in order.
    pub mirrors: Vec<String>,
}

/// A file a user wants on machines.
#[derive(Clone, PartialEq, Eq)]
pub struct ExtraFile {
    /// Absolute path on the machine.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// The exact bytes.
    pub content: Vec<u8>,
    /// The roles that get it; empty means every role.
    pub roles: Vec<Role>,
}

impl std::fmt::Debug for ExtraFile {
    /// Shows everything but the content, which may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:04o} {:?} ({} bytes)", self.path, self.mode, self.roles, self.content.len())
    }
}

words! {
    /// What a machine is for.
    Role {
        /// Runs the API server, its companions and (stacked) etcd.
        ControlPlane = "control-plane",
        /// Runs workloads.
        Worker = "worker",
        /// Runs a member of the cluster's etcd, and nothing of Kubernetes.
        Etcd = "etcd",
        /// Passes API connections on.
        LoadBalancer = "load-balancer",
    }
}

words! {
    /// A kind of processor, in the words of Go and of container images: those that Kubernetes is released for on Linux
    /// (`hack/lib/golang.sh`, `KUBE_SUPPORTED_SERVER_PLATFORMS`).
    Architecture {
        /// x86 with 64 bits.
        Amd64 = "amd64",
        /// ARM with 64 bits.
        Arm64 = "arm64",
        /// POWER with 64 bits, little-endian.
        Ppc64le = "ppc64le",
        /// IBM Z.
        S390x = "s390x",
    }
}

impl ClusterSpec {
    /// Returns a machine's kind of processor.
    #[must_use]
    pub fn architecture_of(&self, node: &NodeSpec) -> Architecture {
        node.architecture.unwrap_or(self.architecture)
    }
}

/// One machine.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSpec {
    /// Its name: host name, node name, and key in the bundle.
    pub name: DnsName,
    /// What it is for.
    pub role: Role,
    /// Its address with the prefix length of its network.
    pub address: IpNet,
    /// A second address for the other IP family.
    pub second_address: Option<IpNet>,
    /// The hardware address of the interface; without it the interface is matched by name.
    pub mac: Option<MacAddress>,
    /// Interface name pattern when there is no MAC.
    pub interface: Option<String>,
    /// Default gateway.
    pub gateway: Option<IpAddr>,
    /// Resolvers.
    pub nameservers: Vec<IpAddr>,
    /// Search domains.
    pub search: Vec<String>,
    /// Maximum transmission unit.
    pub mtu: Option<u32>,
    /// Whether the machine configures its network itself (no static network is written).
    pub dhcp: bool,
    /// Labels the kubelet registers.
    pub labels: Vec<(String, String)>,
    /// Taints in kubeadm's shape; `None` keeps the role's default, an empty list removes it.
    pub taints: Option<Vec<Value>>,
    /// Kubelet flags of this node alone: name and value.
    pub kubelet_extra_args: Vec<(String, String)>,
    /// What its kubelet reads over the KubeletConfiguration of all nodes.
    pub kubelet: Map<String, Value>,
    /// What its API server advertises, when it is not `address`.
    pub advertise_address: Option<IpAddr>,
    /// Files for this machine alone.
    pub files: Vec<ExtraFile>,
    /// The operating system, when it differs from the cluster's.
    pub os: Option<String>,
    /// Its kind of processor, when it differs from the cluster's.
    pub architecture: Option<Architecture>,
    /// The images its seed is packed into; `None` is what its first-boot program usually takes.
    pub deliver: Option<Vec<String>>,
    /// The platform whose user-data is written too.
    pub platform: Option<String>,
    /// The version of Ignition's spec, when the user insists.
    pub ignition_version: Option<SpecVersion>,
}

impl NodeSpec {
    /// Every address it is reached by, what its API server advertises first.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let all = self.advertise_address.into_iter().chain([self.address.addr()]).chain(self.second_address.map(|a| a.addr()));
        let mut addresses: Vec<IpAddr> = Vec::new();
        for address in all {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }
}

words! {
    /// What answers at the control-plane endpoint, as the profile's `loadBalancer.kind` says it.
    BalancerKind {
        /// HAProxy on machines of the profile.
        Haproxy = "haproxy",
        /// Something outside the profile.
        External = "external",
        /// The only control plane itself.
        None = "none",
    }
}

words! {
    /// How Kubernetes' programs come onto the machines.
    Install {
        /// They are in the image; the machine checks them.
        Preinstalled = "preinstalled",
    }
}
