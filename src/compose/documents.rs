//! kubeadm's documents for one machine, and the lines that hand them to kubeadm.
//!
//! In: a plan. Out: one file an act below /etc/kubespore/kubeadm. Absent on purpose: shapes of releases
//! (`kubeadm`), and who may hold which secret (`plan::Holds`).

use serde_json::{Map, Value, json};
use time::Duration;
use zeroize::Zeroizing;

use super::preflight;
use crate::host::File;
use crate::kubeadm::{self, Documents, duration, merge};
use crate::kubernetes::{CertificateKeyInput, DualStack, KUBELET_DROP_INS};
use crate::plan::{Act, ClusterPlan, NodePlan};
use crate::profile::spec::{Cni, Discovery, Distribution};
use crate::runtime::CRI_SOCKET;
use crate::secret::Secret;
use crate::secrets::{self, Joiner};
use crate::templates::fill;

const INIT: &str = "/etc/kubespore/kubeadm/init.yaml";
const JOIN: &str = "/etc/kubespore/kubeadm/join.yaml";
const CERTIFICATE_KEY: &str = "/etc/kubespore/kubeadm/certificate-key";
const DISCOVERY: &str = "/etc/kubespore/discovery.conf";

/// In etcd's cluster token, what the founder replaces by a number of its own before it founds: by the token a cluster is told
/// from one that was founded before it on machines of the same names. A member that joins takes its cluster's identity from
/// the others (etcd, `server/etcdserver/bootstrap.go`).
const FOUNDING: &str = "@founding@";

/// The kubelet's flag for labels.
const NODE_LABELS: &str = "node-labels";

/// The group that kubeadm's rights for joining nodes are bound to
/// (`cmd/kubeadm/app/constants/constants.go`, `NodeBootstrapTokenAuthGroup`).
const BOOTSTRAPPERS: &str = "system:bootstrappers:kubeadm:default-node-token";

/// Slow disks and links are no reason to fail: kubeadm's own limits are 4, 4, 1, 2, 5 and 5 minutes
/// (`cmd/kubeadm/app/apis/kubeadm/v1beta4/defaults.go`).
const TIMEOUTS: [(&str, Duration); 6] = [
    ("controlPlaneComponentHealthCheck", Duration::minutes(15)),
    ("kubeletHealthCheck", Duration::minutes(10)),
    ("kubernetesAPICall", Duration::minutes(5)),
    ("etcdAPICall", Duration::minutes(10)),
    ("tlsBootstrap", Duration::minutes(10)),
    ("discovery", Duration::minutes(10)),
];

/// Makes the documents and what they refer to.
pub fn files(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Vec<File> {
    let mut files = Vec::new();
    if node.act == Act::Found {
        files.push(File::new(INIT, 0o600, kubeadm::write(&init(cluster, node), cluster.release)));
    }
    files.push(File::new(JOIN, 0o600, kubeadm::write(&join(cluster, node), cluster.release)));
    if cluster.spec.join.discovery == Discovery::File {
        let token = own_token(cluster, node);
        let user = match node.holds.join_certificate() {
            Some(leaf) => Some(Joiner::Certificate(cluster.leaf(node, leaf))),
            None => {
                let shown = node.holds.own_token && cluster.release.discovery_client_certificate && limits_anonymous(cluster);
                shown.then_some(Joiner::Token(&token))
            }
        };
        let text = secrets::discovery_kubeconfig(cluster.bundle, &cluster.spec.endpoint.to_string(), user);
        files.push(File::new(DISCOVERY, 0o600, text));
    }
    if !node.spec.kubelet.is_empty() {
        let own = Documents { kubelet: node.spec.kubelet.clone(), ..Documents::default() };
        files.push(File::new(format!("{KUBELET_DROP_INS}/50-node.conf"), 0o600, kubeadm::write(&own, cluster.release)));
    }
    if key_is_flag(cluster, node) {
        files.push(File::new(CERTIFICATE_KEY, 0o600, format!("{}\n", cluster.bundle.certificate_key.expose())));
    }
    files
}

/// Whether the API server may refuse who asks without a credential: then discovery shows one, and kubeadm goes on when it may not
/// read the cluster-info after all.
fn limits_anonymous(cluster: &ClusterPlan<'_>) -> bool {
    let arguments = cluster.spec.documents.cluster.get("apiServer").and_then(|server| server.get("extraArgs")?.as_array());
    arguments.into_iter().flatten().any(|argument| {
        let refused = argument.get("value").is_some_and(|value| value == "false");
        is_named(argument, "authentication-config") || is_named(argument, "anonymous-auth") && refused
    })
}

/// Returns the lines a machine runs, with no secret in them; a load balancer and an etcd machine run none.
#[must_use]
pub fn join_command(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Option<String> {
    let mut words = match node.act {
        Act::Balance | Act::RunEtcd => return None,
        Act::Found => {
            let mut words = vec!["kubeadm init --config".to_owned(), INIT.to_owned()];
            words.extend(init_flags(cluster));
            words
        }
        Act::JoinControlPlane | Act::JoinWorker => vec!["kubeadm join --config".to_owned(), JOIN.to_owned()],
    };
    if key_is_flag(cluster, node) {
        words.push(format!("--certificate-key \"$(cat {CERTIFICATE_KEY})\""));
    }
    let tokens = match node.act {
        Act::Found => format!("kubeadm init phase bootstrap-token --config {INIT}\n"),
        _ => String::new(),
    };
    Some(words.join(" ") + "\n" + &tokens)
}

/// Returns the classic line with every secret on it, as a person would type it, for a node that joins with a token.
#[must_use]
pub fn classic_join_command(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> String {
    let plane = matches!(node.act, Act::Found | Act::JoinControlPlane);
    let (endpoint, hash) = (&cluster.spec.endpoint, cluster.bundle.discovery_hash());
    let mut line = format!("kubeadm join {endpoint} --token {} --discovery-token-ca-cert-hash {hash}", own_token(cluster, node));
    if plane {
        line.push_str(&format!(" {}", cluster.release.control_plane_join_flag));
        if cluster.spec.pki.distribution == Distribution::CertificateKey {
            line.push_str(&format!(" --certificate-key {}", cluster.bundle.certificate_key.expose()));
        }
    }
    line + "\n"
}

/// Returns the script that uploads the shared keys anew, the certificate key in it; `None` where no machine fetches them.
/// Which control plane runs it does not matter.
#[must_use]
pub fn upload_script(cluster: &ClusterPlan<'_>) -> Option<Secret> {
    #[derive(serde::Serialize)]
    struct Blanks<'a> {
        cluster: &'a str,
        documents: &'a str,
        key: Option<&'a str>,
        flag: &'a str,
    }
    let flag = cluster.release.upload_certs_flag?;
    let plane = cluster.control_planes().find(|plane| plane.holds.certificate_key)?;
    let mut documents = Documents { cluster: cluster_configuration(cluster), ..Documents::default() };
    merge(&mut documents.cluster, &cluster.spec.documents.cluster);
    documents.init.insert("nodeRegistration".into(), json!({"criSocket": CRI_SOCKET}));
    documents.init.insert("localAPIEndpoint".into(), local_endpoint(plane));
    documents.init.extend(key_in_document(cluster, plane).map(|key| ("certificateKey".to_owned(), key)));
    let written = Zeroizing::new(kubeadm::write(&documents, cluster.release));
    let blanks = Blanks {
        cluster: cluster.spec.name.as_str(),
        documents: &written,
        key: key_is_flag(cluster, plane).then(|| cluster.bundle.certificate_key.expose()),
        flag,
    };
    Some(Secret::new(fill("output/upload-certs.sh.j2", &blanks)))
}

/// The flags of `kubeadm init`: nothing secret is printed, certificates are uploaded where the profile wants it, and
/// nobody can join before the founder has noted that it founded. The flag overrides the document's own list.
pub fn init_flags(cluster: &ClusterPlan<'_>) -> Vec<String> {
    let user = cluster.spec.documents.init.get("skipPhases").and_then(Value::as_array);
    let user = user.into_iter().flatten().filter_map(Value::as_str);
    let skipped: Vec<_> = cluster.release.token_phases.iter().copied().chain(user).collect();
    let mut flags = vec![format!("--skip-phases={}", skipped.join(",")), "--skip-token-print".to_owned()];
    if cluster.spec.pki.distribution == Distribution::CertificateKey {
        flags.extend(cluster.release.upload_certs_flag.map(str::to_owned));
        flags.extend(cluster.release.skip_certificate_key_print.then(|| "--skip-certificate-key-print".to_owned()));
    }
    flags
}

fn key_is_flag(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> bool {
    node.holds.certificate_key && cluster.release.certificate_key == CertificateKeyInput::Flag
}

fn key_in_document(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Option<Value> {
    let wanted = node.holds.certificate_key && cluster.release.certificate_key == CertificateKeyInput::Document;
    wanted.then(|| Value::from(cluster.bundle.certificate_key.expose()))
}

fn init(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Documents {
    let user = &cluster.spec.documents;
    let mut init = Map::new();
    init.insert("bootstrapTokens".into(), Value::Array(tokens(cluster)));
    init.insert("nodeRegistration".into(), registration(cluster, node, &user.init));
    init.insert("localAPIEndpoint".into(), local_endpoint(node));
    init.extend(key_in_document(cluster, node).map(|key| ("certificateKey".to_owned(), key)));
    init.insert("timeouts".into(), timeouts());
    let mut documents = Documents {
        init,
        cluster: cluster_configuration(cluster),
        join: Map::new(),
        kubelet: object(json!({"cgroupDriver": "systemd"})),
        kube_proxy: object(json!({"mode": "iptables"})),
    };
    merge(&mut documents.init, &without_united(&user.init));
    merge(&mut documents.cluster, &user.cluster);
    merge(&mut documents.kubelet, &user.kubelet);
    merge(&mut documents.kube_proxy, &user.kube_proxy);
    documents
}

fn join(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Documents {
    let user = &cluster.spec.documents.join;
    let token = node.holds.own_token.then(|| own_token(cluster, node));
    let mut discovery = match cluster.spec.join.discovery {
        Discovery::File => object(json!({"file": {"kubeConfigPath": DISCOVERY}})),
        Discovery::Token => object(json!({
            "bootstrapToken": {
                "token": token,
                "apiServerEndpoint": cluster.spec.endpoint.to_string(),
                "caCertHashes": [cluster.bundle.discovery_hash()],
            },
        })),
    };
    // Without one, the certificate in the discovery file is the credential (`cmd/kubeadm/app/discovery/discovery.go`).
    discovery.extend(token.map(|token| ("tlsBootstrapToken".to_owned(), Value::from(token))));
    let mut join = Map::new();
    join.insert("nodeRegistration".into(), registration(cluster, node, user));
    join.insert("discovery".into(), Value::Object(discovery));
    if matches!(node.act, Act::Found | Act::JoinControlPlane) {
        let mut plane = object(json!({"localAPIEndpoint": local_endpoint(node)}));
        // Given the key, kubeadm insists on the upload, which ends; the founder has in its image what would be downloaded.
        let key = key_in_document(cluster, node).filter(|_| node.act != Act::Found);
        plane.extend(key.map(|key| ("certificateKey".to_owned(), key)));
        join.insert("controlPlane".into(), Value::Object(plane));
    }
    join.insert("timeouts".into(), timeouts());
    merge(&mut join, &without_united(user));
    Documents { join, ..Documents::default() }
}

/// Every node's token, whatever its machine does first: the founder may have to join one day.
fn tokens(cluster: &ClusterPlan<'_>) -> Vec<Value> {
    let usages: &[&str] = match cluster.spec.join.discovery {
        Discovery::File => &["authentication"],
        Discovery::Token => &["signing", "authentication"],
    };
    let ttl = duration(cluster.spec.join.token_ttl);
    let of = |node: &&NodePlan<'_>| node.holds.own_token;
    let tokens = cluster.nodes.iter().filter(of).map(|node| {
        json!({
            "token": own_token(cluster, node),
            "description": format!("joins {} to {}", node.spec.name, cluster.spec.name),
            "ttl": ttl,
            "usages": usages,
            "groups": [BOOTSTRAPPERS],
        })
    });
    let tokens: Vec<_> = tokens.collect();
    if !tokens.is_empty() {
        return tokens;
    }
    // Nobody joins by a token. kubeadm takes an empty list for none given and makes a token that opens the cluster for a day
    // (`cmd/kubeadm/app/apis/kubeadm/v1beta*/defaults.go`), so it is told of one whose group has no rights and that ends
    // at once.
    vec![json!({
        "description": "opens nothing",
        "ttl": "1s",
        "usages": ["authentication"],
        "groups": ["system:bootstrappers:kubespore:none"],
    })]
}

fn own_token(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> String {
    let secrets = cluster.bundle.nodes.get(node.spec.name.as_str()).expect("the bundle has an entry for every node");
    secrets.token.whole().expose().to_owned()
}

fn registration(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>, user: &Map<String, Value>) -> Value {
    let spec = node.spec;
    let mut arguments = vec![("node-ip".to_owned(), node_addresses(cluster, node, user))];
    let labels = labels(node, user);
    if !labels.is_empty() {
        arguments.push((NODE_LABELS.to_owned(), labels.join(",")));
    }
    if let Some(directory) = node.os.volume_plugin_dir {
        arguments.push(("volume-plugin-dir".to_owned(), directory.to_owned()));
    }
    if !spec.kubelet.is_empty() {
        arguments.push(("config-dir".to_owned(), KUBELET_DROP_INS.to_owned()));
    }
    arguments.extend(spec.kubelet_extra_args.iter().filter(|(name, _)| name != NODE_LABELS).cloned());
    let arguments: Vec<_> = arguments.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let mut registration = object(json!({"name": spec.name.as_str(), "criSocket": CRI_SOCKET, "kubeletExtraArgs": arguments}));
    if let Some(taints) = &spec.taints {
        registration.insert("taints".into(), Value::from(taints.clone()));
    }
    let ignored = preflight::ignored(cluster, node, user);
    if !ignored.is_empty() {
        registration.insert("ignorePreflightErrors".into(), json!(ignored));
    }
    Value::Object(registration)
}

/// The labels the kubelet registers, wherever they are given: of one key, the one that is nearest to the machine counts.
fn labels(node: &NodePlan<'_>, user: &Map<String, Value>) -> Vec<String> {
    let of_document = arguments(user).filter(|argument| is_named(argument, NODE_LABELS));
    let of_document = of_document.filter_map(|argument| argument.get("value")?.as_str()).flat_map(|text| text.split(','));
    let own = node.spec.labels.iter().map(|(key, value)| format!("{key}={value}"));
    let flags = node.spec.kubelet_extra_args.iter().filter(|(name, _)| name == NODE_LABELS);
    let flags = flags.flat_map(|(_, text)| text.split(','));
    let key = |label: &str| label.split('=').next().unwrap_or_default().to_owned();
    let mut labels: Vec<String> = Vec::new();
    for label in of_document.map(str::to_owned).chain(own).chain(flags.map(str::to_owned)) {
        labels.retain(|other| key(other) != key(&label));
        labels.push(label);
    }
    labels
}

/// The user's document without what `registration` has united with what is our own: labels and ignored checks.
fn without_united(user: &Map<String, Value>) -> Map<String, Value> {
    let mut document = user.clone();
    if let Some(registration) = document.get_mut("nodeRegistration").and_then(Value::as_object_mut) {
        registration.remove("ignorePreflightErrors");
        if let Some(arguments) = registration.get_mut("kubeletExtraArgs").and_then(Value::as_array_mut) {
            arguments.retain(|argument| !is_named(argument, NODE_LABELS));
        }
    }
    document
}

/// The kubelet's arguments in a user's document.
fn arguments(user: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let list = user.get("nodeRegistration").and_then(|node| node.get("kubeletExtraArgs")?.as_array());
    list.into_iter().flatten()
}

fn is_named(argument: &Value, name: &str) -> bool {
    argument.get("name").is_some_and(|own| own == name)
}

fn both_families(cluster: &ClusterPlan<'_>) -> bool {
    cluster.spec.networking.service_subnets.len() > 1
}

/// The addresses the kubelet registers, so that it need not guess between interfaces; a kubelet that takes no pair, the first.
fn node_addresses(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>, user: &Map<String, Value>) -> String {
    const CLOUD: &str = "cloud-provider";
    let cloud = arguments(user).any(|argument| is_named(argument, CLOUD))
        || node.spec.kubelet_extra_args.iter().any(|(name, _)| name == CLOUD);
    let pair = cluster.release.takes_address_pairs(both_families(cluster), cloud);
    let second = node.spec.second_address.filter(|_| pair).map(|address| address.addr());
    let all: Vec<_> = std::iter::once(node.address).chain(second).map(|address| address.to_string()).collect();
    all.join(",")
}

fn local_endpoint(node: &NodePlan<'_>) -> Value {
    json!({"advertiseAddress": node.address.to_string(), "bindPort": super::node::API_PORT})
}

fn timeouts() -> Value {
    TIMEOUTS.iter().map(|(name, limit)| ((*name).to_owned(), Value::from(duration(*limit)))).collect()
}

fn cluster_configuration(cluster: &ClusterPlan<'_>) -> Map<String, Value> {
    let spec = cluster.spec;
    let networking = &spec.networking;
    let list = |subnets: &[crate::net::IpNet]| subnets.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut document = object(json!({
        "clusterName": spec.name.as_str(),
        "kubernetesVersion": format!("v{}", spec.version),
        "controlPlaneEndpoint": spec.endpoint.to_string(),
        "imageRepository": cluster.image_repository,
        "certificatesDir": "/etc/kubernetes/pki",
        "networking": {
            "podSubnet": list(&networking.pod_subnets),
            "serviceSubnet": list(&networking.service_subnets),
            "dnsDomain": networking.dns_domain.as_str(),
        },
        "etcd": etcd(cluster),
        "apiServer": {"certSANs": cluster.certificate_names},
    }));
    for (field, value) in super::encryption::api_server(cluster).into_iter().flatten() {
        document["apiServer"][field] = value;
    }
    if both_families(cluster) && cluster.release.dual_stack == DualStack::Gated {
        // kubeadm hands it on to the API server, the kubelet and kube-proxy (`cmd/kubeadm/app/componentconfigs`).
        document.insert("featureGates".into(), json!({"IPv6DualStack": true}));
    }
    if let Some(repository) = &cluster.coredns_repository {
        document.insert("dns".into(), json!({"imageRepository": repository}));
    }
    let mut manager = Vec::new();
    if spec.cni == Cni::Bridge {
        // The built-in network gives every node its range itself; two sources would disagree.
        manager.push(json!({"name": "allocate-node-cidrs", "value": "false"}));
    }
    if let Some(directory) = cluster.control_planes().find_map(|plane| plane.os.volume_plugin_dir) {
        manager.push(json!({"name": "flex-volume-plugin-dir", "value": directory}));
    }
    if cluster.bundle.signing_certificate().is_some() {
        // It signs with a file of exactly one certificate, and kubeadm names ca.crt.
        manager.push(json!({"name": "cluster-signing-cert-file", "value": "/etc/kubernetes/pki/cluster-signing.crt"}));
    }
    if !manager.is_empty() {
        document.insert("controllerManager".into(), json!({"extraArgs": manager}));
    }
    document
}

/// The names are those that kubeadm gives its own etcd's files; it takes an etcd elsewhere by whatever names it is told.
fn etcd(cluster: &ClusterPlan<'_>) -> Value {
    let endpoints: Vec<_> = cluster
        .etcd_members()
        .map(|member| format!("https://{}", std::net::SocketAddr::new(member.address, crate::first_boot::ETCD_CLIENTS)))
        .collect();
    if endpoints.is_empty() {
        let token = format!("{}-g{}-{FOUNDING}", cluster.spec.name, cluster.bundle.generation);
        let token = json!({"name": "initial-cluster-token", "value": token});
        return json!({"local": {"dataDir": cluster.spec.etcd_data(), "extraArgs": [token]}});
    }
    json!({"external": {
        "endpoints": endpoints,
        "caFile": "/etc/kubernetes/pki/etcd/ca.crt",
        "certFile": "/etc/kubernetes/pki/apiserver-etcd-client.crt",
        "keyFile": "/etc/kubernetes/pki/apiserver-etcd-client.key",
    }})
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
