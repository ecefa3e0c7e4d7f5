//! The findings a profile can give: one table of stable codes, each with its weight and its explanation.
//!
//! In: nothing. Out: for every code its weight and a paragraph for `explain`. Absent on purpose: the
//! sentences of a single finding, which are made where it is found.

use crate::diag::Diagnostic;

/// What follows from a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Nothing is rendered.
    Fatal,
    /// Nothing is rendered unless the profile's `acknowledge` names the code.
    Objection,
    /// It is rendered; `acknowledge` silences the finding.
    Warning,
}

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable kebab-case name.
    pub name: &'static str,
    /// What follows from it.
    pub weight: Weight,
    /// Why it matters and what to do, in a paragraph.
    pub explanation: &'static str,
}

impl Code {
    /// Begins a finding of this kind.
    #[must_use]
    pub fn found(&self, title: impl Into<String>) -> Diagnostic {
        match self.weight {
            Weight::Fatal | Weight::Objection => Diagnostic::error(self.name, title),
            Weight::Warning => Diagnostic::warning(self.name, title),
        }
    }
}

/// Finds a code by its name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Code> {
    ALL.iter().copied().find(|code| code.name == name)
}

macro_rules! codes {
    ($($weight:ident $id:ident = $name:literal: $text:literal)+) => {
        $(
            #[doc = $text]
            pub static $id: Code = Code { name: $name, weight: Weight::$weight, explanation: $text };
        )+
        /// Every code, by subject.
        pub static ALL: &[&Code] = &[$(&$id),+];
    };
}

codes! {
    // The text.
    Fatal NOT_YAML = "not-yaml":
        "The text is not one YAML document, or it breaks a limit: nesting deeper than any profile needs, aliases that multiply, or more nodes than a \
         profile can hold. The place shown is where the reader gave up; the fault is often a line above it, in a bracket or a quote that was not closed."
    Fatal EMPTY_PROFILE = "empty-profile":
        "The file holds nothing but blanks and comments. The directory `profiles` has examples to start from."
    Fatal CONTROL_CHARACTER = "control-character":
        "A text holds a character that PyYAML, which cloud-init reads with, refuses even in quotes: one below space other than tab and line ends, DEL, \
         one from U+0080 to U+009F other than NEL, or U+FFFE or U+FFFF. The machine would get no configuration at all. A file that needs such bytes is \
         given with `from`; it then travels as base64."
    Fatal DUPLICATE_KEY = "duplicate-key":
        "A mapping has the same key twice. YAML readers disagree on which one counts, so neither does."
    // Shape.
    Fatal UNKNOWN_KEY = "unknown-key":
        "The mapping has no such key. kubeadm itself only warns of an unknown field and goes on without it; a misspelt `controlPlaneEndpoint` then costs the \
         API server its name in the certificate. Here every key is known or refused."
    Fatal MISSING_KEY = "missing-key":
        "A key that has no default is not given."
    Fatal WRONG_TYPE = "wrong-type":
        "A value has another type than its key takes: a mapping where a sequence belongs, a string where `true` or `false` does. `yes` and `on` are strings \
         here, as in YAML 1.2."
    Fatal UNKNOWN_VALUE = "unknown-value":
        "The key takes one of a few words, and this is none of them."
    Fatal EMPTY_VALUE = "empty-value":
        "The key is given an empty text that cannot mean anything."
    // Single values.
    Fatal INVALID_NAME = "invalid-name":
        "Names follow RFC 1123: labels of a-z, 0-9 and `-`, at most 63 characters each, joined by dots. Upper case is refused rather than folded, because \
         kubeadm folds it silently and certificates made for the other spelling would not match. A node's name has 63 characters at most in all: the \
         kubelet makes it the value of the label `kubernetes.io/hostname`."
    Fatal INVALID_ENDPOINT = "invalid-endpoint":
        "The control-plane endpoint is `host:port` as kubeadm wants it: no scheme, an IPv6 address in brackets, a port from 1 to 65535."
    Fatal INVALID_ADDRESS = "invalid-address":
        "The text is not an IP address, or it lacks or has a prefix length against what the key takes. A node's address carries the prefix length of its \
         network, because the machine's network is configured from it."
    Fatal INVALID_RANGE = "invalid-range":
        "A network range is its first address, `/` and a prefix length, with all bits after the prefix zero. For dual-stack two are written with a comma \
         between and no blank."
    Fatal INVALID_MAC = "invalid-mac":
        "A hardware address is six hex pairs joined by colons or hyphens, and not a multicast address. Put it in quotes: YAML 1.1 readers take digits with \
         colons for a number in base 60."
    Fatal INVALID_INTERFACE = "invalid-interface":
        "Linux allows an interface 15 bytes without blank, slash or colon; `*`, `?` and `[…]` match several."
    Fatal INVALID_VERSION = "invalid-version":
        "The Kubernetes version is three numbers, with or without `v`: the images and the kubeadm binary on the machine have exactly one. containerd's has two or three."
    Fatal VERSION_CHANNEL = "version-channel":
        "`stable`, `latest` and their like are channels. kubeadm resolves a channel by asking dl.k8s.io at first boot, waits for a timeout without internet, and \
         then takes its own version; the same profile would mean another cluster every month. Write the full version that the image has."
    Fatal UNKNOWN_VERSION = "unknown-version":
        "This build has no facts about that release of Kubernetes: which kubeadm API it reads, which images and flags it has. A release is one row of a table; \
         a newer build knows newer ones."
    Fatal INVALID_DURATION = "invalid-duration":
        "Durations are Go's, as in kubeadm's own files: whole numbers with `h`, `m` or `s`, such as `24h` or `1h30m`. There are no days."
    Fatal INVALID_NUMBER = "invalid-number":
        "The number is not a whole one, or it is out of the range that the key takes."
    Fatal INVALID_MODE = "invalid-mode":
        "Permission bits are three octal digits, with or without a zero before them. They are a text, not a number: YAML readers disagree on whether 0640 is \
         octal. Bits beyond 0777 are not given to files from a profile."
    Fatal INVALID_PATH = "invalid-path":
        "A path on a machine is absolute and spelled out: no `.`, no `..`, no empty part, no slash at the end."
    Fatal INVALID_HOST = "invalid-host":
        "The text is neither a DNS name nor an IP address."
    Fatal INVALID_URL = "invalid-url":
        "A mirror is reached by `http://` or `https://` and a host, and carries no password: the URL stands in clear on every machine."
    Fatal INVALID_REGISTRY = "invalid-registry":
        "A registry is the host part of an image's name, with a port where it has one: `registry.k8s.io`. containerd's `_default` stands for all that are not named."
    Fatal INVALID_LOGIN = "invalid-login":
        "Login and group names have 1 to 32 characters: a-z, 0-9, `_` and `-`, beginning with a letter or `_`."
    Fatal INVALID_RESOURCE = "invalid-resource":
        "What is encrypted is named as the API has it: the kind in the plural and lower case, and its group behind a dot unless it is the core's. The API server \
         exits over a configuration that says it otherwise."
    Fatal INVALID_SSH_KEY = "invalid-ssh-key":
        "A public key is one line of `authorized_keys`: its type, base64, a comment. The base64 begins with the type's name, so a key cut short in pasting is \
         noticed. The finding does not repeat the value: a private key pasted by mistake must not be shown."
    Fatal INVALID_LABEL = "invalid-label":
        "A label's or taint's key is a name of at most 63 characters, with an optional DNS prefix and a slash before it; its value has at most 63. Both begin \
         and end with a letter or digit and have `-`, `_` and `.` between. The kubelet exits on any other."
    // Nodes.
    Fatal NO_CONTROL_PLANE = "no-control-plane":
        "A cluster is founded by its first control plane, so at least one node has the role control-plane."
    Fatal DUPLICATE_NAME = "duplicate-name":
        "Two nodes share a name, or the first label of it, which is the host name. The name is the machine's identity in the cluster, in etcd and in the secrets \
         bundle: the second one would take the place of the first."
    Fatal DUPLICATE_ADDRESS = "duplicate-address":
        "Two machines share an address. Both would answer for it, and connections would reach either by chance."
    Fatal DUPLICATE_MAC = "duplicate-mac":
        "Two machines are told by the same hardware address."
    Fatal UNUSABLE_ADDRESS = "unusable-address":
        "The address cannot be a machine's: it is its network's own or broadcast address, or a loopback, link-local, multicast or unspecified one."
    Fatal GATEWAY_OUTSIDE = "gateway-outside":
        "A machine reaches its gateway without a gateway, so the gateway lies in the network of one of the machine's addresses and is not the machine itself."
    Fatal ADDRESS_FAMILY = "address-family":
        "`secondAddress` is for the other IP family: one IPv4 and one IPv6 address. Further addresses of one family are the image's business."
    Fatal NOT_FOR_ROLE = "not-for-role":
        "The key means nothing on a machine of this role: a load balancer runs no kubelet, and only a control plane has an API server that advertises an address."
    Fatal ADVERTISED_ELSEWHERE = "advertised-elsewhere":
        "An API server advertises an address of its own machine. What it advertises becomes the endpoint of the service `kubernetes` and the etcd member's address; \
         another machine's would send both astray."
    Warning EVEN_CONTROL_PLANES = "even-control-planes":
        "etcd needs a majority of its members. An even number survives no more failures than the odd number below it, and one machine more can fail."
    Warning EVEN_ETCD_MEMBERS = "even-etcd-members":
        "etcd needs a majority of its members. An even number of etcd machines survives no more failures than the odd number below it, and one machine more can fail; \
         of two, when one dies no cluster can be written to."
    Warning TWO_CONTROL_PLANES = "two-control-planes":
        "Of two control planes, when one dies the cluster is done for: the other one alone is no majority. Two are less available than one; three survive one failure."
    Warning SETTING_UNUSED = "setting-unused":
        "The setting has no effect beside another one: a static setting where DHCP configures the machine, an interface's name where the MAC already says which, \
         or what a founder would do where the cluster exists already."
    // Networks.
    Fatal NETWORK_OVERLAP = "network-overlap":
        "Pods, services and machines need ranges of their own. Where two overlap, packets for one are delivered to the other, and some machines or pods are out of reach for all."
    Fatal NETWORK_FAMILY = "network-family":
        "A cluster has one range of one family, or two of both, for pods and services alike and in the same order; its machines have an address of each. \
         kube-apiserver refuses to start when the family of its own address is not that of the first service range."
    Fatal DUAL_STACK_UNSUPPORTED = "dual-stack-unsupported":
        "Clusters with both IP families need a kubelet that registers two addresses. 1.20 has it behind the feature gate `IPv6DualStack`, which is then written; later \
         releases have it on."
    Fatal POD_NETWORK_SIZE = "pod-network-size":
        "Every node gets a piece of the pod range: a /24 of IPv4 or a /64 of IPv6, unless the controller manager's `node-cidr-mask-size` says otherwise. A node \
         for which no piece is left has no pods. kubeadm refuses a pod range that is smaller than one piece or more than 16 bits larger."
    Fatal SERVICE_NETWORK_SIZE = "service-network-size":
        "kubeadm wants room for at least ten services, because the tenth address is the DNS server's; kube-apiserver keeps a bitmap of at most 2^20 addresses, a /12 \
         of IPv4 or a /108 of IPv6."
    Fatal BRIDGE_NETWORK = "bridge-network":
        "`cni: bridge` has no overlay: nodes reach each other's pods by a route whose next hop is the other node, which must be on the same network. Spread over \
         several networks, a cluster needs a pod network with an overlay or a routing protocol, given by `manifests`."
    Warning NO_POD_NETWORK = "no-pod-network":
        "kubeadm brings no pod network. Without one every node stays NotReady and no pod but those on the machine's own network starts."
    // The endpoint and what answers there.
    Fatal ENDPOINT_TAKEN = "endpoint-taken":
        "The control-plane endpoint is an address that belongs to a machine which is not what answers there. With a load balancer on machines of the profile it is \
         one of theirs; with an external one it is no node's; with none it is the only control plane's."
    Fatal ENDPOINT_ELSEWHERE = "endpoint-elsewhere":
        "The control-plane endpoint is an address that no machine of the profile has, though the profile says that one of them answers there."
    Fatal ENDPOINT_IS_NODE_NAME = "endpoint-is-node-name":
        "The endpoint's name is a node's name, but the endpoint is answered elsewhere. The name would have two addresses in `/etc/hosts`, and which one counts differs from machine to machine."
    Fatal ENDPOINT_PORT = "endpoint-port":
        "Without a load balancer nothing maps ports: the endpoint's port must be the API server's own."
    Fatal PORT_CLASH = "port-clash":
        "Two programs on one machine would listen on the same port; the second one does not start."
    Warning ENDPOINT_IS_ADDRESS = "endpoint-is-address":
        "A name can be given to another machine; an address stands in every certificate, kubeconfig and the cluster's own configuration for good. Where a load balancer cannot \
         send a machine's connection back to itself, a name can also be pinned to the machine's own address while it joins; an address cannot."
    Warning ENDPOINT_UNRESOLVED = "endpoint-unresolved":
        "Every machine must resolve the endpoint's name, and nothing in the profile says how: no `loadBalancer.address`, no line in `hosts`, no resolver. Machines whose \
         image brings a resolver that knows the name are fine."
    Fatal LOAD_BALANCER_MISSING = "load-balancer-missing":
        "Something must pass connections on to the control planes: machines of role load-balancer for `kind: haproxy`, and any load balancer at all where there is more than one control plane."
    Fatal LOAD_BALANCER_UNUSED = "load-balancer-unused":
        "A machine has the role load-balancer, but the endpoint is answered by something else; it would have nothing to do."
    Fatal LOAD_BALANCER_ADDRESS = "load-balancer-address":
        "`loadBalancer.address` says where an external load balancer is. With another kind the address is a machine's of the profile; with an endpoint that is itself an address it must be the same one."
    Fatal LOAD_BALANCER_HAIRPIN = "load-balancer-hairpin":
        "`hairpin: false` says that the external load balancer drops a machine's connection that would come back to it. While it founds, the machine then answers by the \
         endpoint's name itself, which works for a name with the port of the API servers alone. HAProxy, and a single control plane, lead everybody back."
    Warning SEVERAL_LOAD_BALANCERS = "several-load-balancers":
        "Each HAProxy machine can pass connections on, but a name in `/etc/hosts` leads to the first. The others stand by until the name or the address is moved by hand. \
         An external load balancer, or a DNS name with several addresses, uses all of them."
    // Release, keys, joining.
    Fatal KEY_ALGORITHM_UNREADABLE = "key-algorithm-unreadable":
        "kubeadm up to 1.14 reads RSA keys only: with others it stops with \"isn't in RSA format\" (kubeadm #984)."
    Fatal DISTRIBUTION_UNSUPPORTED = "distribution-unsupported":
        "kubeadm uploads and downloads the shared keys since 1.14, and does without the keys of the front-proxy and etcd authorities since 1.20. Before, all keys are in each control plane's image: `embedded`."
    Fatal CREDENTIAL_UNSUPPORTED = "credential-unsupported":
        "A machine that proves itself with a certificate finds it in its discovery file, which kubeadm reads since 1.16; discovery by token brings no file."
    Fatal DELIVERY_FORMAT = "delivery-format":
        "An image is for machines that look for it. One whose system has the other first-boot program, or has Ignition look elsewhere, would boot without its \
         seed and wait for ever."
    Fatal DUPLICATE_DELIVERY = "duplicate-delivery":
        "`deliver` names an image twice; a machine's directory has each image once."
    Fatal DELIVERY_NEEDS_MAC = "delivery-needs-mac":
        "A config drive describes the network in OpenStack's words, which know an interface by its hardware address alone; without one cloud-init stops with \"Unable to find a system nic\"."
    Fatal PLATFORM_FORMAT = "platform-format":
        "Some platforms have no way to hand a seed to some first-boot programs: the machine would boot without it."
    Fatal IGNITION_VERSION = "ignition-version":
        "Ignition stops at a config of a spec version that it does not know, and the machine ends in its emergency shell. cloud-init has no such versions."
    Warning TOKEN_NEVER_EXPIRES = "token-never-expires":
        "A bootstrap token lets whoever holds it bring a machine of any name into the cluster. One that never expires does so for as long as the cluster lives, \
         from any copy of an image. What it buys is that a wiped machine rejoins at any time."
    Warning TOKEN_SHORT_LIVED = "token-short-lived":
        "Tokens live from the founding on. Machines that boot after they expired, or are wiped after that, cannot join without a new one, and an hour passes quickly when hardware is slow."
    Warning BOOTSTRAPPER_CERTIFICATE = "bootstrapper-certificate":
        "With `credential: certificate` each image holds a certificate of the bootstrappers' group. Whoever has one may request the certificate of any node, until it ends or \
         `strictCsr` has closed, and it cannot be taken back: unlike a token it is no object that could be deleted. `identity` is one node and no other; a token can be deleted."
    Warning CERTIFICATE_SHORT_LIVED = "certificate-short-lived":
        "A bootstrap certificate lives from its issue on, which is when the bundle is made, and the founder may wait until `foundWithin` is over. A cluster that is founded late then takes none of \
         the machines that are to join it."
    Fatal CERTIFICATE_WINDOW = "certificate-window":
        "With no time to live, a bootstrap certificate has ended when it is issued, and no machine can join."
    Fatal FOUND_WINDOW = "found-window":
        "With no time in which to found, no cluster is ever founded."
    Warning FOUND_ALONE = "found-alone":
        "With `found: alone` two minutes of silence count as proof that no cluster exists. Silence is also what a wiped first control plane hears during a network fault: it would \
         found a second cluster that the same credentials trust."
    // kubeadm's documents and the components' arguments.
    Fatal FIELD_NOT_IN_RELEASE = "field-not-in-release":
        "A document has a field that kubeadm, the kubelet or kube-proxy of this release does not know, and that says nothing an older or newer field could. \
         kubeadm would warn and go on without it, so that what was meant does not happen."
    Fatal DOCUMENT_CONFLICT = "document-conflict":
        "A document says something else than the profile does, or sets what follows from the profile and the secrets bundle. Certificates, kubeconfigs and the \
         load balancer are made for what the profile says."
    Fatal ETCD_DATA = "etcd-data":
        "First boot tells an empty machine from one with a member by etcd's data, and moves data aside by renaming it. kubeadm mounts one directory into etcd's pod. Both must mean the \
         same one, and a disk declared with `etcdDisk` is mounted on the directory above it."
    Fatal ETCD_DISK = "etcd-disk":
        "`etcdDisk` names a block device as udev does, below /dev. It goes into a mount unit, where blanks, backslashes and percent signs would mean something else."
    Warning DISK_NUMBERED = "disk-numbered":
        "Names such as /dev/sdb count disks in the order in which the kernel finds them, which may change with a disk, a cable or a kernel. The names under /dev/disk follow what is on the disk, \
         or where it is plugged in."
    Fatal PER_MACHINE = "per-machine":
        "A setting that is read by more than one machine has a value that can only be right on one: a name or an address."
    Fatal BIND_PORT = "bind-port":
        "Every API server listens on port 6443: load balancers, probes and machines that look for the cluster are made for it. Which port clients use is said by \
         `controlPlaneEndpoint`; a load balancer translates."
    Fatal REPEATED_ARGUMENT = "repeated-argument":
        "Up to Kubernetes 1.30 kubeadm's documents have arguments as a mapping, in which no name stands twice. From 1.31 on they are a list, and an argument may be repeated."
    Fatal ARGUMENT_NAME = "argument-name":
        "kubeadm puts two dashes before the name of an argument. With dashes of its own it becomes a flag that no component knows."
    Fatal OTHER_RUNTIME = "other-runtime":
        "Machines run containerd: it is what first boot configures, starts and checks. Docker is not a runtime for the kubelet since 1.24, when dockershim went; \
         containerd, which Docker itself uses, works with every release."
    Objection CONTAINERD_UNSUPPORTED = "containerd-unsupported":
        "The kubelet and containerd speak CRI with each other. Kubernetes speaks CRI v1 alone since 1.26, which containerd does since 1.6; it speaks v1alpha2 alone up to 1.22, which \
         containerd dropped with 2.0. Where they have no version in common the kubelet exits or no pod starts."
    Objection FLAG_REMOVED = "flag-removed":
        "The component of this release does not have the flag and exits with \"unknown flag\". The finding says since when, and what took its place."
    Objection FLAG_VALUE = "flag-value":
        "The component of this release has the flag, but exits over the value: it is one that went, or not of the kind the flag takes."
    Objection FEATURE_GATE_UNKNOWN = "feature-gate-unknown":
        "The feature gate does not exist in this release: it comes later, or was never there, or went. Gates go a few releases after what they guard is settled; a component \
         exits over one that it does not know."
    Objection FEATURE_GATE_LOCKED = "feature-gate-locked":
        "What the feature gate guards is settled in this release and cannot be switched any more; a component exits over the attempt."
    Objection ADMISSION_PLUGIN_REMOVED = "admission-plugin-removed":
        "The API server of this release does not have the admission plugin and exits over its name. PodSecurityPolicy went with 1.25; Pod Security admission, set by labels of namespaces, took its place."
    Objection ADMISSION_PLUGIN_UNKNOWN = "admission-plugin-unknown":
        "The release has no admission plugin of that name: it comes later, or is misspelt. The API server exits over it, whether it is to be switched on or off."
    Objection OWNED_ARGUMENT = "owned-argument":
        "The argument is kubeadm's or this tool's own: what the machine runs is made for what they say, and another value would keep the machine from starting, or from \
         being found. The profile has a key for most of it."
    Objection OBJECT_REMOVED = "object-removed":
        "A manifest has an object of a kind that the release's API server does not have any more; it cannot be applied, and neither is what follows it."
    Objection ANONYMOUS_AUTH = "anonymous-auth":
        "With `anonymous-auth: false` the API server answers its own liveness probe with 401, and the kubelet restarts it for ever. Load balancers and joining machines ask \
         without a credential too. RBAC already limits what anonymous requests see. A cluster whose static pods are patched to probe otherwise can acknowledge this."
    Objection AUTHORIZATION_MODE = "authorization-mode":
        "kubeadm's clusters authorise by `Node` and `RBAC`. Without the first kubelets have no rights; without the second nothing that kubeadm grants has effect. Further modes may stand beside them."
    Objection API_UNREACHABLE = "api-unreachable":
        "The API server would listen where neither the load balancer nor the other machines nor its own probes look for it."
    Objection JOINING_DISABLED = "joining-disabled":
        "Machines prove themselves with bootstrap tokens when they join. The API server would not take any."
    Fatal MALFORMED_TOKEN = "malformed-token":
        "kubeadm reads a bootstrap token as six characters, a dot and sixteen characters, each of a-z and 0-9; its usages are `signing` and `authentication`, its groups \
         begin with `system:bootstrappers:`, and it has a `ttl` or `expires`, not both."
    Objection ETCD_TOO_OLD = "etcd-too-old":
        "kubeadm of this release starts etcd with arguments and probes that an older etcd does not have: its pod restarts for ever."
    Objection PUBLISHED_TOKEN = "published-token":
        "`abcdef.0123456789abcdef` is the bootstrap token of kubeadm's examples and of `kubeadm config print init-defaults`. In a cluster that takes it whoever reaches the API can join a machine, and read what nodes may read."
    Objection FILE_NOT_MOUNTED = "file-not-mounted":
        "Components of the control plane run in containers. Of the machine's files each sees the few directories that kubeadm mounts, and what `extraVolumes` adds. A component that does not find a file it is told to read exits."
    Fatal DUPLICATE_RESOURCE = "duplicate-resource":
        "The API server exits over an encryption configuration that names a resource twice."
    Fatal ENCRYPTION_UNSUPPORTED = "encryption-unsupported":
        "Custom resources are encrypted since 1.26. Before, the API server takes their names in its configuration and stores them in plain all the same."
    Objection ENCRYPTION_EXPOSED = "encryption-exposed":
        "Whoever has the keys of an EncryptionConfiguration reads what etcd stores and what a backup of it holds. Only API servers need them, and those run as root \
         on control planes. `encryption` makes such a configuration with a key of the secrets bundle, which no other machine gets."
    Objection LABEL_REFUSED = "label-refused":
        "Since 1.16 the kubelet exits over `--node-labels` in the name spaces `kubernetes.io` and `k8s.io`, but for a short list and all below `kubelet.kubernetes.io` and `node.kubernetes.io`. Roles such as \
         `node-role.kubernetes.io/worker` are for administrators to give."
    Objection CGROUP_DRIVER = "cgroup-driver":
        "The kubelet and containerd must manage cgroups the same way. containerd is configured for systemd, which is also the init system of the machines."
    Objection STATIC_POD_PATH = "static-pod-path":
        "kubeadm writes the control plane's pods to `/etc/kubernetes/manifests`. A kubelet that looks elsewhere starts none of them."
    Warning NODE_RESTRICTION = "node-restriction":
        "`enable-admission-plugins` replaces kubeadm's own value, `NodeRestriction`. That plugin holds each kubelet to its own node and the pods on it; without it whoever takes one machine can change them all."
    Warning CONTROLLER_MISSING = "controller-missing":
        "`controllers` replaces kubeadm's own value, `*,bootstrapsigner,tokencleaner`. The last two are not part of `*`: the first signs what machines discover the cluster by when they do so by token, the second removes expired tokens."
    Warning PLAIN_PORT = "plain-port":
        "The flag is about a port that is served without TLS and without asking who is there. kubeadm closes those ports; Kubernetes dropped them step by step from 1.20 to 1.24."
    Warning LISTENS_EVERYWHERE = "listens-everywhere":
        "kubeadm has the controller manager and the scheduler listen on 127.0.0.1. On every address their metrics and profiles are within reach of the network; the CIS benchmark objects."
    Warning IN_TREE_CLOUD = "in-tree-cloud":
        "Cloud providers compiled into Kubernetes are off by default since 1.29 and gone since 1.31. `external` leaves the cloud to its own controller manager, which exists for every cloud."
    Warning FILE_NOT_DELIVERED = "file-not-delivered":
        "A component reads a file of the machine that nothing in the profile puts there. It is right when the image has it."
    Warning AUDIT_LOG_LOST = "audit-log-lost":
        "A path that is in no volume lies in the container of the API server. A log there goes with the container, which is replaced at every restart, and fills the machine's disk until then."
    Warning AUDIT_POLICY_MISSING = "audit-policy-missing":
        "Without a policy the API server logs no event, wherever the log is."
    Warning TAINT_RENAMED = "taint-renamed":
        "Control planes are tainted `node-role.kubernetes.io/master` up to 1.23, with that and `node-role.kubernetes.io/control-plane` in 1.24, and with the latter alone since 1.25. \
         Pods that tolerate one of them do not run where there is the other."
    Warning SWAP_ALLOWED = "swap-allowed":
        "First boot switches swap off, but where the kubelet is told not to mind it. Limits of memory then do not hold, unless `memorySwap` says how."
    Warning CGROUP_VERSION = "cgroup-version":
        "Since 1.35 the kubelet refuses a machine with cgroup v1 unless `failCgroupV1` is false. kubeadm's preflight refuses it as well."
    Warning PROXY_MODE_DEPRECATED = "proxy-mode-deprecated":
        "kube-proxy's mode still works in this release, and will be gone in a later one; a cluster that uses it has to change before it is upgraded that far."
    Warning CONTAINERD_UNTESTED = "containerd-untested":
        "containerd's makers publish which of its versions they run with which Kubernetes, in RELEASES.md. An older one usually works, and gets no repairs when it does not."
    Warning INTERFACE_PATTERN = "interface-pattern":
        "netplan finds an interface by a pattern such as `e*`, which is also what an address without `mac` and `interface` is given by. cloud-init's writers for NetworkManager, sysconfig, ifupdown and \
         systemd-networkd do not: they configure an interface that is called otherwise than any the machine has, and it comes up without network. Debian's cloud images have netplan since 12; an older or smaller \
         one may not."
    Warning IMPATIENT_INIT = "impatient-init":
        "kubeadm 1.33.6 to 1.33.11, 1.34.2 to 1.34.7, 1.35.0 to 1.35.4 and 1.36.0 talk to the API through the load balancer right after the first API server came up, and give up after a minute. Earlier \
         ones waited longer, later ones ask their own API server."
    // Files, users, mirrors.
    Fatal DUPLICATE_FILE = "duplicate-file":
        "Two files have the same path on one machine; the second would replace the first."
    Fatal FILE_PARENT = "file-parent":
        "One file's path runs through another file as if it were a directory."
    Fatal RESERVED_PATH = "reserved-path":
        "kubespore, kubeadm or cloud-init writes this file itself. Two writers of one file means that one of them loses, and which one depends on the order of first boot. The finding names the key that sets what the file holds, where there is one."
    Fatal FILE_CONTENT = "file-content":
        "A file gets its bytes from `content` or from `from`: one of them, not both."
    Fatal UNREADABLE_FILE = "unreadable-file":
        "A file that the profile refers to cannot be read. Relative paths count from the profile's directory."
    Fatal INVALID_MANIFEST = "invalid-manifest":
        "A manifest is YAML text of one or more documents, each with `apiVersion` and `kind`. The founder would otherwise find out after the cluster stands."
    Fatal DUPLICATE_MANIFEST = "duplicate-manifest":
        "Manifests lie in one directory on the founder, under their file names; two of the same name cannot."
    Fatal DUPLICATE_USER = "duplicate-user":
        "Two users have the same login name; `sshAuthorizedKeys` at the top makes a user named `kubespore`."
    Warning USER_WITHOUT_KEY = "user-without-key":
        "Users have no password. One without a public key can never log in."
    Fatal DUPLICATE_REGISTRY = "duplicate-registry":
        "A registry is given twice; put all of its mirrors into one entry, in the order in which they are to be tried."
    Fatal HOST_TAKEN = "host-taken":
        "The name belongs to a node or to the endpoint, whose address every machine's `/etc/hosts` already has. A second line would give it another."
    // The profile about itself.
    Warning UNKNOWN_CODE = "unknown-code":
        "`acknowledge` names a code that does not exist; it has no effect."
    Warning UNUSED_ACKNOWLEDGE = "unused-acknowledge":
        "`acknowledge` names a code that nothing in this profile gives. Left there, it would hide the finding on the day it comes."
    Warning CANNOT_ACKNOWLEDGE = "cannot-acknowledge":
        "`acknowledge` keeps warnings quiet and overrides objections. A profile that cannot work at all is not made to work by knowing it."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_kebab_case_and_explained() {
        for (i, code) in ALL.iter().enumerate() {
            assert!(ALL[..i].iter().all(|other| other.name != code.name), "{}", code.name);
            assert!(
                code.name.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase())),
                "{}",
                code.name
            );
            assert!(code.explanation.ends_with('.') && !code.explanation.contains("  "), "{}", code.name);
        }
    }
}
