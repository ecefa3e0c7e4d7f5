//! What a user has the kubelet of a machine do, wherever it is said.
//!
//! In: a plan. Out: single settings, for those who act on them beside the kubelet. Absent on purpose: its configuration,
//! which `documents` writes.

use serde_json::Value;

use crate::plan::{Act, ClusterPlan, NodePlan};

/// Finds a setting, by a field of the kubelet's configuration or by a flag, which overrides the field.
pub fn setting(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>, field: &str, flag: &str) -> Option<String> {
    let documents = &cluster.spec.documents;
    let shared = if node.act == Act::Found { &documents.init } else { &documents.join };
    let arguments = shared.get("nodeRegistration").and_then(|node| node.get("kubeletExtraArgs")?.as_array());
    let shared = arguments.into_iter().flatten().filter(|argument| argument.get("name").is_some_and(|name| name == flag));
    let shared = shared.filter_map(|argument| argument.get("value")?.as_str()).next_back();
    let own = node.spec.kubelet_extra_args.iter().find(|(name, _)| name == flag).map(|(_, value)| value.as_str());
    let field = node.spec.kubelet.get(field).or_else(|| documents.kubelet.get(field));
    shared.or(own).map(str::to_owned).or_else(|| match field? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    })
}

/// Whether the kubelet runs beside swap, which is then left on.
pub fn beside_swap(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>) -> bool {
    setting(cluster, node, "failSwapOn", "fail-swap-on").as_deref() == Some("false")
}
