//! The kept originals of the public-key infrastructure: what kubeadm finds in its place before each act.
//!
//! In: the bundle and what the node may hold. Out: files below /etc/kubespore. Absent on purpose: leaves,
//! which kubeadm makes on the machine; and who may hold what, which is `plan::Holds`.

use crate::host::File;
use crate::plan::{Act, ClusterPlan, NodePlan};

/// Certificates for whoever verifies with them, keys for those who may hold them.
pub fn files(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Vec<File> {
    let bundle = cluster.bundle;
    // On a worker nothing may stand at /etc/kubernetes/pki/ca.crt before the join (preflight,
    // FileAvailable--etc-kubernetes-pki-ca.crt), so its copy lies elsewhere.
    let mut files = vec![File::new("/etc/kubespore/ca.crt", 0o644, bundle.ca.certificate.as_str())];
    let in_pki = |name: &str| format!("/etc/kubespore/pki/{name}");
    if matches!(node.act, Act::Found | Act::JoinControlPlane) {
        files.push(File::new(in_pki("etcd/ca.crt"), 0o644, bundle.etcd_ca.certificate.as_str()));
    }
    if node.holds.authorities {
        let authorities = [("ca", &bundle.ca), ("front-proxy-ca", &bundle.front_proxy_ca), ("etcd/ca", &bundle.etcd_ca)];
        for (name, pair) in authorities {
            if name != "etcd/ca" {
                files.push(File::new(in_pki(&format!("{name}.crt")), 0o644, pair.certificate.as_str()));
            }
            files.push(File::new(in_pki(&format!("{name}.key")), 0o600, pair.key.expose()));
        }
        files.push(File::new(in_pki("sa.pub"), 0o644, bundle.service_account.public.as_str()));
        files.push(File::new(in_pki("sa.key"), 0o600, bundle.service_account.key.expose()));
    }
    files
}
