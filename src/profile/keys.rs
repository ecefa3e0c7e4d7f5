//! The keys of a profile: one table, from which the reader, its messages and the documentation are made.
//!
//! In: nothing. Out: for every key its name, shape, need and meaning. Absent on purpose: what two keys
//! mean together (`check`).

use super::form::Form;
use super::spec::{
    Architecture, BalancerKind, Cni, Credential, Discovery, Distribution, Found, ImageSource, Install, KeyAlgorithm, Provider,
    Role,
};
use crate::os::SpecVersion;
use crate::{delivery, platform};

/// One key of a mapping.
#[derive(Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What its value must look like.
    pub shape: Shape,
    /// Whether it can be left out.
    pub need: Need,
    /// What it means, in one sentence.
    pub doc: &'static str,
    /// The tool's version that brought it.
    pub since: &'static str,
}

/// Whether a key can be left out, and what holds then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must be given.
    Required,
    /// It may be left out; the sentence of its documentation says what holds then.
    Optional,
    /// It may be left out; this text holds then.
    Default(&'static str),
}

/// What a value must look like.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A scalar, taken as it is written.
    Text(Form),
    /// `true` or `false`.
    Bool,
    /// A whole number within bounds, both included.
    Number(u64, u64),
    /// One of several words.
    Choice(fn() -> Vec<&'static str>),
    /// A sequence.
    Many(&'static Shape),
    /// A mapping with the keys of a table.
    Group(&'static Group),
    /// One of several words, or a mapping with the keys of a table.
    WordOr(&'static [&'static str], &'static Group),
    /// A mapping of free keys to texts.
    Texts,
    /// Arguments of a component: a mapping, or kubeadm's list of `{name, value}`.
    Arguments,
    /// A mapping that is kubeadm's, the kubelet's or kube-proxy's own.
    Document,
}

/// A mapping with known keys.
#[derive(Debug)]
pub struct Group {
    /// What one such mapping is called, with its article.
    pub called: &'static str,
    /// Its keys, in the order in which they are documented.
    pub keys: &'static [Key],
}

impl Group {
    /// Finds a key by its name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Shape {
    /// Describes the shape in a few words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Text(form) => form.describe().into(),
            Self::Bool => "`true` or `false`".into(),
            Self::Number(low, high) => format!("a whole number from {low} to {high}"),
            Self::Choice(words) => format!("one of: {}", words().join(", ")),
            Self::Many(_) => "a sequence".into(),
            Self::Group(_) | Self::Texts | Self::Document => "a mapping".into(),
            Self::WordOr(words, _) => format!("{}, or a mapping", words.join(", ")),
            Self::Arguments => "a mapping, or a sequence of `{name, value}`".into(),
        }
    }
}

const fn key(name: &'static str, shape: Shape, need: Need, doc: &'static str) -> Key {
    Key { name, shape, need, doc, since: "0.1" }
}

use Need::{Default, Optional, Required};
use Shape::{Arguments, Bool, Choice, Document, Many, Number, Text, Texts};

/// The word in place of `bootstrap` for a cluster that lives already.
const EXISTING: &str = "existing";

/// The whole profile.
pub const PROFILE: Group = Group {
    called: "the profile",
    keys: &[
        key("apiVersion", Choice(|| vec!["kubespore/v1"]), Required, "The version of the profile's own language."),
        key("cluster", Text(Form::Name), Required, "The cluster's name; it names the output directory and every instance."),
        key(
            "kubernetesVersion",
            Text(Form::Version),
            Required,
            "The full version of Kubernetes that the machines' binaries have, with or without `v`.",
        ),
        key(
            "controlPlaneEndpoint",
            Text(Form::Endpoint),
            Required,
            "What clients and machines call the API by: `host:port`, a name rather than an address.",
        ),
        key("networking", Shape::Group(&NETWORKING), Optional, "The pod and service networks, in kubeadm's words."),
        key("loadBalancer", Shape::Group(&LOAD_BALANCER), Optional, "What answers at the control-plane endpoint."),
        key("pki", Shape::Group(&PKI), Optional, "How certificate authorities are made and reach the control planes."),
        key(
            "encryption",
            Shape::Group(&ENCRYPTION),
            Optional,
            "What API servers encrypt before they store it in etcd, with a key of the secrets bundle; left out, nothing.",
        ),
        key("join", Shape::Group(&JOIN), Optional, "How machines find, recognise and enter the cluster."),
        key(
            "bootstrap",
            Shape::WordOr(&[EXISTING], &BOOTSTRAP),
            Optional,
            "When the first control plane may found the cluster; `existing` is for one that lives already: no machine founds, all join.",
        ),
        key(
            "cni",
            Choice(|| Cni::WORDS.to_vec()),
            Default("none"),
            "The pod network that the founder sets up: `bridge` needs all nodes on one network, `none` leaves it to `manifests`.",
        ),
        key(
            "install",
            Choice(|| Install::WORDS.to_vec()),
            Default("preinstalled"),
            "How Kubernetes' programs come onto the machines.",
        ),
        key(
            "images",
            Choice(|| ImageSource::WORDS.to_vec()),
            Default("pulled"),
            "Where container images come from: `preloaded` makes each machine wait, before kubeadm runs, until containerd has those it needs.",
        ),
        key("os", Choice(os_words), Default("debian"), "The operating system of the machines' image."),
        key(
            "architecture",
            Choice(|| Architecture::WORDS.to_vec()),
            Default("amd64"),
            "The machines' kind of processor; `kubespore images` says which platforms of an image are needed.",
        ),
        key(
            "etcdDisk",
            Text(Form::Path),
            Optional,
            "The block device under etcd's data on every control plane, by a name that survives a reboot; it has a file system, and is never formatted.",
        ),
        key(
            "containerdVersion",
            Text(Form::ContainerdVersion),
            Optional,
            "The version of containerd in the machines' image, to be compared with what the release of Kubernetes works with.",
        ),
        DELIVER,
        PLATFORM,
        IGNITION_VERSION,
        key(
            "network",
            Shape::Group(&NETWORK),
            Optional,
            "What the network settings of all nodes have in common; a node's own win.",
        ),
        key("nodes", Many(&Shape::Group(&NODE)), Required, "The machines; the first control plane founds the cluster."),
        key(
            "manifests",
            Many(&Text(Form::Filled)),
            Optional,
            "Manifest files that the founder applies in this order; paths beside the profile.",
        ),
        key("files", Many(&Shape::Group(&FILE)), Optional, "Files for every machine, or for the machines of some roles."),
        key("users", Many(&Shape::Group(&USER)), Optional, "Login users for every machine."),
        key(
            "sshAuthorizedKeys",
            Many(&Text(Form::SshKey)),
            Optional,
            "Public keys of one user `kubespore` on every machine, who may use sudo: the short form of `users`.",
        ),
        key("ntp", Shape::Group(&NTP), Optional, "The time servers; left out, the image's own."),
        key(
            "registryMirrors",
            Many(&Shape::Group(&MIRROR)),
            Optional,
            "Where containerd pulls images from instead of their registry.",
        ),
        key("hosts", Many(&Shape::Group(&HOST)), Optional, "Lines for every machine's `/etc/hosts` beside those of the cluster."),
        key(
            "adminKubeconfig",
            Bool,
            Default("false"),
            "Whether root's shell on control planes finds the administrator's kubeconfig by itself.",
        ),
        key("acknowledge", Many(&Text(Form::Filled)), Optional, "Codes of findings that are known and wanted."),
        key("clusterConfiguration", Document, Optional, "kubeadm's ClusterConfiguration, merged over what is generated."),
        key("initConfiguration", Document, Optional, "kubeadm's InitConfiguration, merged over what is generated."),
        key("joinConfiguration", Document, Optional, "kubeadm's JoinConfiguration, merged over what is generated."),
        key("kubeletConfiguration", Document, Optional, "The KubeletConfiguration of all nodes, merged over what is generated."),
        key("kubeProxyConfiguration", Document, Optional, "The KubeProxyConfiguration, merged over what is generated."),
    ],
};

/// `networking`.
pub const NETWORKING: Group = Group {
    called: "`networking`",
    keys: &[
        key(
            "podSubnet",
            Text(Form::Ranges),
            Default("10.244.0.0/16"),
            "The range pods get addresses from; two with a comma between for dual-stack.",
        ),
        key(
            "serviceSubnet",
            Text(Form::Ranges),
            Default("10.96.0.0/12"),
            "The range services get addresses from; two with a comma between for dual-stack.",
        ),
        key("dnsDomain", Text(Form::Name), Default("cluster.local"), "The DNS domain of services."),
    ],
};

/// `loadBalancer`.
pub const LOAD_BALANCER: Group = Group {
    called: "`loadBalancer`",
    keys: &[
        key(
            "kind",
            Choice(|| BalancerKind::WORDS.to_vec()),
            Default("none"),
            "`haproxy` runs on the machines of role load-balancer, `external` is not in the profile, `none` is for a single control plane.",
        ),
        key(
            "address",
            Text(Form::Address),
            Optional,
            "The external load balancer's address, for machines whose DNS does not know the endpoint's name.",
        ),
        key(
            "hairpin",
            Shape::Bool,
            Default("true"),
            "Whether the external load balancer can lead a control plane back to itself; where not, the endpoint's name means the founder itself while it founds.",
        ),
    ],
};

/// `pki`.
pub const PKI: Group = Group {
    called: "`pki`",
    keys: &[
        key(
            "distribution",
            Choice(|| Distribution::WORDS.to_vec()),
            Default("embedded"),
            "How the shared keys reach further control planes: `embedded` in their image, `certificate-key` from the cluster.",
        ),
        key(
            "keyAlgorithm",
            Choice(|| KeyAlgorithm::WORDS.to_vec()),
            Optional,
            "The kind of key of certificate authorities; left out, the best that the release reads.",
        ),
    ],
};

/// `encryption`.
pub const ENCRYPTION: Group = Group {
    called: "`encryption`",
    keys: &[
        key(
            "provider",
            Choice(|| Provider::WORDS.to_vec()),
            Required,
            "How it is encrypted: `secretbox` (XSalsa20 and Poly1305) notices changed data, `aescbc` is for who must have AES.",
        ),
        key(
            "resources",
            Many(&Text(Form::Resource)),
            Optional,
            "What is encrypted, in the plural and with the API group behind it unless it is the core's; left out, `secrets`.",
        ),
    ],
};

/// `join`.
pub const JOIN: Group = Group {
    called: "`join`",
    keys: &[
        key(
            "discovery",
            Choice(|| Discovery::WORDS.to_vec()),
            Default("file"),
            "How a machine recognises the cluster: by the CA in a `file`, or by a `token` and the CA's hash.",
        ),
        key(
            "credential",
            Choice(|| Credential::WORDS.to_vec()),
            Optional,
            "What a machine proves itself with; left out, `identity` for workers where the release can, else `token`.",
        ),
        key(
            "tokenTTL",
            Text(Form::Duration),
            Default("24h"),
            "How long bootstrap tokens live, counted from the founding; `0s` is for ever.",
        ),
        key(
            "certificateTTL",
            Text(Form::Duration),
            Default("168h"),
            "How long bootstrap certificates live, counted from their issue.",
        ),
        key(
            "strictCsr",
            Bool,
            Default("false"),
            "Whether the cluster stops approving the certificate requests of bootstrap credentials once every machine has joined.",
        ),
    ],
};

/// `bootstrap`.
pub const BOOTSTRAP: Group = Group {
    called: "`bootstrap`",
    keys: &[
        key(
            "found",
            Choice(|| Found::WORDS.to_vec()),
            Default("majority"),
            "What the founder must see first: a `majority` of the control planes empty, or (`alone`) two minutes of silence.",
        ),
        key("foundWithin", Text(Form::Duration), Default("720h"), "How long after minting a cluster may be founded."),
        key(
            "noticePort",
            Number(1, 65535),
            Default("6442"),
            "The TCP port on which an empty control plane says that it is empty.",
        ),
    ],
};

/// `network`: what nodes have in common.
pub const NETWORK: Group = Group {
    called: "`network`",
    keys: &[
        key(
            "dhcp",
            Bool,
            Default("false"),
            "Whether machines get their network settings from DHCP; `address` is then what DHCP gives.",
        ),
        GATEWAY,
        NAMESERVERS,
        SEARCH,
        MTU,
        INTERFACE,
    ],
};

const DELIVER: Key = key(
    "deliver",
    Many(&Choice(delivery_words)),
    Optional,
    "The images a seed is packed into; left out, `nocloud-iso` where cloud-init reads it.",
);
const PLATFORM: Key =
    key("platform", Choice(platform_words), Optional, "Whose user-data is written too, in its form and within its limit.");
const IGNITION_VERSION: Key = key(
    "ignitionVersion",
    Choice(spec_words),
    Optional,
    "The version of Ignition's spec; left out, what the system reads for certain.",
);

const GATEWAY: Key = key("gateway", Text(Form::Address), Optional, "The default gateway.");
const NAMESERVERS: Key = key("nameservers", Many(&Text(Form::Address)), Optional, "The resolvers.");
const SEARCH: Key = key("search", Many(&Text(Form::Name)), Optional, "The search domains.");
const MTU: Key = key("mtu", Number(576, 65535), Optional, "The maximum transmission unit; left out, the interface's own.");
const INTERFACE: Key = key(
    "interface",
    Text(Form::Interface),
    Optional,
    "The interface by name or pattern, where no `mac` says which; left out, the only Ethernet interface.",
);

/// One of `nodes`.
pub const NODE: Group = Group {
    called: "a node",
    keys: &[
        key("name", Text(Form::NodeName), Required, "Host name, node name, and key in the secrets bundle."),
        key("role", Choice(|| Role::WORDS.to_vec()), Required, "What the machine is for."),
        key("address", Text(Form::InterfaceAddress), Required, "Its address with the prefix length of its network."),
        key("secondAddress", Text(Form::InterfaceAddress), Optional, "Its address of the other family, for dual-stack."),
        key("mac", Text(Form::Mac), Optional, "The hardware address of the interface that gets the address."),
        INTERFACE,
        key(
            "dhcp",
            Bool,
            Optional,
            "Whether the machine gets its network settings from DHCP; `address` is then what DHCP gives.",
        ),
        GATEWAY,
        NAMESERVERS,
        SEARCH,
        MTU,
        key("labels", Texts, Optional, "Labels that the kubelet registers."),
        key(
            "taints",
            Many(&Shape::Group(&TAINT)),
            Optional,
            "Taints in kubeadm's shape; left out, those of the role; an empty list, none.",
        ),
        key("kubeletExtraArgs", Arguments, Optional, "Kubelet flags of this node alone."),
        key(
            "kubeletConfiguration",
            Document,
            Optional,
            "What the kubelet of this node alone reads over the KubeletConfiguration of all; from Kubernetes 1.28 on.",
        ),
        key("advertiseAddress", Text(Form::Address), Optional, "What its API server advertises; left out, `address`."),
        key("files", Many(&Shape::Group(&NODE_FILE)), Optional, "Files for this machine alone."),
        key("os", Choice(os_words), Optional, "Its operating system, where it differs from the others'."),
        key(
            "architecture",
            Choice(|| Architecture::WORDS.to_vec()),
            Optional,
            "Its kind of processor, where it differs from the others'.",
        ),
        DELIVER,
        PLATFORM,
        IGNITION_VERSION,
    ],
};

/// One of a node's `taints`.
pub const TAINT: Group = Group {
    called: "a taint",
    keys: &[
        key("key", Text(Form::Filled), Required, "The taint's key."),
        key("value", Text(Form::Text), Optional, "The taint's value."),
        key("effect", Choice(|| vec!["NoSchedule", "PreferNoSchedule", "NoExecute"]), Required, "What it does to pods."),
    ],
};

const FILE_PATH: Key = key("path", Text(Form::Path), Required, "Where it is on the machine.");
const FILE_CONTENT: Key = key("content", Text(Form::Text), Optional, "The text; or `from`.");
const FILE_FROM: Key = key("from", Text(Form::Filled), Optional, "The file whose bytes it gets; a path beside the profile.");
const FILE_PERMISSIONS: Key =
    key("permissions", Text(Form::Mode), Default("0644"), "Permission bits in octal; the owner is root.");

/// One of `files`.
pub const FILE: Group = Group {
    called: "a file",
    keys: &[
        FILE_PATH,
        FILE_CONTENT,
        FILE_FROM,
        FILE_PERMISSIONS,
        key("roles", Many(&Choice(|| Role::WORDS.to_vec())), Optional, "The roles whose machines get it; left out, all."),
    ],
};

/// One of a node's `files`.
pub const NODE_FILE: Group = Group { called: "a file", keys: &[FILE_PATH, FILE_CONTENT, FILE_FROM, FILE_PERMISSIONS] };

/// One of `users`.
pub const USER: Group = Group {
    called: "a user",
    keys: &[
        key("name", Text(Form::Login), Required, "The login name."),
        key("groups", Many(&Text(Form::Login)), Optional, "Supplementary groups, which the image must have."),
        key("sudo", Bool, Default("false"), "Whether sudo lets the user do everything without a password."),
        key("sshAuthorizedKeys", Many(&Text(Form::SshKey)), Optional, "Public keys that may log in; there are no passwords."),
    ],
};

/// `ntp`.
pub const NTP: Group =
    Group { called: "`ntp`", keys: &[key("servers", Many(&Text(Form::Host)), Required, "Time servers by name or address.")] };

/// One of `registryMirrors`.
pub const MIRROR: Group = Group {
    called: "a registry mirror",
    keys: &[
        key("registry", Text(Form::Registry), Required, "The registry as image names spell it, or `_default` for all others."),
        key("mirrors", Many(&Text(Form::Url)), Required, "URLs that are tried in order."),
    ],
};

/// One of `hosts`.
pub const HOST: Group = Group {
    called: "a hosts line",
    keys: &[
        key("address", Text(Form::Address), Required, "The address."),
        key("names", Many(&Text(Form::Name)), Required, "The names that stand for it."),
    ],
};

fn delivery_words() -> Vec<&'static str> {
    delivery::ALL.iter().map(|delivery| delivery.name).collect()
}

fn spec_words() -> Vec<&'static str> {
    SpecVersion::ALL.iter().map(|version| version.as_str()).collect()
}

fn platform_words() -> Vec<&'static str> {
    platform::ALL.iter().map(|platform| platform.name).collect()
}

fn os_words() -> Vec<&'static str> {
    crate::os::ALL.iter().map(|os| os.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(group: &'static Group, all: &mut Vec<&'static Group>) {
        all.push(group);
        for key in group.keys {
            if let Shape::Group(inner) | Shape::WordOr(_, inner) | Many(&Shape::Group(inner)) = key.shape {
                groups(inner, all);
            }
        }
    }

    #[test]
    fn every_key_is_unique_documented_and_its_default_sound() {
        let mut all = Vec::new();
        groups(&PROFILE, &mut all);
        assert!(all.len() > 12, "the walk finds the nested tables");
        for group in all {
            for (i, key) in group.keys.iter().enumerate() {
                assert!(group.keys[..i].iter().all(|other| other.name != key.name), "{} twice in {}", key.name, group.called);
                assert!(key.doc.ends_with('.') && !key.doc.trim_end_matches('.').is_empty(), "{}: one sentence", key.name);
                let Default(text) = key.need else { continue };
                let sound = match key.shape {
                    Text(form) => form.fault(text).is_none(),
                    Choice(words) => words().contains(&text),
                    Bool => matches!(text, "true" | "false"),
                    Number(low, high) => text.parse().is_ok_and(|n: u64| (low..=high).contains(&n)),
                    _ => false,
                };
                assert!(sound, "the default of {} in {}", key.name, group.called);
            }
        }
    }
}
