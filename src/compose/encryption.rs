//! What API servers encrypt before they store it: the configuration, and how they are told of it.
//!
//! In: a plan. Out: a file for control planes, and the arguments and the volume of the API server's pod. Absent on purpose:
//! other providers than the two that need nothing but a key, and changing the key of a cluster that lives: every API server must
//! read with the new key before the first one writes with it, which takes one restart after another and no first boot.

use serde_json::{Value, json};

use crate::host::File;
use crate::plan::{ClusterPlan, NodePlan};
use crate::yaml::{self, Yaml};

/// Of root's alone from the first byte on. A directory, for a file that is mounted by itself stays the old one when it is replaced.
pub const DIRECTORY: &str = "/etc/kubernetes/encryption";
const FILE: &str = "/etc/kubernetes/encryption/config.yaml";

/// Makes the configuration, where the machine may hold the key.
///
/// The kind is read by every release of the table (`staging/src/k8s.io/apiserver/pkg/apis/config/v1/types.go`, since 1.13).
///
/// # Panics
/// When the bundle has no key; whoever loads a bundle for a profile adds what is missing.
pub fn file(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> Option<File> {
    let encryption = cluster.spec.encryption.as_ref().filter(|_| node.holds.encryption_key)?;
    let key = cluster.bundle.encryption_key.as_ref().expect("the bundle has a key to encrypt with");
    let key = Yaml::map([("name", Yaml::str(&key.name)), ("secret", Yaml::str(key.secret.expose()))]);
    let provider = Yaml::map([("keys", Yaml::Seq(vec![key]))]);
    // The last one reads what was stored in plain.
    let providers = vec![Yaml::map([(encryption.provider.as_str(), provider)]), Yaml::map([("identity", Yaml::Map(vec![]))])];
    let resources = encryption.resources.iter().map(Yaml::str).collect();
    let entry = Yaml::map([("resources", Yaml::Seq(resources)), ("providers", Yaml::Seq(providers))]);
    let document = Yaml::map([
        ("apiVersion", Yaml::str("apiserver.config.k8s.io/v1")),
        ("kind", Yaml::str("EncryptionConfiguration")),
        ("resources", Yaml::Seq(vec![entry])),
    ]);
    Some(File::new(FILE, 0o600, yaml::to_string(&document)))
}

/// What goes into kubeadm's `apiServer` beside the rest: its `extraArgs` and `extraVolumes`.
pub fn api_server(cluster: &ClusterPlan<'_>) -> Option<[(&'static str, Value); 2]> {
    cluster.spec.encryption.as_ref()?;
    let volume =
        json!({"name": "encryption", "hostPath": DIRECTORY, "mountPath": DIRECTORY, "readOnly": true, "pathType": "Directory"});
    Some([("extraArgs", json!([{"name": "encryption-provider-config", "value": FILE}])), ("extraVolumes", json!([volume]))])
}
