//! The pod of a joining machine's etcd member, made ahead of the join.
//!
//! In: a plan. Out: a static pod, for control planes that join where a new member votes at once. There the first member
//! has no quorum from the moment it lists a second; a joiner cut just then cannot be helped by kubeadm any more, which
//! reads its configuration from the API server that went down. Absent on purpose: when the pod is used (`first_boot`),
//! and everything kubeadm's own pod has beyond what etcd needs to take its place: probes, patches, seccomp.
//!
//! Source: `cmd/kubeadm/app/phases/etcd/local.go`, `getEtcdCommand`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::host::File;
use crate::kubernetes::images;
use crate::plan::{Act, ClusterPlan, NodePlan};
use crate::yaml::{Yaml, to_string};

const SEAT: &str = "/etc/kubespore/etcd-seat.yaml";
const CERTIFICATES: &str = "/etc/kubernetes/pki/etcd";

/// Makes the pod; nothing where the machine does not join, or its member begins as a learner.
pub fn file(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Option<File> {
    if node.act != Act::JoinControlPlane || cluster.release.etcd_learners || cluster.spec.external_etcd() {
        return None;
    }
    let user = &cluster.spec.documents.cluster;
    let image = images::etcd(cluster.release, cluster.spec.version, user);
    let data = cluster.spec.etcd_data();
    let founder = cluster.nodes.iter().find(|other| other.act == Act::Found)?;
    let command: Vec<_> = std::iter::once("etcd".to_owned())
        .chain(arguments(founder, node, data, user).into_iter().map(|(name, value)| format!("--{name}={value}")))
        .collect();
    let host_path = |name: &str, path: &str| json!({"name": name, "hostPath": {"path": path, "type": "DirectoryOrCreate"}});
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "etcd", "namespace": "kube-system", "labels": {"component": "etcd", "tier": "control-plane"}},
        "spec": {
            "hostNetwork": true,
            "priorityClassName": "system-node-critical",
            "containers": [{
                "name": "etcd",
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "command": command,
                "volumeMounts": [
                    {"name": "etcd-data", "mountPath": data},
                    {"name": "etcd-certs", "mountPath": CERTIFICATES},
                ],
            }],
            "volumes": [host_path("etcd-data", data), host_path("etcd-certs", CERTIFICATES)],
        },
    });
    Some(File::new(SEAT, 0o600, to_string(&Yaml::from(&pod))))
}

/// What kubeadm passes, with the user's own arguments over it, by name.
fn arguments(founder: &NodePlan<'_>, node: &NodePlan<'_>, data: &str, user: &Map<String, Value>) -> BTreeMap<String, String> {
    let url = |address: IpAddr, port: u16| format!("https://{}", std::net::SocketAddr::new(address, port));
    let peer = |of: &NodePlan<'_>| url(of.address, 2380);
    let loopback = if node.address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
    let named = |of: &NodePlan<'_>| format!("{}={}", of.spec.name, peer(of));
    let certificate = |name: &str| format!("{CERTIFICATES}/{name}");
    let mut all: BTreeMap<String, String> = [
        ("name", node.spec.name.to_string()),
        ("data-dir", data.to_owned()),
        ("initial-cluster", format!("{},{}", named(founder), named(node))),
        ("initial-cluster-state", "existing".to_owned()),
        ("initial-advertise-peer-urls", peer(node)),
        ("listen-peer-urls", peer(node)),
        ("advertise-client-urls", url(node.address, 2379)),
        ("listen-client-urls", format!("https://{loopback}:2379,{}", url(node.address, 2379))),
        ("listen-metrics-urls", format!("http://{loopback}:2381")),
        ("snapshot-count", "10000".to_owned()),
        ("cert-file", certificate("server.crt")),
        ("key-file", certificate("server.key")),
        ("client-cert-auth", "true".to_owned()),
        ("trusted-ca-file", certificate("ca.crt")),
        ("peer-cert-file", certificate("peer.crt")),
        ("peer-key-file", certificate("peer.key")),
        ("peer-client-cert-auth", "true".to_owned()),
        ("peer-trusted-ca-file", certificate("ca.crt")),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    let local = user.get("etcd").and_then(|etcd| etcd.get("local")).and_then(|local| local.get("extraArgs"));
    for argument in local.and_then(Value::as_array).into_iter().flatten() {
        if let (Some(name), Some(value)) = (argument["name"].as_str(), argument["value"].as_str()) {
            all.insert(name.to_owned(), value.to_owned());
        }
    }
    all
}
