//! The checks that a machine's kubeadm is told not to fail on.
//!
//! In: a plan. Out: names. Absent on purpose: what a second `kubeadm init` over the first one's remains ignores beside
//! (`first_boot`).

use serde_json::{Map, Value};

use super::kubelet;
use crate::plan::{ClusterPlan, NodePlan};

/// The name of kubeadm's check for swap (`cmd/kubeadm/app/preflight/checks.go`, `SwapCheck`).
const SWAP: &str = "Swap";

/// Lists the checks by name for one of the user's documents: what it says, or else the other one, and the check that refuses
/// what the kubelet was told to bear.
pub fn ignored(cluster: &ClusterPlan<'_>, node: &NodePlan<'_>, document: &Map<String, Value>) -> Vec<String> {
    let documents = &cluster.spec.documents;
    let said = said(document).or_else(|| said(&documents.init)).or_else(|| said(&documents.join));
    let mut names: Vec<String> = said.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let named = names.iter().any(|name| name.eq_ignore_ascii_case(SWAP));
    if cluster.release.swap_refused && kubelet::beside_swap(cluster, node) && !named {
        names.push(SWAP.to_owned());
    }
    names
}

fn said(document: &Map<String, Value>) -> Option<&Vec<Value>> {
    document.get("nodeRegistration")?.get("ignorePreflightErrors")?.as_array()
}
