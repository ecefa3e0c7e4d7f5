//! The kept originals of the public-key infrastructure: what kubeadm finds in its place before each act.
//!
//! In: the bundle and what the node may hold. Out: files below /etc/kubespore. Absent on purpose: leaves
//! that kubeadm makes on the machine; and who may hold what, which is `plan::Holds`.

use crate::host::File;
use crate::plan::{Act, ClusterPlan, NodePlan};
use crate::secret::Secret;

/// Certificates for whoever verifies with them, keys for those who may hold them.
pub fn files(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Vec<File> {
    let bundle = cluster.bundle;
    // On a worker nothing may stand at /etc/kubernetes/pki/ca.crt before the join (preflight,
    // FileAvailable--etc-kubernetes-pki-ca.crt), so its copy lies elsewhere.
    let mut files = Vec::new();
    if node.act.is_node() {
        files.push(File::new("/etc/kubespore/ca.crt", 0o644, bundle.trusted()));
    }
    let in_pki = |name: &str| format!("/etc/kubespore/pki/{name}");
    let mut pair = |name: &str, certificate: &str, key: Option<&Secret>| {
        files.push(File::new(in_pki(&format!("{name}.crt")), 0o644, certificate));
        files.extend(key.map(|key| File::new(in_pki(&format!("{name}.key")), 0o600, key.expose())));
    };
    if node.holds.cluster_ca {
        pair("ca", &bundle.trusted(), Some(&bundle.ca.key));
        let key = &bundle.front_proxy_ca.key;
        pair("front-proxy-ca", &bundle.front_proxy_ca.certificate, node.holds.front_proxy_ca.then_some(key));
    }
    if matches!(node.act, Act::Found | Act::JoinControlPlane | Act::RunEtcd) {
        pair("etcd/ca", &bundle.etcd_ca.certificate, node.holds.etcd_ca.then_some(&bundle.etcd_ca.key));
    }
    for leaf in &node.holds.leaves {
        if let Some(place) = leaf.place() {
            let issued = cluster.leaf(node, *leaf);
            pair(place, &issued.certificate, Some(&issued.key));
        }
    }
    if node.holds.cluster_ca {
        files.extend(bundle.signing_certificate().map(|own| File::new(in_pki("cluster-signing.crt"), 0o644, own)));
        files.push(File::new(in_pki("sa.pub"), 0o644, bundle.service_account.public.as_str()));
        files.push(File::new(in_pki("sa.key"), 0o600, bundle.service_account.key.expose()));
    }
    files
}
