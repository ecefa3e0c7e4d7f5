//! Whether every secret lies only where it may.
//!
//! In: a plan and a rendered tree. Out: what lies where it must not. Absent on purpose: the search itself
//! (`leak`), and the table of who may hold what (`plan`).

use crate::leak;
use crate::plan::ClusterPlan;
use crate::secrets::{SecretName, wanted};
use crate::tree::Tree;

/// A secret in a file where it may not be.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exposed {
    /// The file, relative to the output directory.
    pub path: String,
    /// The secret.
    pub secret: SecretName,
}

/// Searches a rendered tree, every layer of every file of it.
#[must_use]
pub fn exposed(plan: &ClusterPlan<'_>, tree: &Tree) -> Vec<Exposed> {
    let wanted = wanted(plan.bundle);
    let mut all = Vec::new();
    for (path, bytes) in tree.iter() {
        let path = path.as_str();
        let holder = path.strip_prefix("nodes/").and_then(|rest| rest.split('/').next());
        let holder = holder.and_then(|name| plan.nodes.iter().find(|node| node.spec.name.as_str() == name));
        let allowed = |secret: &SecretName| match (path, holder) {
            ("admin.kubeconfig", _) => *secret == SecretName::AdministratorKey,
            (_, Some(node)) => node.may_hold(secret),
            (_, None) => false,
        };
        let found = leak::find(&wanted, bytes);
        all.extend(
            found
                .into_iter()
                .filter(|secret| !allowed(secret))
                .map(|secret| Exposed { path: path.into(), secret: secret.clone() }),
        );
    }
    all
}
